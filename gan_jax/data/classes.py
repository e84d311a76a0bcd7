"""The classes of a data set: their names, their order, and which of them have no image."""

from collections.abc import Iterable, Sequence

import numpy as np

from gan_jax.runtime.errors import UserError
from gan_jax.runtime.nearest import nearest
from gan_jax.runtime.paths import shown

FEW = 12  # classes that a sentence lists
MOST = 1_000_000  # classes: a number for each is kept in memory, and is worked with in each step


def in_order(names: Iterable[str]) -> list[str]:
    """Names of classes, sorted; where all are numbers, 2 comes before 10."""
    names = [*names]
    if all(name.isascii() and name.isdigit() for name in names):
        return sorted(names, key=lambda name: (len(name.lstrip('0')), name.lstrip('0'), name))
    return sorted(names)


def listed(class_names: Sequence[str] | None, num_classes: int) -> str:
    """'3 classes (0 cat, 1 dog, 2 owl)' with at most `FEW` names.

    '3 classes' without names, or if each name is the number of its class.
    """
    if not class_names or [*class_names] == [str(number) for number in range(len(class_names))]:
        return f'{num_classes or "no"} classes'
    few = [f'{number} {shown(name)}' for number, name in enumerate(class_names[:FEW])]
    more = ', ...' if num_classes > FEW else ''
    return f'{num_classes} classes ({", ".join(few)}{more})'


def described(class_names: Sequence[str] | None, num_classes: int, size: int) -> str:
    """The labels of a data set in words: classes, vectors of a `size` above 0, or none."""
    if size:
        return f'label vectors of {size} numbers'
    return listed(class_names, num_classes) if num_classes else 'no labels'


def empty_note(
    place: object, labels: np.ndarray, num_classes: int, class_names: Sequence[str] | None = None
) -> tuple[str, ...]:
    """A sentence if some classes have no image: their number, and the first of them.

    Args:
        place: the data set, for the sentence.
        labels: integers [N] in [0, num_classes).
        num_classes: the number of classes, which may be far larger than the number of images.
        class_names: one for each class, if they are known.
    """
    there = np.unique(labels)
    count = num_classes - len(there)
    if not count:
        return ()
    filled = {*there.tolist()}
    empty = (c for c in range(num_classes) if c not in filled)
    first = [c for c, _ in zip(empty, range(FEW), strict=False)]
    few = ', '.join(f'{c} {shown(class_names[c])}' if class_names else f'{c}' for c in first)
    more = ', ...' if count > FEW else ''
    return (f'{place}: of {num_classes} classes {count} have no image to train on: {few}{more}',)


def number_of(text: str, class_names: Sequence[str] | None, num_classes: int) -> int:
    """The number of a class that is given by its name or its number; a name comes first.

    Raises:
        UserError: there is no such class.
    """
    names = [*(class_names or ())]
    if text in names:
        return names.index(text)
    if _is_below(text, num_classes):
        return int(text)
    known = nearest(text, names)
    numbers = f'a class from 0 to {num_classes - 1}'
    raise UserError(
        f"there is no class '{text}': give {numbers}{', or its name' if names else ''}{known}"
    )


def row_of(text: str, count: int) -> int:
    """The row of label vectors that is given by its number.

    Raises:
        UserError: there is no such row.
    """
    if not _is_below(text, count):
        raise UserError(
            f"there is no row '{text}' in the {count} label vectors of the data: give a number "
            f'from 0 to {count - 1}, in the order of np.unique(labels, axis=0)'
        )
    return int(text)


def _is_below(text: str, count: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count
