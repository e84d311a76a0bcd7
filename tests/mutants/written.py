"""Faults that once survived all tests, each written down as an edit of today's code."""

from typing import NamedTuple

from tests.edited import ROOT, replaced
from tests.mutants.draw import Mutant


class Fault(NamedTuple):
    """A fault as an edit of one file.

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


CHECKPOINT, RESTART = ('tests/runtime/test_checkpoint.py',), ('tests/run/test_resume.py',)

WRITTEN = (
    Fault(
        'labels concatenated while images are interleaved',
        'gan_jax/critique.py',
        "label = views.join([records[v]['label'] for v in group])",
        "label = jnp.concatenate([records[v]['label'] for v in group])",
        ('tests/test_critique.py',),
    ),
    Fault(
        "another checkpoint's sound state is taken for its own",
        'gan_jax/runtime/checkpoint.py',
        "if digests(leaves) != {name: record['leaves'][name] for name in expected}:",
        'if False:',
        CHECKPOINT,
    ),
    Fault(
        'shapes are not compared on restore',
        'gan_jax/runtime/leaves.py',
        "return f'{np.dtype(leaf.dtype).name} {list(leaf.shape)}'",
        "return f'{np.dtype(leaf.dtype).name} []'",
        CHECKPOINT,
    ),
    Fault(
        "the record's step is not compared with its folder",
        'gan_jax/runtime/checkpoint.py',
        "digest == json_digest(record) and record['step'] == step",
        'digest == json_digest(record)',
        CHECKPOINT,
    ),
    Fault(
        'what was saved and what was restored have two digests',
        'gan_jax/runtime/checkpoint.py',
        "metadata, json_digest(record['leaves']), [])",
        'metadata, json_digest(record), [])',
        CHECKPOINT,
    ),
    Fault(
        'a step that is put aside again lies in the first one',
        'gan_jax/runtime/checkpoint.py',
        'workdir.free_name(folder.parent / QUARANTINE / str(step))',
        'folder.parent / QUARANTINE / str(step)',
        CHECKPOINT,
    ),
    Fault(
        'a package is trusted whose name begins like a trusted one',
        'gan_jax/runtime/load.py',
        "module_name == p or module_name.startswith(f'{p}.')",
        'module_name.startswith(p)',
        ('tests/test_trust.py',),
    ),
    Fault(
        'a config gives what the program supplies',
        'gan_jax/runtime/load.py',
        'if k in (*supplied, *kind.unused) or (k not in known and not anything)',
        'if k not in known and not anything',
        ('tests/test_trust.py',),
    ),
    Fault(
        'the parts of a batch change on resume',
        'gan_jax/experiment/config.py',
        "CHANGEABLE = ('steps',",
        "CHANGEABLE = ('accumulate', 'steps',",
        ('tests/experiment/test_config.py',),
    ),
    Fault(
        'none of the data is a fraction of them',
        'gan_jax/experiment/values.py',
        "'data.fraction': Number(0, 1, above=True)",
        "'data.fraction': Number(0, 1)",
        ('tests/experiment/test_config.py',),
    ),
    Fault(
        'a subset may be empty',
        'gan_jax/data/subsets.py',
        'if not 0 < fraction <= 1:',
        'if not 0 <= fraction <= 1:',
        ('tests/data/test_subsets.py',),
    ),
    Fault(
        'the stream stands elsewhere after several steps at once',
        'gan_jax/experiment/feed.py',
        "ahead['at'] = seed, step + count",
        "ahead['at'] = seed, step + 1",
        ('tests/experiment/test_feed.py',),
    ),
    Fault(
        'config.json is not compared on resume',
        'gan_jax/run/resume.py',
        "_refuse_changes(folder, kept, fingerprint['config'])",
        'pass',
        RESTART,
    ),
    Fault(
        'the config in the checkpoint is not compared on resume',
        'gan_jax/run/resume.py',
        "_refuse_changes(folder, restored.metadata['config'], fingerprint['config'])",
        'pass',
        RESTART,
    ),
    Fault(
        'a damaged checkpoint stays in the way on resume',
        'gan_jax/run/resume.py',
        'step=step, quarantine=True',
        'step=step',
        RESTART,
    ),
)
