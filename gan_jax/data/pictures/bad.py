"""The images of a data set that cannot be taken: all of them are told at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gan_jax.runtime.errors import DATA, UserError

SHOWN = 20  # sentences; of the others their number


class Bad:
    """Images that are refused, of which a few may be left out.

    Attributes:
        left_out: a sentence for each, in the order of their names, once `check` has let them pass.
    """

    def __init__(self, path: Path, count: int, allowed: int = 0):
        """`path` and `count`: of all images; `allowed`: how many may be left out."""
        self.left_out: list[str] = []
        self._path, self._count, self._allowed = path, count, allowed
        self._names: set[str] = set()
        self._said: dict[str, str] = {}  # of no more than are ever shown

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def tried(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result of the call; None where it refuses the image of that name, which is noted.

        For several threads at a time.
        """
        try:
            return call(*arguments)
        except UserError as error:
            self._names.add(name)
            if len(self._said) < max(SHOWN, self._allowed):
                self._said[name] = str(error)
            return None

    def check(self, fault: str = '') -> None:
        """Raises with a sentence for each image, if they are too many or all have the fault."""
        said = [self._said[name] for name in sorted(self._said, key=lambda n: n.split('/'))]
        if len(self) <= self._allowed and len(self) < self._count:
            if fault:  # alone: what may be left out is none
                raise UserError(fault, DATA)
            self.left_out[:] = said
            return
        lines = told(said, len(self))
        if len(self) > 1 or self._allowed:
            lines.append(self._advice(len(self)))
        elif len(self) < self._count:
            lines[0] += ', or have gan_jax.prepare leave it out by --max_bad=1'
        if fault:
            lines.append(fault)
        raise UserError('\n'.join(lines), DATA)

    def _advice(self, count: int) -> str:
        if count == self._count:
            return f'none of the {count} images of {self._path} can be taken: give others'
        bound = f', and --max_bad is {self._allowed}' if self._allowed else ''
        return (
            f'{count} of {self._count} images of {self._path} cannot be taken{bound}: repair them, '
            f'leave them out, or have gan_jax.prepare leave them out by --max_bad={count}'
        )


def told(sentences: Sequence[str], count: int) -> list[str]:
    """The first of many sentences, and how many more of `count` there are."""
    more = count - SHOWN
    return [*sentences[:SHOWN], *([f'and {more} more'] if more > 0 else [])]
