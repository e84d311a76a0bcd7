"""From the values of controls to what is drawn; they come from a browser, so they are checked."""

from collections.abc import Mapping
from typing import Any

from gan_jax.explorer.still import Choice, Explorer
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.ranges import Integer
from gan_jax.sampling.generator import MOST_SEED

FARTHEST = 4.0  # standard deviations along a direction
LARGEST_THRESHOLD = 4.0  # of latents, in standard deviations: as good as none


def choice_of(values: Mapping[str, Any], explorer: Explorer, found: Any = None) -> Choice:
    """The choice that the controls show.

    Args:
        values: by the name of a control: 'number', 'other', and where the generator has them
            'label', 'truncation', 'psi', 'first' and 'move_0', 'move_1', ...
        explorer: of the generator.
        found: w [L, W] that takes the place of the number's, or None.

    Raises:
        UserError: a value is none of its range.
    """
    threshold = values.get('truncation')
    moves = [values[name] for name in sorted(values) if name.startswith('move_')]
    return Choice(
        number=number_of(values['number'], 'the number of the image'),
        label=label_of(values.get('label'), explorer),
        truncation=None if threshold in (None, LARGEST_THRESHOLD) else float(threshold),
        psi=float(values.get('psi', 1.0)),
        other=number_of(values.get('other', 1), 'the number of the second image'),
        first=int(values.get('first', explorer.layers)),
        moves=tuple(map(float, moves)),
        found=found,
    )


def number_of(value: Any, what: str) -> int:
    """The number of an image.

    Raises:
        UserError: it is no whole number from 0 on; `what` says which one.
    """
    expected = Integer(0, MOST_SEED)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not expected.holds(value):
        raise UserError(f'{what} is {"missing" if value is None else value}: give {expected}')
    return value


def label_of(value: Any, explorer: Explorer) -> int:
    """The class that a list of names shows, by its place in the list; 0 without classes."""
    if value is None or not explorer.generator.num_classes:
        return 0
    return explorer.generator.class_of(int(value))


def label_title(explorer: Explorer) -> str:
    """The title of the control of the label."""
    is_row = explorer.generator.label_kind == 'row'
    return 'Row of the label vectors' if is_row else 'Class'


def class_choices(explorer: Explorer) -> list[tuple[str, int]]:
    """(shown name, number) of each class that the images depend on."""
    names = explorer.generator.class_names
    numbers = range(explorer.generator.num_classes)
    if not names or all(names[number] == f'{number}' for number in numbers):
        return [(f'{number}', number) for number in numbers]
    return [(f'{number} {names[number]}', number) for number in numbers]
