"""The schema of configs, tried: python -m tests.faults.schema --seed=S

Shipped configs, changed by chance, go through the check of `train` in this process, and some
through the command itself: no traceback, a status that is a fault of the user's, and a key that was
changed is named. Others, which are drawn within the ranges of the schema, are accepted and take a
step. It prints what it has counted and every loss; the status is 1 when there is one.
"""

import argparse
import functools
import json
import math
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gan_jax.augment.policy import of_colours
from gan_jax.experiment import blocks, config
from gan_jax.experiment.presets import LABELLED, METHODS
from gan_jax.experiment.setup import Setup, build_setup, with_hyperparameters
from gan_jax.runtime import compile_cache, load
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Choice, Flag, Integer, Number, Row, Text, of
from gan_jax.sweeps.groups import group
from tests.faults import command, configs
from tests.faults.verdict import civil

SHIPPED = sorted((command.ROOT / 'configs').glob('*.py'))
FAULTS = (2, 65, 66, 69)
SIZE = dict.fromkeys(
    (
        *('celebahq128_sndcgan', 'digits', 'digits_biggan', 'digits_networks', 'digits_r3gan'),
        'folder',
        *('digits_r3gan2', 'digits_stylegan2', 'digits_stylegan3', 'stacked_digits'),
    ),
    16,
)  # else 32
WITHOUT_LABELS = (
    *('celebahq128_sndcgan', 'insgen_ffhq256', 'r3gan_ffhq64', 'r3gan_ffhq256', 'r3gan2_ffhq64'),
    *('r3gan2_ffhq256', 'stylegan2_ffhq256', 'stylegan3_ffhq64'),
)


class Tried(NamedTuple):
    """The results of a number of trials: the count of each outcome, and the losses."""

    counts: Counter
    lost: list[str]


# Mutations ---------------------------------------------------------------------------------------


@functools.cache
def shipped(path: Path) -> str:
    """A shipped config as JSON."""
    return config.load_config(str(path)).to_json()


def mutants(seed: int, count: int) -> Iterator[tuple[list[configs.Change], dict[str, Any]]]:
    """Shipped configs in turn, with one to three changes, and the changes."""
    for index in range(count):
        draw = random.Random(f'{seed}, mutant {index}')
        settings = json.loads(shipped(SHIPPED[index % len(SHIPPED)]))
        changes = [configs.change(settings, draw) for _ in range(draw.randint(1, 3))]
        yield changes, settings


def checked(path: Path) -> None:
    """The check of `train` of a config file, without the command: raises what that would."""
    settings = json.loads(config.load_config(str(path)).to_json())
    key = json.dumps([group(settings), settings['evaluate']])
    if key not in _sound:  # runs that differ in numbers only share all parts
        build_setup(settings, outline=True)
        _sound.add(key)


_sound: set[str] = set()


def mutated(seed: int, count: int) -> Tried:
    """The mutants through the check of `train`."""
    counts, lost = Counter(), []
    with tempfile.TemporaryDirectory(prefix='schema-') as folder:
        path = Path(folder) / 'mutated.py'
        for index, (changes, settings) in enumerate(mutants(seed, count)):
            path.write_text(configs.MUTATED.format(settings))
            outcome, said = 'accepted', ''
            try:
                checked(path)
            except UserError as error:
                outcome = f'status {error.status}'
                said = _wrong(error, changes)
            except Exception:
                outcome, said = 'traceback', traceback.format_exc()[-600:]
            counts[outcome] += 1
            if said:
                lost.append(f'mutant {index}, {"; ".join(map(str, changes))}: {said}')
    return Tried(counts, lost)


def _wrong(error: UserError, changes: Sequence[configs.Change]) -> str:
    if error.status not in FAULTS:
        return f'status {error.status}: {error}'
    return '' if any(names(str(error), one) for one in changes) else f'names no key: {error}'


def names(said: str, change: configs.Change) -> bool:
    """True if a sentence names the key of a change, or its block with the key's name or value."""
    block, _, last = change.key.rpartition('.')
    of_block = block in said and (last in said or change.value.strip("'") in said)
    dotted = 'a.b' in change.key and 'a.b' in said  # which a ConfigDict refuses without the block
    return change.key in said or of_block or dotted


def commanded(seed: int, count: int) -> Tried:
    """Mutants of their own through the command."""
    counts, lost = Counter(), []
    with tempfile.TemporaryDirectory(prefix='schema-') as folder:
        path = Path(folder) / 'mutated.py'
        for index, (changes, settings) in enumerate(mutants(-1 - seed, count)):
            path.write_text(configs.MUTATED.format(settings))
            done = command.run(command.plain('train', f'--config={path}', '--dry_run'))
            counts[f'status {done.status}'] += 1
            said = civil(done, (0, *FAULTS))
            if done.status in FAULTS and not _accepted(path):
                found = any(names(done.err, one) for one in changes)
                said = said or ('' if found else f'names no key: {done.err}')
            if said:
                lost.append(f'command {index}, {"; ".join(map(str, changes))}: {said}')
    return Tried(counts, lost)


def _accepted(path: Path) -> bool:
    """True if the config is sound and only the machine lacks something, such as weights."""
    try:
        checked(path)
    except UserError:
        return False
    return True


# Valid variations --------------------------------------------------------------------------------

# What a step costs is kept small; every other key is drawn from the whole of its range.
CHEAP = {
    'batch_size': Choice((4, 8)),
    'd_steps': Integer(1, 2),
    'accumulate': Integer(1, 2),
    'latent.dim': Choice((4, 8, 12)),
    'data.subset_seed': Integer(0, 9),
    'data.fraction': Number(0.1, 1),
    'width': Number(0.001, 0.03),
    'channels': Integer(1, 2),
    'hidden': Integer(1, 8),
    'size': Integer(1, 8),
    'shared': Integer(1, 4),
    'count': Integer(1, 2),
    'base': Integer(1, 64),
    'most': Integer(1, 4),
    'units': Integer(1, 8),
    'layers': Integer(1, 2),
    'blocks': Integer(1, 2),
    'group': Integer(0, 2),
    'group_size': Choice((4, 8, 16)),
    'head_size': Choice((4, 8)),
    'queue': Integer(1, 64),
    'neighbours': Integer(1, 64),
}
# Traced by the step, or read by the loop alone: these make no other program.
NUMBERS = ('seed', 'steps', 'every.log', 'every.checkpoint', 'every.evaluate', 'every.sample')
FIXED = ('num_classes', 'label_size', 'mu_dtype', 'clipping_threshold')
POLICIES = ('translation', 'cutout', 'zoom_out', 'flip|translation', 'cutmix', 'instance_noise')
OPTIMIZERS = ('adam', 'sgd', 'rmsprop', 'adamw', 'yogi')


def drawn(expected: Any, draw: random.Random) -> Any:
    """A value within a range, now and then at its end."""
    one = draw.choice(of(expected))
    if isinstance(one, Flag):
        return draw.random() < 0.5
    if isinstance(one, Choice):
        return draw.choice(one.values)
    low, high = one.low, one.high
    if isinstance(one, Integer):
        return draw.choice(
            (low, high, draw.randint(low, high), min(high, low + draw.randint(0, 9)))
        )
    ends = [low] * (not one.above) + [high] * (not one.below)
    # By its size: a range of many powers of ten is drawn evenly over them.
    small = max(low, high * 1e-9)
    return draw.choice([*ends, small * (high / small) ** (0.999 * draw.random())])


def structure(draw: random.Random, files: Sequence[Path] = SHIPPED) -> dict[str, Any]:
    """A small config: one of the files, a method, policies and optimisers, and their keywords."""
    path = draw.choice(files)
    methods = [m for m in METHODS if m not in LABELLED or path.stem not in WITHOUT_LABELS]
    in_codes = 'autoencoder' in json.loads(shipped(path))['data']
    policies = [one for one in POLICIES if not (in_codes and of_colours(one))]
    method, policy = draw.choice(methods), draw.choice(policies)
    text = f'{path}:method={method},augment={policy},strength=0.1'
    settings = json.loads(config.load_config(text).to_json())
    size = SIZE.get(path.stem, 32)
    settings['data'] |= {'name': 'digits', 'size': size, 'dir': ''}
    settings['data'].pop('autoencoder', None)  # digits are not encoded here
    for net in ('generator', 'discriminator'):
        if 'widths' in settings[net]:  # one for each size from 4 pixels on, of R3GAN2 from 8 on
            smallest = 8 if 'r3gan2' in settings[net]['fn'] else 4
            settings[net]['widths'] = [8] * (size // smallest).bit_length()
            own = [8] if smallest == 8 else 8  # R3GAN2's may follow maps of several sides
            settings[net] |= {'attention': own} if 'attention' in settings[net] else {}
    for block in (settings['generator'], *settings['terms'].values()):
        block |= {'num_classes': 10} if 'num_classes' in block else {}
    if settings['logit'].get('num_classes'):
        settings['logit']['num_classes'] = 10
    settings['evaluate'] |= {'metrics': '', 'full': ''}
    settings['mesh'] = {'data': 1, 'model': 1}
    settings['dtype'] = draw.choice(('float32', 'float32', 'bfloat16'))
    settings['optim'] = {side: _optimizer(draw) for side in 'gd'}
    for key in ('batch_size', 'd_steps', 'accumulate', 'latent.dim', 'data.fraction'):
        _set(settings, key, drawn(CHEAP[key], draw))
    for key in ('ema.halflife_images', 'ema.ramp', 'data.subset_seed'):
        _set(settings, key, drawn(CHEAP.get(key, config.VALUES[key]), draw))
    for name, block, kind, supplied in list(blocks.blocks(settings)):
        for key, expected in load.keywords(block, kind, supplied=supplied).items():
            if any(isinstance(one, Text | Row) for one in of(expected)):
                continue  # a policy, or names of layers
            if of(expected) and key not in FIXED and (key in CHEAP or draw.random() < 0.7):
                _set(settings, f'{name}.{key}', drawn(CHEAP.get(key, expected), draw))
    if 'features' in settings['latent']:  # 64 of digits, beside noise
        settings['latent'] |= {'features': 'digits', 'dim': 64 + settings['latent']['dim']}
    if 'size' in settings['terms']['adversarial']:
        settings['terms']['adversarial']['size'] = settings['latent']['dim']
    settings['joint'] = settings['joint'] if draw.random() < 0.8 else False
    return settings


def _optimizer(draw: random.Random) -> dict[str, Any]:
    return {'fn': f'optax.{draw.choice(OPTIMIZERS)}', 'learning_rate': 0.0}


def numbers(settings: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The config with other numbers that make no other program."""
    settings = json.loads(json.dumps(settings))
    for key in NUMBERS:
        _set(settings, key, drawn(config.VALUES[key], draw))
    settings['augment']['strength'] = draw.uniform(0.01, 0.6)
    for block in settings['terms'].values():
        weight = block['weight']
        is_divided = isinstance(weight, dict) and 'fn' not in weight  # else a number or a schedule
        parts = weight if is_divided else {'': weight}
        drawn_parts = {part: drawn(blocks.NUMBER, draw) or 1.0 for part in parts}
        block['weight'] = drawn_parts if is_divided else drawn_parts['']
    for side in 'gd':
        settings['optim'][side]['learning_rate'] = drawn(blocks.RATE, draw)
    return settings


def _set(settings: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split('.')
    block = functools.reduce(lambda block, part: block[part], parents, settings)
    block[last] = value


def varied(seed: int, count: int, programs: int, files: Sequence[Path] = SHIPPED) -> Tried:
    """Valid configs of so many programs: each is accepted and takes its step."""
    counts, lost = Counter(), []
    each = max(1, math.ceil(count / programs))
    for first in range(0, count, each):
        draw = random.Random(f'{seed}, valid {first}')
        base, parts, program = structure(draw, files), None, first // each
        for index in range(first, min(first + each, count)):
            settings = numbers(base, draw)
            try:
                if faults := config.faults(settings):
                    raise UserError('; '.join(faults))
                if parts is None:
                    parts = build_setup(settings)
                    counts['programs'] += 1
                _step(parts, settings)
                counts['took a step'] += 1
            except Exception as error:
                if not isinstance(error, UserError):
                    traceback.print_exc()
                lost.append(f'valid {index} of program {program}: {error}: {json.dumps(settings)}')
                break
    return Tried(counts, lost)


def _step(parts: Setup, settings: dict[str, Any]) -> None:
    """One step from the first state, whatever numbers come of it."""
    hyper = with_hyperparameters(parts, settings).experiment.hyper
    state = parts.program.update(parts.program.init(hyper), 0, hyper)
    assert int(state.step) == 1
    jax.block_until_ready(state)


# The command -------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    flags = _parse(arguments)
    compile_cache.use()
    # What runs once or a few times is best compiled soonest.
    jax.config.update('jax_disable_most_optimizations', True)
    lost = []
    for what, trials in {
        'mutations': lambda: mutated(flags.seed, flags.mutations),
        'commands': lambda: commanded(flags.seed, flags.commands),
        'valid': lambda: varied(flags.seed, flags.valid, flags.programs),
    }.items():
        begun = time.time()
        found = trials()
        counts = ', '.join(f'{name} {count}' for name, count in sorted(found.counts.items()))
        print(f'{what}: {counts or "none"}; lost {len(found.lost)}; {time.time() - begun:.0f} s')
        sys.stdout.flush()
        lost += found.lost
    for loss in lost:
        print(f'lost: {loss}', file=sys.stderr)
    return 1 if lost else os.EX_OK


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        'python -m tests.faults.schema',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--seed', type=int, default=0, help='other configs for each')
    parser.add_argument('--mutations', type=int, default=1500, help='checked in this process')
    parser.add_argument('--commands', type=int, default=60, help='through the command')
    parser.add_argument('--valid', type=int, default=300, help='that take a step')
    parser.add_argument('--programs', type=int, default=30, help='that these are of')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
