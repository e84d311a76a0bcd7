"""The command that prepares a data set for training: `python -m gan_jax.prepare`."""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command('gan_jax.flags.prepare')

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import rich.progress
from rich.console import Console

from gan_jax import data
from gan_jax.data import classes, prepared, sources
from gan_jax.data.archives.table import File
from gan_jax.data.dataset import label_words
from gan_jax.data.pictures import stylegan
from gan_jax.data.pictures.bad import shortened
from gan_jax.data.pieces import Content, resized
from gan_jax.data.resize import Size, flag_of, pair
from gan_jax.experiment import encoding
from gan_jax.flags.prepare import parse
from gan_jax.runtime import cli, output, signals
from gan_jax.runtime.errors import DATA, UNWRITABLE, UserError
from gan_jax.runtime.paths import expanded, shown
from gan_jax.runtime.progress import bar


def main(arguments: Sequence[str]) -> int:
    """Prepares one data set unless it is prepared already; with --to, also writes a zip."""
    flags = parse(arguments)
    root = data.folder_of(flags.data_dir)
    packed = _packed(flags, root) if flags.to else None
    if flags.dataset not in data.READERS:
        _make(flags, root)
    if packed:
        _pack(flags, root, packed)
    if flags.encode:
        encoding.encode(flags.dataset, root, flags.encode, flags.size, bar)
    return os.EX_OK


def _make(flags: argparse.Namespace, root: Path) -> None:
    folder = root / flags.dataset
    with prepared.locked(folder):
        done = prepared.infos(folder) if folder.exists() else None
        if done is None:
            _prepare(flags, root, folder)
        else:
            _check_done(flags, folder, done)
    splits = {}
    for split, info in prepared.infos(folder).items():
        count, height, width, channels = info['images']['shape']
        named = prepared.class_names_of(info)
        size = (info['labels'] or {}).get('size', 0)
        labels = classes.described(named, info['num_classes'], size)
        output.say(
            f'{shown(folder / split)}: {count} images of {height}x{width}x{channels}, {labels}'
        )
        splits[split] = {'folder': folder / split, 'shape': info['images']['shape']}
    output.result(splits=splits)
    if done is not None:
        output.say(f'{shown(folder)} was prepared already; remove it to prepare it anew')


def _prepare(flags: argparse.Namespace, root: Path, folder: Path) -> None:
    paths = _paths(flags, root)
    content = sources.open_source(flags.dataset, paths, flags.size, flags.max_bad, flags.background)
    records = _records(flags, paths)
    _write(folder, content, records, flags)
    # Printed at the end, so that an error is the only message.
    left_out = [f'left out: {sentence}' for sentence in content.left_out]
    for note in [*content.notes, *shortened(left_out, len(left_out)), *_unpublished(records)]:
        output.note(note)


def _check_done(flags: argparse.Namespace, folder: Path, done: Mapping[str, Any]) -> None:
    """Raises unless the prepared data set matches the flags."""
    if not done:
        raise UserError(
            f'{folder} exists and is no prepared data set, perhaps a copy of tensorflow-datasets: '
            'choose another --data_dir',
            UNWRITABLE,
        )
    advice = 'choose another --data_dir, or remove it'
    info = next(iter(done.values()))
    own, other = info['images']['shape'][1:3], flags.size and [*pair(flags.size)]
    if other not in (None, own) and not (flags.to or flags.encode):  # which resize too
        raise UserError(
            f'{folder} is prepared with {flag_of(own)} pixels, not {flag_of(other)}: {advice}'
        )
    made = info['made'].get('background', '')
    if flags.background not in ('', made):
        how = f'over the background {made}' if made else 'without a background'
        raise UserError(f'{folder} is prepared {how}, not over {flags.background}: {advice}')
    if flags.source is not None:
        records = _records(flags, _paths(flags, folder.parent))
        if records != info['sources']:
            was, now = sources.differing(info['sources'], records)
            raise UserError(
                f'{folder} is prepared from {was}, and --source is {now}: leave out --source to '
                f'keep it, {advice}',
                DATA,
            )


# StyleGAN's zip ----------------------------------------------------------------------------------


def _packed(flags: argparse.Namespace, root: Path) -> Path:
    """The path of the zip of --to; raises if it exists."""
    split = '' if flags.split == 'train' else f'_{flags.split}'
    path = root / f'{flags.dataset}{split}.zip' if flags.to == 'zip' else expanded(flags.to)
    if os.path.lexists(path):
        raise UserError(f'{path} is there already: remove it, or choose another --to', UNWRITABLE)
    return path


def _pack(flags: argparse.Namespace, root: Path, path: Path) -> None:
    dataset = data.load(flags.dataset, root, flags.split, size=flags.size)
    count, height, width, channels = dataset.images.shape
    with prepared.locked(path.parent / flags.dataset, '--to'):
        with _bar('zip', rich.progress.MofNCompleteColumn(), count) as progress:
            stylegan.write(path, dataset, lambda count: progress(advance=count))
    text = label_words(dataset)
    output.say(
        f"{shown(path)}: the {count} images of '{flags.split}', {height}x{width}x{channels}, {text}"
    )


# Sources -----------------------------------------------------------------------------------------


def _paths(flags: argparse.Namespace, root: Path) -> Mapping[str, Path]:
    """Published name, or '' for images or a copy of tensorflow-datasets -> path of the file."""
    if flags.source is not None:
        return sources.find(flags.dataset, flags.source)
    return sources.fetch(flags.dataset, root / 'downloads' / flags.dataset, _download_bar)


@contextlib.contextmanager
def _download_bar(file: File) -> Iterator[Callable[[int], None]]:
    output.say(f'downloading {file.name}, {file.size / 1e6:.1f} MB, from {file.url}')
    with _bar(file.name, rich.progress.DownloadColumn(), file.size) as progress:
        yield lambda total: progress(completed=total)


def _records(flags: argparse.Namespace, paths: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The entries of info.json for the sources, checked against --sha256 and published digests."""
    records = [sources.record(path) for path in paths.values()]
    digest = records[0].get('sha256', 'of no file')
    if flags.sha256 and digest != flags.sha256.lower():
        raise UserError(
            f'{flags.source} has the SHA-256 {digest}, not that of --sha256={flags.sha256}: get it '
            'again',
            DATA,
        )
    return sources.compared(flags.dataset, paths, records)


def _unpublished(records: list[dict[str, Any]]) -> list[str]:
    """A sentence if files of --source differ from the published ones."""
    files = ', '.join(record['file'] for record in records if not record.get('published', True))
    if not files:
        return []
    return [f'not the published {files}, by SHA-256: taken as given, and info.json says so']


# Results -----------------------------------------------------------------------------------------


def _write(
    folder: Path, content: Content, records: list[dict[str, Any]], flags: argparse.Namespace
) -> None:
    metadata = {
        'name': flags.dataset,
        'sources': records,
        'left_out': content.left_out,
        'made': {
            'by': 'gan_jax.prepare',
            'size': flags.size,
            'background': flags.background,
            'resize': f'{_part(flags.size)} in the middle, bicubic, antialiased',
            'pillow': PIL.__version__,
            'numpy': np.__version__,
        },
    }
    with _bar('images', rich.progress.MofNCompleteColumn(), content.count) as progress:
        prepared.write_prepared(
            folder,
            resized(content.pieces, flags.size),
            metadata,
            num_classes=content.num_classes,
            class_names=content.class_names,
            advance=lambda count: progress(advance=count),
        )


def _part(size: Size | None) -> str:
    """The part of an image that is resized, for info.json."""
    is_square = size is None or isinstance(size, int)
    return 'the square' if is_square else 'the largest part of these proportions'


@contextlib.contextmanager
def _bar(
    what: str, amount: rich.progress.ProgressColumn, total: int | None
) -> Iterator[Callable[..., None]]:
    """Shows a progress bar in a terminal; yields an update function for its task."""
    console = Console()
    bars = rich.progress.BarColumn(), amount, rich.progress.TimeRemainingColumn()
    columns = rich.progress.TextColumn(what), *bars
    hidden = not console.is_terminal
    with rich.progress.Progress(*columns, console=console, disable=hidden) as progress:
        task = progress.add_task(what, total=total)

        def update(**state: Any) -> None:
            signals.check()
            progress.update(task, **state)

        yield update


if __name__ == '__main__':
    cli.run(main)
