"""Numbers of a config that may be schedules, and numbers that are data of the compiled step.

A block with `fn` in the place of a number is a schedule:
`weight=dict(fn='gan_jax.schedules.linear', start=0.0, end=10.0, over=0.5, unit='run')`.
"""

import inspect
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gan_jax.experiment.kinds import SCHEDULE
from gan_jax.runtime import load, ranges
from gan_jax.runtime.errors import of_part
from gan_jax.runtime.ranges import Choice
from gan_jax.schedules import Schedule

UNITS = ('steps', 'images', 'run')
# Keys outside the blocks of functions that may hold a schedule, with a number that stands in for it
# where only the form of a config is checked.
OPEN = {'augment': {'strength': 0.0, 'probability': 1.0}, 'ema': {'halflife_images': 1.0}}
AVERAGE = OPEN['ema']  # likewise, of a block of config.averages
# Keys of a term's or an optimiser's block that are no keywords, likewise. Other keys are left out.
RESERVED = {'weight': 1.0, 'strength': 0.0, 'probability': 1.0, 'learning_rate': 1.0}


def apart(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """A config without schedules, and the schedules by key: {'terms.penalty.weight': block}.

    A number stands in for each schedule; a scheduled keyword of a function is left out.
    """
    plain, found = _nested(config), {}
    places = [(top, _block(plain.get(top)), known) for top, known in OPEN.items()]
    averages = _block(plain.get('averages')).items()
    places += [(f'averages.{name}', _block(block), AVERAGE) for name, block in averages]
    for where, block, known in places:
        _take(block, where, [key for key in known if key in block], known, found)
    for top in ('terms', 'optim'):
        for name, block in _block(plain.get(top)).items():
            _take(_block(block), f'{top}.{name}', [*_block(block)], RESERVED, found)
            parts = _block(_block(block).get('weight'))
            _take(parts, f'{top}.{name}.weight', [*parts], dict.fromkeys(parts, 1.0), found)
    return plain, found


def schedule_faults(
    schedules: Mapping[str, Mapping[str, Any]], allow: Collection[str] | None
) -> Iterator[str]:
    """Everything wrong with the schedules of a config, but for their values."""
    for key, block in schedules.items():
        wrong = load.faults(block, SCHEDULE, allow=allow)
        yield from (f'config.{key}: {fault}' for fault in wrong)
        unfit = load.misfits(block, SCHEDULE, allow=allow)
        for name, words in unfit.items():
            yield f'config.{key}.{name} is {ranges.quoted(block[name])}: give {words}'
        if words := ranges.instead(Choice(UNITS), block.get('unit', 'steps')):
            yield f'config.{key}.unit is {ranges.quoted(block["unit"])}: give {words}'


def data_of(block: Mapping[str, Any]) -> tuple[str, ...]:
    """The keywords of a schedule that are data: numbers which its function does not inspect.

    A function that compares a number in Python cannot have it traced; neither can an integer be, by
    its annotation. Such keywords are part of the program.
    """
    annotations = load.keywords(block, SCHEDULE)
    given = {k: v for k, v in block.items() if k not in ('fn', 'unit')}
    numbers = [
        name
        for name, value in given.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and annotations.get(name) is not int
    ]
    return tuple(name for name in numbers if _traces(block, given, name))


def data_keywords(block: Mapping[str, Any], kind: load.Kind) -> dict[str, Any]:
    """The keywords of a block that its function marks as `ranges.DATA`, with their values."""
    parameters = inspect.signature(load.resolve(block['fn'], kind)).parameters
    return {
        name: block.get(name, parameters[name].default)
        for name, annotation in load.keywords(block, kind).items()
        if ranges.DATA in getattr(annotation, '__metadata__', ())
    }


def make_number(
    key: str, value: Any, config: Mapping[str, Any], allow: Collection[str] | None = None
) -> Any:
    """A number of a config for `Hyper`: f32 [], or the schedule of a valid block.

    Args:
        key: of the config, without 'config.'.
        value: number or block.
        config: nested; read are `batch_size` and `steps`.
        allow: as in `load.resolve`.

    Raises:
        PartError: the schedule fails, or a value of it is no finite number.
    """
    if not isinstance(value, Mapping):
        return np.float32(value)
    data = data_of(value)
    per_step = {'steps': 1.0, 'images': config['batch_size'], 'run': 1 / config['steps']}
    fixed = {k: v for k, v in value.items() if k not in (*data, 'fn', 'unit')}
    made = Schedule(
        numbers={name: np.float32(value[name]) for name in data},
        per_step=np.float32(per_step[value.get('unit', 'steps')]),
        name=key,
        make=load.resolve(value['fn'], SCHEDULE, allow),
        fixed=json.dumps(fixed, sort_keys=True),
    )
    with of_part(f'config.{key}'):
        _check_values(made, config['steps'])
    return made


def without_data(block: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule's block with None for what is data of the step."""
    return {**block, **dict.fromkeys(data_of(block)), 'unit': None}


def _traces(block: Mapping[str, Any], given: Mapping[str, Any], name: str) -> bool:
    make = load.resolve(block['fn'], SCHEDULE)

    def value(number: Any, count: Any) -> Any:
        return make(**{**given, name: number})(count)

    scalar = jax.ShapeDtypeStruct((), np.float32)
    try:
        jax.eval_shape(value, scalar, scalar)
    except Exception:  # a function of anybody; its fault shows when it is called with its numbers
        return False
    return True


def _check_values(made: Schedule, steps: int) -> None:
    """Raises unless the schedule gives finite scalars at the ends and in the middle of a run."""
    for step in sorted({0, steps // 2, steps}):
        value = np.asarray(made.at(np.int32(step)))
        if value.shape != () or not np.isfinite(value):
            raise ValueError(
                f'its value at step {step} is {ranges.quoted(value)}: a schedule gives one finite '
                'number'
            )


def _take(
    block: Any,
    where: str,
    keys: Collection[str],
    stand_ins: Mapping[str, float],
    found: dict[str, Mapping[str, Any]],
) -> None:
    """Moves the schedules at these keys of a block to `found`."""
    for key in keys:
        if 'fn' not in _block(block[key]):
            continue
        found[f'{where}.{key}'] = block.pop(key)
        if key in stand_ins:
            block[key] = stand_ins[key]


def _nested(tree: Any) -> Any:
    """A copy of a config in dicts."""
    plain = tree.to_dict() if hasattr(tree, 'to_dict') else tree
    return {k: _nested(v) for k, v in plain.items()} if isinstance(plain, Mapping) else plain


def _block(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
