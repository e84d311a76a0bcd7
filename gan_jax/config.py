"""From a config file and command-line overrides to a checked configuration, all faults at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from gan_jax import load
from gan_jax.augment import policy as policies
from gan_jax.errors import UserError
from gan_jax.evaluate.extractor import EXTRACTOR
from gan_jax.generate import BATCH_NORM, WEIGHTS
from gan_jax.kinds import NETWORK, OPTIMIZER, TERM
from gan_jax.labels import CHOICES

# What a resumed run may change: how long it goes, how often it looks and at what, where the data
# lie, which their digest knows again, and the devices, which change its rounding alone; not the
# experiment.
CHANGEABLE = ('steps', 'every', 'evaluate', 'data.dir', 'mesh')
# And a run of a sweep, whose table compares scores that were measured alike.
CHANGEABLE_IN_A_SWEEP = tuple(key for key in CHANGEABLE if key != 'evaluate')

# The networks' blocks, and the keywords that the program itself supplies to each.
NETWORKS = {'generator': ('shape', 'dtype'), 'discriminator': ('dtype',), 'logit': ()}

# The largest numbers of int32 and float32, in which a program counts and calculates.
INT32, FLOAT32 = 2**31 - 1, 3.4e38
LONG = 100  # characters of a value in a sentence
# Updates of D times parts of each. A CPU has them written out: digits.py was compiled in 25 s of a
# core for 4, in 45 s for 8 and in 87 s for 16, 5.2 s for each, and so in 340 s for this many.
PARTS = 64


def _integer(least: int, most: int) -> tuple:
    return int, lambda v: least <= v <= most, f'an integer from {least} to {most}'


# Every other key: its type, its range, and the range in words. No value that is let through keeps
# the program from answering.
COUNT = _integer(1, INT32)
POSITIVE = (float, lambda v: 1e-30 <= v <= 1e30, 'a positive number, from 1e-30 to 1e30')
TEXT = (str, lambda v: True, 'a text')
SEED = _integer(0, INT32)
VALUES = {
    'seed': SEED,
    'steps': COUNT,
    'batch_size': _integer(2, INT32),
    'd_steps': _integer(1, PARTS),
    'accumulate': _integer(1, PARTS),
    'steps_per_dispatch': _integer(1, 1000),
    'joint': (bool, lambda v: True, 'True or False'),
    'data.name': TEXT,
    'data.size': _integer(1, 1024),
    'data.dir': TEXT,
    'data.fraction': (float, lambda v: 0 < v <= 1, 'a number above 0, up to 1'),
    'data.subset_seed': SEED,
    'latent.dim': _integer(1, 2**24),
    'latent.labels': (
        str,
        lambda v: v in CHOICES,
        "'data', for the proportions of its classes, or 'uniform'",
    ),
    'augment.real': TEXT,
    'augment.critic': TEXT,
    'augment.view': TEXT,
    'augment.strength': (float, lambda v: v >= 0, 'a number from 0 to 3.4e38'),
    'ema.halflife_images': POSITIVE,
    'ema.ramp': POSITIVE,
    'evaluate.metrics': TEXT,
    'evaluate.full': TEXT,
    'evaluate.num': _integer(2, 1_000_000),
    'evaluate.weights': (str, lambda v: v in WEIGHTS, "'ema' or 'raw'"),
    'evaluate.batch_norm': (
        str,
        BATCH_NORM.fullmatch,
        "'moving', 'batch' or 'standing(N)' with N from 1 to 9999",
    ),
    'evaluate.unaugmented': TEXT,
    'every.log': COUNT,
    'every.sample': COUNT,
    'every.evaluate': COUNT,
    'every.full': COUNT,
    'every.checkpoint': COUNT,
    'mesh.data': (int, lambda v: v == -1 or v >= 1, 'a number of devices, or -1 for all'),
    'mesh.model': COUNT,
    'dtype': (str, lambda v: v in ('float32', 'bfloat16'), "'float32' or 'bfloat16'"),
}


def read(path: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """The locked config of `FILE` or `FILE:arguments` with `--config.key=value` applied.

    Raises:
        UserError: the file cannot be used, or everything that is wrong with the overrides and the
            resulting values, a line each.
    """
    known = list(flat(_parse(path)))
    good, wrong = [], []
    for override in overrides:
        key = override.split('=')[0].removeprefix('--').removeprefix('no').removeprefix('config.')
        try:
            if key not in known:
                raise UserError(f"config has no '{key}'{load.nearest(key, known)}")
            _parse(path, override)
            good.append(override)
        except UserError as error:
            wrong.append(str(error))
    config = _parse(path, *good)
    wrong += faults(config)
    if wrong:
        raise UserError('\n'.join(wrong))
    return config


def faults(config: Mapping[str, Any], allow: Collection[str] | None = None) -> list[str]:
    """Everything wrong with the values of a config, a sentence each; [] when nothing is.

    Args:
        config: nested, as a config file or a workdir's config.json has it.
        allow: packages whose code the config may name, as in `load.resolve`.
    """
    if wrong := list(_shape_faults(config)):
        return wrong
    values = flat(config)
    own = [k for k in values if k.split('.')[0] not in (*NETWORKS, 'terms', 'optim')]
    unknown = [k for k in own if k not in VALUES]
    wrong = [f"config has no use for '{k}'{load.nearest(k, VALUES)}" for k in unknown]
    for key, (kind, check, expected) in VALUES.items():
        if key not in values:
            wrong.append(f'config.{key} is missing: give {expected}')
        elif not (_is(kind, values[key]) and check(values[key])):
            wrong.append(f'config.{key} is {_said(values[key])}: give {expected}')
    wrong += _number_faults({k: v for k, v in values.items() if k not in VALUES})
    wrong += _batch_faults(values)
    wrong += _block_faults(config, allow)
    return wrong or [*_policy_faults(config, allow), *_metric_faults(config, allow)]


def strengths(config: Mapping[str, Any]) -> dict[str, float]:
    """The strength of every policy of the config that takes one."""
    return {p: s for _, p, s in _policies(config) if policies.needs_strength(p)}


def flat(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """{'a.b': value} for every leaf of a nested mapping."""
    leaves = {}
    for key, value in tree.items():
        if _is_block(value):
            leaves |= flat(value, f'{prefix}{key}.')
        else:
            leaves[f'{prefix}{key}'] = value
    return leaves


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], may_change: Sequence[str] = CHANGEABLE
) -> list[str]:
    """What a resumed run may not change but did, a line a key."""
    a, b = flat(old), flat(new)
    keys = [k for k in sorted(a.keys() | b.keys()) if not {k, k.split('.')[0]} & {*may_change}]
    return [f'{k}: {_said(a.get(k))} -> {_said(b.get(k))}' for k in keys if a.get(k) != b.get(k)]


def _parse(path: str, *overrides: str) -> ConfigDict:
    """One run of the config library, which stops at its first fault."""
    if not Path(path.split(':')[0]).is_file():
        raise UserError(f'there is no config file {path.split(":")[0]}')
    arguments = ['train', f'--config={path}', *overrides]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file('config', flag_values=values, sys_argv=arguments)
    try:
        values(arguments)
    except flags.Error as error:
        said = str(error)
        if 'Traceback' in said:  # the file itself failed; the library quotes it whole
            said = f'{path}: {said.strip().splitlines()[-1]}'
        raise UserError(said.removeprefix('flag --')) from error
    except (Exception, SystemExit) as error:  # a config file is Python: it may raise anything
        raise UserError(f'{path}: {type(error).__name__}: {error}') from error
    if not isinstance(values.config, ConfigDict):
        raise UserError(f'{path}: get_config returns {_said(values.config)}: return a ConfigDict')
    return values.config


def _said(value: Any) -> str:
    """A value in a sentence; what is long is cut."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return 'a number of thousands of digits'
    return text if len(text) <= LONG else f'{text[:LONG]}...'


def _is(kind: type, value: Any) -> bool:
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and -FLOAT32 <= value <= FLOAT32
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _shape_faults(config: Any, name: str = 'config') -> Iterator[str]:
    """Of what is no tree of blocks; only a config.json can be none."""
    blocks = {'config': ('terms', 'optim', *NETWORKS), 'config.optim': ('g', 'd')}
    if not _is_block(config):
        yield f'{name} is {_said(config)}: give a block of values'
        return
    for key in config:
        if not isinstance(key, str) or '.' in key:
            yield f"{name} has no use for '{key}'"
    if name == 'config' and 'terms' not in config:
        yield 'config.terms is missing: give a block of terms'
    for key in blocks.get(name, config if name == 'config.terms' else ()):
        yield from _shape_faults(config.get(key, {}), f'{name}.{key}')


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping | ConfigDict)


def _number_faults(values: Mapping[str, Any]) -> Iterator[str]:
    """Numbers of blocks, alone or in a row, that the program cannot hold."""
    for key, value in values.items():
        block, *_ = path = key.split('.')
        if block in ('terms', 'optim') and path[2:3] in (['weight'], ['every'], ['learning_rate']):
            continue  # has a range of its own
        for number in _leaves(value):
            if isinstance(number, float) and not _is(float, number):
                expected = f'give a finite number, of at most {FLOAT32:g}'
                yield f'config.{key} is {_said(value)}: {expected}'
            if _is(int, number) and not -INT32 <= number <= INT32:
                yield f'config.{key} is {_said(value)}: give an integer of at most {INT32}'


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _batch_faults(values: Mapping[str, Any]) -> Iterator[str]:
    size, parts = (values.get(key) for key in ('batch_size', 'accumulate'))
    updates = values.get('d_steps')
    if _is(int, updates) and _is(int, parts) and updates * parts > PARTS:
        yield (
            f'config.d_steps is {updates} and config.accumulate {parts}: a step of so many parts '
            f'is not compiled in time; give two numbers whose product is at most {PARTS}'
        )
    if _is(int, size) and _is(int, parts) and parts > 0 and size % parts:
        yield (
            f'config.accumulate is {parts}, and config.batch_size {size} does not divide into so '
            'many parts: change one of them'
        )


def _block_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> Iterator[str]:
    blocks = {name: (NETWORK, supplied) for name, supplied in NETWORKS.items()}
    blocks |= {f'terms.{name}': (TERM, ()) for name in config.get('terms', {})}
    blocks |= {f'optim.{side}': (OPTIMIZER, OPTIMIZER.reserved) for side in 'gd'}
    for name, (kind, supplied) in blocks.items():
        block = config
        for part in name.split('.'):
            block = block.get(part, {})
        for fault in load.faults(block, kind, allow=allow, supplied=supplied):
            yield f'config.{name}: {fault}'
        yield from _reserved_faults(name, block, kind.reserved)


def _reserved_faults(name: str, block: Mapping[str, Any], reserved: Sequence[str]) -> Iterator[str]:
    if 'learning_rate' in reserved and not (
        _is(float, block.get('learning_rate')) and block['learning_rate'] >= 0
    ):
        yield (
            f'config.{name}.learning_rate is {_said(block.get("learning_rate"))}: give a number '
            f'from 0 to {FLOAT32:g}'
        )
    if 'weight' in reserved:
        weight = block.get('weight')
        parts = weight.values() if _is_block(weight) else [weight]
        if not all(_is(float, part) for part in parts):
            yield (
                f'config.{name}.weight is {_said(weight)}: give a number, or one for each part, '
                f'of at most {FLOAT32:g}'
            )
        every = block.get('every', 1)
        _, check, expected = COUNT
        if not (_is(int, every) and check(every)):
            yield f'config.{name}.every is {_said(every)}: give {expected}'
        if not isinstance(block.get('policy', ''), str):
            yield f'config.{name}.policy is {_said(block["policy"])}: give a text'
        if not _is(float, block.get('strength', 0.0)):
            yield f'config.{name}.strength is {_said(block["strength"])}: give a number'


def _policies(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """(where it stands, policy, its strength) for every policy of the config."""
    augment = config['augment']
    for use in ('real', 'critic', 'view'):
        yield f'augment.{use}', augment[use], augment['strength']
    for name, term in config['terms'].items():
        if 'policy' in term or 'strength' in term:
            policy = term.get('policy') or augment['view']
            yield f'terms.{name}', policy, term.get('strength', augment['strength'])


def _policy_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> list[str]:
    wrong, seen = [], {}
    for where, policy, strength in _policies(config):
        try:
            policies.check(policy, strength, allow=allow)
        except ValueError as error:
            wrong.append(f'config.{where}: {error}')
            continue
        other, known = seen.setdefault(policy, (where, strength))
        if policies.needs_strength(policy) and known != strength:
            wrong.append(
                f"config.{other} and config.{where} give the policy '{policy}' two strengths, "
                f"{known} and {strength}: write one into the policy, as in 'translation(0.2)'"
            )
    return wrong


def _metric_faults(config: Mapping[str, Any], allow: Collection[str] | None) -> Iterator[str]:
    """Of the code that metrics name, as in 'fd5k_test@my_package.function'."""
    for use in ('metrics', 'full'):
        for metric in config['evaluate'][use].split(','):
            name, _, named = metric.partition('@')
            try:
                if name == 'leak':
                    policies.parse(named, allow=allow)
                elif '.' in named:
                    load.resolve(named, EXTRACTOR, allow)
            except ValueError as error:
                yield f"config.evaluate.{use} names '{metric}': {error}"
