"""Every file of a workdir damaged in turn; then `sample`, `evaluate`, and `train` twice."""

import functools
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults import verdict
from tests.faults.attack import Attack, Guard
from tests.faults.bench import KEPT, Bench
from tests.faults.verdict import civil, first

# The events of TensorBoard are made for looking at; the lock file holds a remark.
UNREAD = ('tensorboard', 'samples', '.lock')

Bite = Callable[[Path, random.Random], None]


def flip(path: Path, draw: random.Random) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def truncate(path: Path, draw: random.Random) -> None:
    """The end is gone, or all of it."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.choice((0, draw.randrange(len(content))))])


def delete(path: Path, draw: random.Random) -> None:
    """The file, or now and then the whole folder that it lies in."""
    folder = path.parent
    if draw.random() < 0.25 and folder.name != 'run':
        shutil.rmtree(folder)
    else:
        path.unlink()


def files(folder: Path) -> Sequence[Path]:
    """All that a command may read, in an order by chance that is always the same."""
    found = sorted(p for p in folder.rglob('*') if p.is_file() and p.stat().st_size)
    found = [p for p in found if p.relative_to(folder).parts[0] not in UNREAD]
    # What is not a checkpoint is little, and is tried first.
    random.Random(0).shuffle(found)
    return sorted(found, key=lambda p: p.relative_to(folder).parts[0] in ('checkpoints', 'best'))


def damaged(bite: Bite, bench: Bench, draw: random.Random, index: int) -> str:
    """One file bitten."""
    folder = bench.copy('half')
    every = files(folder)
    path = every[index % len(every)]
    bite(path, draw)
    lost = _after(bench, folder)
    return lost and f'{path.relative_to(folder)}: {lost}'


def swapped(bench: Bench, draw: random.Random, index: int) -> str:
    """A file, an item or a checkpoint replaced by its counterpart of another step or run."""
    folder = bench.copy('half')
    every = [p for p in files(folder) if p.parts[-2] != 'd']  # names of data are digests
    path = every[index % len(every)]
    names = path.relative_to(folder).parts
    others = [bench.runs / 'other' / Path(*names)]
    if names[0] == 'checkpoints':
        others += [folder.joinpath(names[0], str(s), *names[2:]) for s in KEPT]
    sources = [p for p in others if p.is_file() and p.read_bytes() != path.read_bytes()]
    if names[0] == 'checkpoints' and draw.random() < 0.3:  # a whole checkpoint of another step
        path = folder.joinpath(*names[:2])
        sources = [folder / names[0] / str(s) for s in KEPT if str(s) != names[1]]
    elif not sources and len(names) > 1:  # the whole item then, as it is
        path = path.parent
        sources = [p.parent for p in others if p.parent.is_dir() and p.parent != path]
    if not sources:
        return ''
    source = draw.choice(sources)
    if path.is_dir():
        shutil.rmtree(path)
        shutil.copytree(source, path)
    else:
        shutil.copyfile(source, path)
    lost = _after(bench, folder)
    return lost and f'{path.relative_to(folder)} from {source}: {lost}'


def _after(bench: Bench, folder: Path) -> str:
    return first(*_sampled(bench, folder), *_trained(bench, folder))


def _sampled(bench: Bench, folder: Path):
    sampled, evaluated = bench.sample(folder), bench.evaluate(folder)
    yield civil(sampled, (0, *verdict.REFUSED), 'sample')
    yield '' if sampled.status else verdict.drawn(bench, sampled, KEPT)
    yield civil(evaluated, (0, *verdict.REFUSED), 'evaluate')
    yield '' if evaluated.status else verdict.scored(bench, folder, evaluated, KEPT)


def _trained(bench: Bench, folder: Path):
    before, intact = verdict.kept(folder), verdict.intact(bench, folder)
    once = bench.train(folder)
    yield civil(once, (0, *verdict.REFUSED), 'train')
    if once.status == 0:
        yield verdict.gone_on(bench, folder, once, intact)
        return
    yield 'a command that was refused removed something' if _removed(before, folder) else ''
    # One command later than an error must never be worse than the error.
    again = bench.train(folder)
    yield civil(again, (0, *verdict.REFUSED), 'train again')
    if again.status == 0:
        yield verdict.gone_on(bench, folder, again, intact) and 'the second command went on, worse'
    else:
        yield 'the second command removed something' if _removed(before, folder) else ''


def _removed(before, folder: Path) -> bool:
    return bool(before - verdict.anywhere(folder))


ATTACKS = (
    Attack(
        'a bit flipped in a file',
        60,
        functools.partial(damaged, flip),
        Guard(
            'gan_jax/runtime/checkpoint.py',
            "    if digests(leaves) != {name: record['leaves'][name] for name in expected}:\n"
            '        return None\n',
            '',
        ),
    ),
    Attack(
        'a file cut short',
        60,
        functools.partial(damaged, truncate),
        Guard(
            'gan_jax/run/log.py',
            '        if found.damaged or self.mark != (written or self.mark):',
            '        if False:',
        ),
    ),
    Attack(
        'a file or folder deleted',
        60,
        functools.partial(damaged, delete),
        Guard(
            'gan_jax/run/choose_checkpoint.py',
            '    for damaged in found.damaged:\n',
            '    for damaged in []:\n',
        ),
    ),
    Attack(
        'a file of another step or run',
        40,
        swapped,
        Guard(
            'gan_jax/runtime/checkpoint.py',
            "digest == json_digest(record) and record['step'] == step",
            'digest == json_digest(record)',
        ),
    ),
)
