"""Traps in workdirs: links, special files, contents, and configs that name code or paths."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.bench import HALF
from tests.hostile import RUNNING

# Spoils the first folder, a workdir with a sound run; the second one lies outside it, and holds
# `file`, `empty/` and `folder/`.
Kind = Callable[[Path, Path], None]

# Links -------------------------------------------------------------------------------------------


def link(name: str, target: str) -> Kind:
    """A link in the place of something."""

    def make(folder: Path, outside: Path) -> None:
        _free(folder / name)
        (folder / name).symlink_to(outside / target)

    return make


def link_inside(parent: str, target: str) -> Kind:
    """A link in the place of all that lies in a folder, and of what will."""

    def make(folder: Path, outside: Path) -> None:
        (folder / parent).mkdir(exist_ok=True)
        names = [p.name for p in (folder / parent).iterdir()]
        for name in {*names, '20', '00000018.png', '00000020.png'}:
            link(f'{parent}/{name}', target)(folder, outside)

    return make


def hard_link(name: str) -> Kind:
    """The same file under two names."""

    def make(folder: Path, outside: Path) -> None:
        if (folder / name).exists():
            shutil.copy(folder / name, outside / 'file')
        _free(folder / name)
        os.link(outside / 'file', folder / name)

    return make


# What is no file ----------------------------------------------------------------------------------


def pipe(name: str) -> Kind:
    """A pipe, whose reader waits for a writer."""

    def make(folder: Path, outside: Path) -> None:
        _free(folder / name)
        os.mkfifo(folder / name)

    return make


def sock(name: str) -> Kind:
    """A socket, which cannot be opened."""

    def make(folder: Path, outside: Path) -> None:
        _free(folder / name)
        here = os.getcwd()
        os.chdir((folder / name).parent)  # a socket's path must be short
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(Path(name).name)
        finally:
            os.chdir(here)

    return make


def a_folder(name: str) -> Kind:
    """A folder where a file should be."""

    def make(folder: Path, outside: Path) -> None:
        _free(folder / name)
        (folder / name / 'inner').mkdir(parents=True)

    return make


def device(name: str, target: str) -> Kind:
    """A link to what never ends, or takes everything."""

    def make(folder: Path, outside: Path) -> None:
        _free(folder / name)
        (folder / name).symlink_to(target)

    return make


# Contents ----------------------------------------------------------------------------------------


def content(name: str, text: str | bytes) -> Kind:
    """A file that says something else."""

    def make(folder: Path, outside: Path) -> None:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def setting(key: str, value: Any) -> Kind:
    """config.json with a value; OUTSIDE and CANARY in a text are places."""

    def make(folder: Path, outside: Path) -> None:
        path = folder / 'config.json'
        settings = json.loads(path.read_text())
        block = settings
        *above, last = key.split('.')
        for part in above:
            block = block.setdefault(part, {})
        block[last] = _placed(value, outside)
        path.write_text(json.dumps(settings))

    return make


def trap(lay: Callable[[Path], None]) -> Kind:
    """The config.json of a workdir of `tests.hostile`, whose canaries are outside."""

    def make(folder: Path, outside: Path) -> None:
        lay(outside)
        shutil.copy(outside / 'workdir' / 'config.json', folder)

    return make


def _placed(value: Any, outside: Path) -> Any:
    if isinstance(value, Mapping):
        return {k: _placed(v, outside) for k, v in value.items()}
    if isinstance(value, str):
        return value.replace('OUTSIDE', str(outside)).replace('CANARY', str(outside / 'CANARY'))
    return value


def _free(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)


def _deep(depth: int) -> str:
    return '{"a":' * depth + '1' + '}' * depth


FILES = ('config.json', 'status.json', 'metrics.jsonl', '.lock')
FOLDERS = ('checkpoints', 'best', 'quarantine', 'samples', 'tensorboard', 'results', 'earlier')
RUN = {'fn': 'os.system', 'command': 'touch CANARY'}

KINDS: dict[str, Kind] = {
    **{f'{n} is a link to a file': link(n, 'file') for n in FILES},
    **{f'{n} is a link to nothing': link(n, 'new') for n in FILES},
    **{f'{n}.part is a link to a file': link(f'{n}.part', 'file') for n in FILES[:3]},
    **{f'{n}.part is a link to a folder': link(f'{n}.part', 'folder') for n in FILES[:3]},
    **{f'{n} is a link to a folder': link(n, 'folder') for n in FOLDERS},
    **{f'{n} is a link to an empty folder': link(n, 'empty') for n in FOLDERS},
    **{f'{n} is a link to nothing': link(n, 'new') for n in FOLDERS},
    **{f'{n} is a link to a file': link(n, 'file') for n in FOLDERS},
    **{f'what is in {n} are links to folders': link_inside(n, 'folder') for n in FOLDERS[:4]},
    'what is in samples are links to files': link_inside('samples', 'file'),
    'subset.json.part is a link': link('subset.json.part', 'file'),
    **{f'{n} is a hard link': hard_link(n) for n in FILES},
    **{f'{n} is a pipe': pipe(n) for n in FILES},
    **{f'{n}.part is a pipe': pipe(f'{n}.part') for n in FILES[:3]},
    **{f'{n} is a socket': sock(n) for n in FILES},
    **{f'{n} is a folder': a_folder(n) for n in FILES},
    **{f'{n} is /dev/zero': device(n, '/dev/zero') for n in FILES},
    **{f'{n} is a pipe': pipe(n) for n in FOLDERS},
    'a checkpoint holds a pipe': pipe(f'checkpoints/{HALF}/record/metadata'),
    'a checkpoint is a loop': device(f'checkpoints/{HALF}', '.'),
    **{
        f'config.json: {name}': content('config.json', text)
        for name, text in {
            'a list': '[]',
            'a number': '1',
            'no UTF-8': b'\xff\xfe{}',
            'nothing': '',
            'very deep': _deep(100_000),
            'deep': _deep(900),
            'a large number': '{"seed": ' + '9' * 100_000 + '}',
            'two keys': '{"seed": 0, "seed": 1}',
            'null': 'null',
            'NaN': '{"seed": NaN}',
        }.items()
    },
    **{
        f'status.json: {name}': content('status.json', text)
        for name, text in {
            'a list': '[]',
            'no UTF-8': b'\xff\xfe{}',
            'very deep': _deep(100_000),
            'a path': '{"status": "../../x", "step": "../../x"}',
            'a large step': '{"status": "done", "step": ' + '9' * 5000 + '}',
        }.items()
    },
    **{
        f'metrics.jsonl: {name}': content('metrics.jsonl', text)
        for name, text in {
            'a list': '[]\n',
            'no UTF-8': b'\xff\xfe{}\n',
            'very deep': _deep(100_000) + '\n',
            'a line of 10 MB': b'{"step": 1, "x": "' + b'x' * 10_000_000 + b'"}\n',
            'zeros': bytes(100_000),
        }.items()
    },
}
NAMING: dict[str, Kind] = {
    **{
        f'config.{key} is {str(value)[:60]}': setting(key, value)
        for key, value in (
            ('logit', RUN),
            ('logit', {'fn': 'gan_jax.runtime.load.build', 'block': RUN}),
            ('generator', {'fn': 'subprocess.run', 'args': ['touch', 'CANARY']}),
            ('terms.adversarial', {**RUN, 'weight': 1.0}),
            ('terms.x', {'fn': 'gan_jax.runtime.load.build', 'block': RUN, 'weight': 1.0}),
            ('terms.x', {'fn': 'gan_jax.train.main', 'arguments': ['x'], 'weight': 1.0}),
            (
                'terms.x',
                {
                    'fn': 'gan_jax.experiment.config.load_config',
                    'path': 'OUTSIDE/file',
                    'weight': 1.0,
                },
            ),
            ('logit', {'fn': 'flax.io.rmtree', 'path': 'OUTSIDE/folder'}),
            ('logit', {'fn': 'flax.io.makedirs', 'path': 'OUTSIDE/new'}),
            ('logit', {'fn': 'flax.io.copy', 'src': 'OUTSIDE/file', 'dst': 'OUTSIDE/new'}),
            ('optim.g', {'fn': 'flax.io.rmtree', 'path': 'OUTSIDE/folder', 'learning_rate': 1.0}),
            ('logit', {'fn': 'gan_jax.runtime.files.sync.__globals__'}),
            ('logit', {'fn': 'gan_jax.runtime.cli.os.system', 'command': 'touch CANARY'}),
            ('logit', {'fn': 'gan_jax_evil.x'}),
            ('augment.view', 'os.system'),
            ('augment.view', 'gan_jax.prepare.main'),
            ('augment.real', 'shutil.rmtree(0.1)'),
            ('evaluate.metrics', 'fd100_train@os.system'),
            ('evaluate.metrics', 'fd100_train@gan_jax.runtime.load.build'),
            ('evaluate.full', '../../x'),
            ('evaluate.unaugmented', 'OUTSIDE'),
            ('data.dir', 'OUTSIDE'),
            ('data.name', 'OUTSIDE/'),
            ('data.name', '../outside/folder'),
            ('data.name', '/dev/zero'),
            ('data.name', 'x' * 10_000_000),
            ('x' * 10_000_000, 1),
            ('seed', 'x' * 10_000_000),
            ('terms.../../x', {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 1.0}),
            ('steps', 10**300),
            ('latent.dim', 10**12),
            ('evaluate.num', 10**15),
            ('batch_size', 10**12),
        )
    },
    **{name: trap(lay) for name, lay in RUNNING.items()},
}
