"""The configs and sweeps that come with the package, by name: 'digits' is configs/digits.py."""

from difflib import get_close_matches
from pathlib import Path

import gan_jax
from gan_jax.runtime.paths import expanded

# The function that a file must define, and the folder of such files below configs/.
CONFIG, SWEEP = ('get_config', ''), ('get_sweep', 'sweeps')
Kind = tuple[str, str]


def folder() -> Path:
    """The folder configs/: in the package where it is installed, beside it in a checkout."""
    package = Path(gan_jax.__file__).parent
    installed = package / 'configs'
    return installed if installed.is_dir() else package.parent / 'configs'


def files(kind: Kind) -> dict[str, Path]:
    """The files of a kind by name, in the order of the alphabet."""
    function, place = kind
    found = sorted((folder() / place).glob('*.py'))
    return {path.stem: path for path in found if f'def {function}(' in path.read_text('utf-8')}


def found(text: str, kind: Kind) -> Path:
    """The file that a text names: a path, or else the name of a file that comes with the package.

    The file need not exist.
    """
    path = expanded(text)
    return path if path.is_file() else files(kind).get(text, path)


def is_one(path: Path) -> bool:
    """True if it is the file of a config that comes with the package, as `found` gives it."""
    return files(CONFIG).get(path.stem) == path


def hint(text: str, kind: Kind) -> str:
    """The end of a sentence about a text that names no file: what may have been meant."""
    known, stem = files(kind), Path(text).stem
    if stem != text and stem in known:
        return f"; the one that comes with gan_jax is called by its name alone, '{stem}'"
    if stem != text:
        return ''
    close = get_close_matches(text, known, n=1)
    meant = f"; did you mean '{close[0]}'? There are" if close else '; with gan_jax come'
    return f'{meant} {", ".join(known)}'
