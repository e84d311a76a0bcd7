"""Untrusted workdirs, each with a trap, for the commands that read workdirs.

A trap is a function that lays a workdir out in an empty folder: `folder/workdir`. What it would run
leaves `folder/CANARY`, or takes `folder/VICTIM/file` away; `sprung` looks whether it has. Nothing
here runs anything by itself.
"""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_jax.experiment import config

Trap = Callable[[Path], None]

SHIPPED = Path(__file__).parent.parent / 'configs' / 'digits.py'
PLACES = ('generator', 'discriminator', 'logit', 'terms.consistency', 'optim.g', 'optim.d')
PLACES += ('evaluate.mine', 'writers.mine', 'data', 'data.autoencoder', 'discriminator.extractor')
PROJECTED = 'gan_jax.models.projected.Trunk'


@functools.cache
def shipped() -> str:
    """A config.json without a trap."""
    return config.load_config(str(SHIPPED)).to_json()


def settings() -> dict[str, Any]:
    """The values of a config.json without a trap."""
    return json.loads(shipped())


def changed(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with other values, by dotted key."""
    tree = json.loads(json.dumps(tree))
    for key, value in changes.items():
        *parents, last = key.split('.')
        block = tree
        for parent in parents:
            block = block[parent]
        block[last] = value
    return tree


def lay(folder: Path, changes: Mapping[str, Any]) -> None:
    """A workdir like a run's at step 5, with these changes in config.json.

    Beside it lie the file that a trap may take away, and Python modules that leave the canary when
    they are imported, or read as a config.
    """
    workdir, victim = folder / 'workdir', folder / 'VICTIM'
    (workdir / 'checkpoints' / '5').mkdir(parents=True)
    (workdir / 'config.json').write_text(json.dumps(changed(settings(), changes)))
    status = {'status': 'done', 'step': 5, 'time': '2000-01-01T00:00:00Z'}
    (workdir / 'status.json').write_text(json.dumps(status))
    victim.mkdir()
    (victim / 'file').write_text('to be kept')
    source = f'import pathlib\n\npathlib.Path({str(folder / "CANARY")!r}).touch()\n'
    for name in ('evil_module', 'gan_jax_evil', 'optaxx', 'flax_evil'):
        (folder / f'{name}.py').write_text(f'{source}\n\ndef f(**options):\n    return options\n')


def sprung(folder: Path) -> bool:
    """True if the trap in a folder has run, written or deleted anything."""
    return (folder / 'CANARY').exists() or not (folder / 'VICTIM' / 'file').exists()


def _block(place: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The change that puts a function in a place, with the words that its block must have."""
    if place == 'discriminator.extractor':
        return {'discriminator': {'fn': PROJECTED, 'extractor': dict(options)}}
    words = {
        'terms': {'weight': 1.0},
        'optim': {'learning_rate': 0.1},
        'evaluate': {'every': 1},
        'data': {**settings()['data'], 'name': 'mine'},
        'data.autoencoder': {},
    }
    return {place: {**options, **words.get(place, words.get(place.split('.')[0], {}))}}


def _in(place: str, fn: str, **options: Any) -> Trap:
    """A function in the place of a block; '{folder}' in an option is the trap's folder."""

    def trap(folder: Path) -> None:
        filled = json.loads(json.dumps(options).replace('{folder}', str(folder)))
        lay(folder, _block(place, {'fn': fn, **filled}))

    return trap


def _text(key: str, text: str) -> Trap:
    """A text that names code."""
    return lambda folder: lay(folder, {key: text})


TOUCH = 'touch {folder}/CANARY'
SHELL = {'fn': 'os.system', 'command': TOUCH}
CONFIG = '{folder}/evil_module.py'

# What each would do with these keywords, if it were called with them.
CALLS: Mapping[str, Mapping[str, Any]] = {
    'gan_jax.runtime.load.build': {'block': SHELL, 'kind': None},
    'gan_jax.runtime.load.resolve': {'path': 'evil_module.f', 'kind': None},
    'gan_jax.runtime.load.faults': {'block': {'fn': 'evil_module.f'}, 'kind': None},
    'gan_jax.experiment.config.load_config': {'path': CONFIG},
    'gan_jax.train.main': {'arguments': [f'--config={CONFIG}']},
    'gan_jax.sweep.main': {'arguments': [f'--config={CONFIG}']},
    'gan_jax.prepare.main': {
        'arguments': ['--dataset=mine', '--source={folder}', '--data_dir={folder}/CANARY']
    },
    'gan_jax.sample.main': {
        'arguments': ['--workdir={folder}/workdir', '--out={folder}/CANARY', '--allow=os']
    },
    'gan_jax.runtime.workdir.write_json': {'path': '{folder}/CANARY', 'value': 1},
    'gan_jax.data.archives.download.download': {
        'url': 'file://{folder}/VICTIM/file',
        'path': '{folder}/CANARY',
        'size': 10,
        'sha256': '',
    },
    'gan_jax.augment.policy.parse': {'text': 'evil_module.f'},
    'gan_jax.evaluate.extractor.from_path': {'path': 'evil_module.f'},
    'flax.io.rmtree': {'path': '{folder}/VICTIM'},
    'flax.io.remove': {'path': '{folder}/VICTIM/file'},
    'flax.io.copy': {'src': '{folder}/VICTIM/file', 'dst': '{folder}/CANARY'},
    'flax.io.rename': {'src': '{folder}/VICTIM/file', 'dst': '{folder}/CANARY'},
    'flax.io.makedirs': {'path': '{folder}/CANARY'},
    'flax.training.checkpoints.save_checkpoint': {
        'ckpt_dir': '{folder}/CANARY',
        'target': {},
        'step': 0,
    },
    'jax.profiler.save_device_memory_profile': {'filename': '{folder}/CANARY'},
    'os.system': {'command': TOUCH},
    'os.mkdir': {'path': '{folder}/CANARY'},
    'subprocess.run': {'args': ['touch', '{folder}/CANARY']},
    'shutil.rmtree': {'path': '{folder}/VICTIM'},
    'runpy.run_path': {'path_name': CONFIG},
    'evil_module.f': {},
    'gan_jax_evil.f': {},
    'optaxx.f': {},
    'flax_evil.f': {},
}
# The same through texts: of a policy, and of a metric.
TEXTS: Mapping[str, tuple[str, str]] = {
    'a policy for D': ('augment.critic', 'flip|evil_module.f'),
    'a policy for real images': ('augment.real', 'evil_module.f(0.5)'),
    'a policy for views': ('augment.view', 'gan_jax_evil.f'),
    'the policy of a term': ('terms.consistency.policy', 'evil_module.f'),
    'the policy of a metric': ('evaluate.metrics', 'leak@evil_module.f(0.1)'),
    'an extractor': ('evaluate.metrics', 'fd_digits,fd500_test@evil_module.f'),
    'an extractor of the last evaluation': ('evaluate.full', 'kd500_test@evil_module.f'),
    'an extractor with a prefix of ours': ('evaluate.metrics', 'fd500_test@gan_jax_evil.f'),
}

RUNNING: dict[str, Trap] = {
    **{f'{fn} as {place}': _in(place, fn, **CALLS[fn]) for fn in CALLS for place in PLACES},
    **{name: _text(*text) for name, text in TEXTS.items()},
}
