"""Copies of the checkout in which some files read otherwise: what a test or an attack does then."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ('gan_jax', 'configs', 'tests', 'launch', 'docs', 'notebooks')
FILES = ('pyproject.toml', 'setup.py', 'README.md', 'CHANGELOG.md', 'Makefile')
FILES += ('requirements.lock', 'requirements-dev.lock')


@contextlib.contextmanager
def edited(sources: Mapping[str, str]) -> Iterator[Path]:
    """A copy of the checkout, without its history, that is gone in the end.

    A command that starts with the copy as its working directory runs the code of the copy. The
    copy shares the compile cache.

    Args:
        sources: path below the checkout, 'gan_jax/step.py' -> what the file holds in the copy.
    """
    with tempfile.TemporaryDirectory(prefix='edited-') as folder:
        copy = Path(folder)
        ignore = shutil.ignore_patterns('__pycache__')
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, copy)
        cache = ROOT / '.cache'
        cache.mkdir(exist_ok=True)
        (copy / '.cache').symlink_to(cache)
        for name, source in sources.items():
            (copy / name).write_text(source)
        yield copy


def replaced(path: str, old: str, new: str) -> dict[str, str]:
    """The `sources` of one edit: `old`, which stands in the file once, reads `new`."""
    source = (ROOT / path).read_text()
    if (count := source.count(old)) != 1:
        raise ValueError(f'{path} holds {old!r} {count} times: the edit wants it once')
    return {path: source.replace(old, new)}
