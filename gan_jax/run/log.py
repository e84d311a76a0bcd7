"""metrics.jsonl: the log of a run, one JSON object per line, repaired if it is damaged.

A checkpoint stores the number of rows before it and their digest. On resume both must agree with
the file. If they do not, every readable row is kept, the old file is put aside, and one message
says what is lost.
"""

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.runtime import files, output, workdir

NAME = 'metrics.jsonl'
MENDED = 8  # number of damaged lines to mend, at most
Row = dict[str, Any]


class Log:
    """The log of a run; the first key of each row is 'step'.

    Opening a log drops the rows after a step: a resumed run writes them again. A value that is not
    finite becomes null, since JSON cannot express it.
    """

    def __init__(self, path: Path, since: int, written: Mapping[str, Any] | None = None):
        """Opens the log of a run that goes on after step `since`; -1 starts anew.

        Args:
            path: path of the file, made if needed.
            since: the last step whose row is kept.
            written: the `mark` in the checkpoint of that step; None if unknown.
        """
        found = _repaired(path, since)
        kept = b''.join(found.lines)
        self._rows, self._digest = len(found.lines), hashlib.sha256(kept)
        if found.damaged or self.mark != (written or self.mark):
            _put_aside(path, since, found, written)
        with files.atomic_path(path) as partial:
            partial.write_bytes(kept)
            files.sync(partial)
        files.sync(path.parent)
        self._file = path.open('ab')
        self._texts: dict[str, Any] = {}

    @property
    def mark(self) -> dict[str, Any]:
        """{'rows': number of rows, 'sha256': digest of their bytes}, as JSON."""
        return {'rows': self._rows, 'sha256': self._digest.hexdigest()}

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Adds texts to the next row, which must be of the same step."""
        self._texts = {'step': step, **texts}

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes a row; other processes can read it immediately."""
        values = {k: v if math.isfinite(v) else None for k, v in scalars.items()}
        texts = self._texts if self._texts.get('step') == step else {}
        line = json.dumps({'step': step, **values, **texts}).encode() + b'\n'
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            error.filename = self._file.name  # a failed write does not set it
            raise
        self._digest.update(line)
        self._rows += 1

    def sync(self) -> None:
        """Flushes the rows to the disk, so that they survive a loss of power."""
        files.sync(Path(self._file.name))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_rows(path: Path) -> list[Row]:
    """All readable rows of a log, in the order of the file; [] if there is no file."""
    return [row for line in _lines(path) if (row := _row(line)) is not None]


class _Found(NamedTuple):
    """The lines to keep of a file, how many of them were mended, and whether any was damaged.

    A last line without a newline is not damage: the process was killed while it wrote the line.
    """

    lines: list[bytes]
    mended: int
    damaged: bool


def _repaired(path: Path, since: int) -> _Found:
    lines = [(line, _row(line)) for line in _lines(path)]
    forms = {tuple(row) for _, row in lines if row is not None}
    longest = 2 * max((len(line) for line, row in lines if row is not None), default=0)
    kept, mended, bad = [], 0, 0
    for line, row in lines:
        if row is not None:
            kept += [line] if row['step'] <= since else []
        elif line.endswith(b'\n'):
            bad += 1
            # More damaged lines are not single flipped bits, and the search would take long.
            found = _mended(line, forms) if bad <= MENDED and len(line) <= longest else []
            found = [one for one in found if _row(one)['step'] <= since]
            kept += found
            mended += len(found)
    return _Found(kept, mended, bad > 0)


def _lines(path: Path) -> list[bytes]:
    try:
        *whole, torn = files.read_plain(path).split(b'\n')
    except FileNotFoundError:
        return []
    return [line + b'\n' for line in whole] + ([torn] if torn else [])


def _row(line: bytes) -> Row | None:
    """The row in a line; None if the line is incomplete or no row."""
    if not line.endswith(b'\n'):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and type(row.get('step')) is int else None


def _mended(line: bytes, forms: Collection[tuple[str, ...]]) -> list[bytes]:
    """The line with one bit flipped, if exactly one such flip gives a row of a known form.

    The flipped bit may belong to the newline between two rows; both rows are returned then. [] if
    no flip or several flips give rows.

    Args:
        line: a line that is no row, with its newline.
        forms: the keys of the other rows, in their order.
    """
    found = []
    for place in range(len(line) - 1):
        for bit in range(8):
            turned = line[:place] + bytes([line[place] ^ 1 << bit]) + line[place + 1 :]
            rows = [one + b'\n' for one in turned[:-1].split(b'\n')]
            if all((row := _row(one)) is not None and tuple(row) in forms for one in rows):
                found.append(rows)
    return found[0] if len(found) == 1 else []


def _put_aside(path: Path, since: int, found: _Found, written: Mapping[str, Any] | None) -> None:
    wanted = f' of the {written["rows"]}' if written else ''
    mended = f' ({found.mended} of them mended, by one bit)' if found.mended else ''
    aside = ''
    first = path.with_name(f'{path.stem}.damaged{path.suffix}')
    # A file that an earlier command has repaired, with rows missing, is not put aside again.
    if path.exists() and path.stat().st_size and (found.damaged or not first.exists()):
        copy = workdir.free_name(first)
        copy.write_bytes(files.read_plain(path))
        aside = f'; the file as it was is {copy}'
    found_out = 'is not as the run has written it' if path.exists() else 'is not there'
    output.note(
        f'{path} {found_out}: {len(found.lines)}{wanted} rows up to '
        f'step {max(since, 0)} are there{mended}{aside}'
    )
