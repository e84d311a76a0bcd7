"""The split and the class of each image, from the folders that hold it."""

from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from gan_jax.data import classes
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.paths import shown

UNLABELLED = 'unlabelled'
# Names of the highest folders, in capitals or not -> the split that each is.
SPLITS = {
    'train': 'train',
    'training': 'train',
    'test': 'test',
    'testing': 'test',
    'validation': 'validation',
    'valid': 'valid',
    'val': 'val',
    'unlabeled': UNLABELLED,
    'unlabelled': UNLABELLED,
}
HELD_OUT = ('validation', 'valid', 'val')  # without 'test', the first that is there takes its place

Names = Mapping[str, Sequence[str]]  # name -> what is left of its parts


class Labels(NamedTuple):
    """The classes of images.

    Attributes:
        of: image name -> the number of its class, or its label vector, for all images that have
            one.
        num_classes: the number of classes; 0 of vectors.
        class_names: one for each class, or None.
    """

    of: Mapping[str, int | tuple[float, ...]]
    num_classes: int
    class_names: tuple[str, ...] | None = None


class Layout(NamedTuple):
    """The split and the class of each image.

    Attributes:
        splits: split -> names of its images.
        labels: the classes.
        notes: sentences for the user.
    """

    splits: Mapping[str, Sequence[str]]
    labels: Labels
    notes: tuple[str, ...] = ()


def make_layout(names: Sequence[str], path: Path, labels: Labels | None = None) -> Layout:
    """The splits by the folders in the names, and the classes too unless `labels` are given."""
    parts = _without_common({name: name.split('/') for name in names})
    splits, notes = _splits(parts, path)
    if labels is None:
        if splits.get('train') is parts:
            notes = _as_classes({top for top, *rest in parts.values() if rest}, path)
        labels = _by_folders({s: inner for s, inner in splits.items() if s != UNLABELLED}, path)
    return Layout({s: tuple(inner) for s, inner in splits.items()}, labels, notes)


def _splits(names: Names, path: Path) -> tuple[Mapping[str, Names], tuple[str, ...]]:
    tops = {parts[0]: SPLITS.get(parts[0].lower()) for parts in names.values()}
    found = {*tops.values()}
    if 'train' not in found or None in found or any(len(parts) == 1 for parts in names.values()):
        return {'train': names}, ()
    notes = ()
    held_out = next((split for split in HELD_OUT if split in found), None)
    if held_out and 'test' not in found:
        notes = (f"{path}: its '{held_out}' is the split 'test', which metrics compare with",)
        tops = {top: 'test' if split == held_out else split for top, split in tops.items()}
    splits: dict[str, dict[str, Sequence[str]]] = {split: {} for split in sorted({*tops.values()})}
    for name, (top, *rest) in names.items():
        splits[tops[top]][name] = rest
    return splits, notes


def _as_classes(tops: Collection[str], path: Path) -> tuple[str, ...]:
    """A sentence where folders that are called as splits are none."""
    splits = [top for top in sorted(tops) if top.lower() in SPLITS]
    if not splits:
        return ()
    other = next((top for top in sorted(tops) if top not in splits), None)
    reason = f"beside '{shown(other)}'" if other else "without a 'train'"
    said = 'is no split but a class' if len(splits) == 1 else 'are no splits but classes'
    return (
        f'{path}: its {", ".join(map(repr, splits))} {reason} {said}: give a folder with train and '
        'other splits alone, if splits are meant',
    )


def _by_folders(splits: Mapping[str, Names], path: Path) -> Labels:
    inner = _without_common({n: p for split in splits.values() for n, p in split.items()})
    loose = next((n for n, p in inner.items() if len(p) == 1), None)
    classed = next((n for n, p in inner.items() if len(p) > 1), None)
    if loose and classed:
        raise UserError(
            f'{path} holds {shown(loose)} beside the class folder of {shown(classed)}: give every '
            'image a class folder, or none',
            DATA,
        )
    if not classed:
        return Labels({}, 0)
    names = classes.in_order({parts[0] for parts in inner.values()})
    number = {name: i for i, name in enumerate(names)}
    return Labels({n: number[p[0]] for n, p in inner.items()}, len(names), tuple(names))


def _without_common(names: Names) -> Names:
    """The names without the leading folders that all of them share."""
    folders = [parts[:-1] for parts in names.values()]
    ends = zip(min(folders), max(folders), strict=False)  # all between them share what these share
    common = len([*takewhile(lambda pair: pair[0] == pair[1], ends)])
    return {name: parts[common:] for name, parts in names.items()}
