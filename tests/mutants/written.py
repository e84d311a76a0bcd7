"""Faults that once survived all tests, each written down as an edit of today's code."""

from typing import NamedTuple

from tests.edited import ROOT, replaced
from tests.mutants.draw import Mutant


class Fault(NamedTuple):
    """One of them.

    Attributes:
        what: what goes wrong.
        path: of the file.
        old: what stands in it once.
        new: what stands there in place of it.
        tests: the test files that are to notice.
    """

    what: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


def mutant_of(fault: Fault) -> Mutant:
    """The mutant that a fault is.

    Raises:
        ValueError: what it replaces does not stand in the file once.
    """
    (source,) = replaced(fault.path, fault.old, fault.new).values()
    before = (ROOT / fault.path).read_text()
    line = before[: before.index(fault.old)].count('\n') + 1
    texts = (' '.join(text.split()) for text in (fault.old, fault.new))
    return Mutant(fault.path, '', line, fault.what, *texts, source)


WRITTEN = (
    Fault(
        'labels concatenated while images are interleaved',
        'gan_jax/critique.py',
        "label = views.join([records[v]['label'] for v in group])",
        "label = jnp.concatenate([records[v]['label'] for v in group])",
        ('tests/test_critique.py',),
    ),
)
