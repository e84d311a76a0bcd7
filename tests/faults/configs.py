"""Wrong configs: by hand, each with the word that has to be said, and by mutation."""

import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment import config
from gan_jax.runtime.ranges import quoted
from tests.faults import verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import CONFIG, KEPT, Bench, flags_of, within
from tests.faults.verdict import civil, first

# Values on the command line, and what must be named.
VALUES = {
    'steps': ('0', '-1', 'x', '1.5', '', '10**9', '99999999999999999999'),
    'batch_size': ('1', '1000000000000', 'None'),
    'd_steps': ('0', '1000000000'),
    'accumulate': ('3', '0'),
    'steps_per_dispatch': ('0', '100000000000'),
    'latent.dim': ('0', '-5', '1000000000000'),
    'data.name': ('/', '.', '/dev/zero', '/dev/full', '/proc/self/mem', 'nothing', ''),
    'data.size': ('0', '100000000'),
    'data.fraction': ('0', '-1', '1.01', 'nan', 'inf'),
    'data.held_out': ('-1', '0.6', 'nan'),
    'data.background': ('pink', '#12', '0'),
    'augment.view': ('nothing', 'translation(', 'x.y', 'translation(nan)'),
    'augment.strength': ('-1', 'inf', 'nan'),
    'evaluate.metrics': ('nothing', 'fid0k_test', 'leak@nothing'),
    'evaluate.num': ('1', '-7', '100000000000000'),
    'evaluate.batch_norm': ('standing(0)', 'none'),
    'every.log': ('0', '-1'),
    'every.checkpoint': ('0',),
    'mesh.data': ('0', '99', '-2'),
    'mesh.model': ('0', '7'),
    'dtype': ('float8', ''),
    'seed': ('-1', '2147483648'),
    'ema.ramp': ('0', 'inf'),
    'generator.fn': (
        'os.system',
        '.x',
        '',
        'x',
        'gan_jax.nothing.x',
        'gan_jax.runtime.errors.UserError',
    ),
    'generator.width': ('nan', 'x'),
    'discriminator.fn': ('optax.adam', 'gan_jax.train.main'),
    'optim.g.fn': ('optax.nothing', 'gan_jax.prepare.main'),
    'optim.g.learning_rate': ('nan', '-1', 'x'),
    'optim.d.b1': ('nan',),
    'nothing': ('1',),
}
FLAGS = [(key, value) for key, values in VALUES.items() for value in values]

SHIPPED = """import runpy
c = runpy.run_path('tests/smoke.py')['get_config']()
def get_config(text=''):
    {}
    return c
"""
# Files, and what must be said of them; '' is the file's own name.
LINES = {
    'c.generator = None': 'generator',
    'c.terms = None': 'terms',
    'c.terms = []': 'terms',
    'c.terms.adversarial = 3': 'adversarial',
    'c.augment.view = 3': 'view',
    'c.augment = None': 'augment',
    'c.seed = 10 ** 5000': 'seed',
    'c.generator.fn = None': 'generator',
    "c.generator.fn = '..x.y'": 'generator',
    'c.optim.g = None': 'optim',
    'c.every = 7': 'every',
    'c.data.name = None': 'data.name',
    'c.mesh = None': 'mesh',
    "c.data.name = 'a\\0b/c'": 'exist',
    'c.evaluate.metrics = None': 'evaluate',
    'return None': '',
    'return 3': '',
    'return {}': 'ConfigDict',
    'raise SystemExit(0)': '',
    'import nothing_of_that_name': '',
    'return get_config(text)': '',
    '1 / 0': '',
}
TEXTS = {
    'empty': '',
    'no Python': 'def get_config(:',
    'no function': 'x = 1',
    'no text': b'\xff\xfe\x00 get_config',
    'ended': 'import sys\nsys.exit(0)',
}

Place = Callable[[Path], None]
PLACES: dict[str, Place] = {
    'a folder': Path.mkdir,
    'a pipe': os.mkfifo,
    'a loop': lambda path: path.symlink_to(path),
    'nothing': lambda path: None,
    'a socket': lambda path: _socket(path),
}


class Case(NamedTuple):
    """A config that is wrong.

    Attributes:
        name: of the trial.
        flags: of the command; FOLDER stands for a folder.
        word: that must be said.
        lay: puts what the flags name into the folder.
    """

    name: str
    flags: list[str]
    word: str
    lay: Callable[[Path], None] = lambda folder: None


def by_hand(bench: Bench, draw: random.Random, index: int) -> str:
    """One of the lists above, trained."""
    case = CASES[index % len(CASES)]
    case.lay(bench.scratch)
    flags = [flag.replace('FOLDER', str(bench.scratch)) for flag in case.flags]
    done = within('gan_jax.train', [*flags_of(bench.scratch / 'run'), *flags])
    lost = first(
        civil(done, (2, 65, 66, 69)),
        case.word not in done.err and f"does not say '{case.word}': {done.err}",
    )
    return lost and f'{case.name}: {lost}'


def _cases() -> Iterator[Case]:
    for key, value in FLAGS:
        word = value if key in ('data.name', 'evaluate.metrics') else key.split('.')[0]
        yield Case(f'{key}={value}', [f'--config.{key}={value}'], word)
    for name in ('a pipe', 'a socket'):
        flags = [f'--config.data.name=FOLDER/{name}.png']
        yield Case(f'data.name is {name}', flags, name, _laid(PLACES[name], f'{name}.png'))
    contents = {line: SHIPPED.format(line) for line in LINES} | TEXTS
    for name, content in contents.items():
        lay = _laid(_written(content), 'wrong.py')
        yield Case(name, ['--config=FOLDER/wrong.py'], LINES.get(name) or 'wrong.py', lay)
    for name, make in PLACES.items():
        yield Case(name, ['--config=FOLDER/wrong.py'], 'wrong.py', _laid(make, 'wrong.py'))


def _laid(make: Place, name: str) -> Callable[[Path], None]:
    return lambda folder: make(folder / name)


def _written(content: str | bytes) -> Place:
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda path: path.write_bytes(raw) and None


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


CASES = [*_cases()]

POOL = (
    *(None, True, False, 0, -1, 1, 2**31, 10**12, 10**400, 0.0, -1.0, 0.5, 1e308, 1e-320),
    *(float('nan'), float('inf'), '', 'x', '\0', '/', '..', 'a.b', 'é' * 5000, 'optax.adam'),
    *('gan_jax.terms.adversarial.hinge', 'translation(0.1)', 'os.system', [], [1], {}, {'fn': 1}),
    *({'fn': 'gan_jax.models.critic.Logit'}, {'': {'': {}}}),
)


MUTATED = """from ml_collections import ConfigDict
nan, inf = float('nan'), float('inf')
def get_config(text=''):
    return ConfigDict({!r})
"""


def mutated(bench: Bench, draw: random.Random, index: int) -> str:
    """A config with one to three changes by chance: in a file of its own, and in a workdir."""
    settings = json.loads(config.load_config(CONFIG).to_json())
    changes = [change(settings, draw) for _ in range(draw.randint(1, 3))]
    path = bench.scratch / 'mutated.py'
    path.write_text(MUTATED.format(settings))
    read = within('gan_jax.train', [f'--config={path}', '--dry_run'])
    folder = bench.copy('half')
    (folder / 'config.json').write_text(json.dumps(settings))
    before = verdict.kept(folder)
    drawn = bench.sample(folder)
    lost = first(
        civil(read, (0, 2, 65, 66, 69), 'the file'),
        civil(drawn, (0, *verdict.REFUSED), 'the workdir'),
        '' if drawn.status else verdict.drawn(bench, drawn, KEPT),
        before != verdict.kept(folder) and 'files of the run have changed',
    )
    return lost and f'{[str(one) for one in changes]}: {lost}'


class Change(NamedTuple):
    """A change of one key of a config."""

    action: str
    key: str
    value: str

    def __str__(self):
        return f'{self.action} {self.key} {self.value}'


def change(settings: dict[str, Any], draw: random.Random) -> Change:
    """Sets, deletes or adds one key somewhere in a config."""
    block, path = settings, []
    while True:
        key = draw.choice([*block] or ['x'])
        path.append(key)
        if not isinstance(block.get(key), dict) or draw.random() < 0.2:
            break
        block = block[key]
    action = draw.choice(('set', 'set', 'set', 'delete', 'add', 'swap'))
    if action == 'delete':
        block.pop(key, None)
    elif action == 'add':
        key = draw.choice(('x', 'fn', 'weight', 'a.b', ''))
        block[key], path[-1] = draw.choice(POOL), key
    elif action == 'swap':
        other = draw.choice([*settings] or ['x'])
        block[key] = json.loads(json.dumps(settings.get(other)))
    else:
        block[key] = draw.choice(POOL)
    return Change(action, '.'.join(path), quoted(block.get(key, ''))[:40])


ATTACKS = (
    Attack(
        'a wrong config by hand',
        len(CASES),
        by_hand,
        Guard(
            'gan_jax/runtime/ranges.py',
            '        return _is_integer(value) and self.low <= value <= self.high',
            '        return _is_integer(value)',
        ),
    ),
    Attack(
        'a config changed by chance',
        200,
        mutated,
        Guard(
            'gan_jax/runtime/ranges.py',
            '        return _is_integer(value) and self.low <= value <= self.high',
            '        return self.low <= value <= self.high',
        ),
    ),
)
