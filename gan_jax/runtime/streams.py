"""Standard output and error that never fail, even when their reader has gone."""

import io
import os
import select
import sys


def hold() -> None:
    """Opens closed standard descriptors, and makes output that fails be dropped.

    To be called before any file is opened: it would take the number of a closed descriptor.
    """
    _open_all()
    for name, number in {'stdout': 1, 'stderr': 2}.items():
        stream = getattr(sys, name)
        if stream is getattr(sys, f'__{name}__'):  # not replaced by a test or a notebook
            setattr(sys, name, lasting(number, stream))


def lasting(number: int, like: io.TextIOWrapper | None = None) -> io.TextIOWrapper:
    """A text stream to a descriptor that neither fails nor closes it.

    Args:
        number: number of the descriptor. On the first error it becomes /dev/null, for C++ code too.
        like: stream from which encoding and buffering are taken; None is UTF-8 with line buffering.
            A character that the encoding lacks is written as an escape.
    """
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, 'w', closefd=False)),
        encoding=like.encoding if like else 'utf-8',
        errors='backslashreplace',
        line_buffering=like is None or like.line_buffering or like.write_through,
    )


class _Lasting(io.FileIO):
    def write(self, data):
        try:
            # None: another program that shares the descriptor has made it non-blocking.
            while (count := super().write(data)) is None:
                select.select([], [self], [])
            return count
        except OSError:  # closed by its reader, a terminal that is gone, a full disk
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            return len(data)


def _open_all() -> None:
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
