"""Metrics by name, with everything that a number depends on written beside it."""

from gan_jax import data
from gan_jax.errors import UserError
from gan_jax.evaluate import digit_metrics, discriminator, leaks, scores
from gan_jax.evaluate.contract import (
    Context,
    Evaluation,
    Values,
    Watch,
    held_out_of,
    unwatched,
)
from gan_jax.load import nearest

# Each has NAMES, or examples of them, knows(name), and prepare(names, context) -> Evaluation; a new
# family is a file and a word here.
FAMILIES = (digit_metrics, discriminator, scores, leaks)


def prepare(metrics: str, given: Context) -> Evaluation:
    """The named metrics of a run.

    Args:
        metrics: with commas between them, as in 'fd_digits,modes,fid10k_test'; '' is none.
        given: what they are measured against.

    Raises:
        UserError: an unknown metric, one that does not fit the data, or Inception's weights are not
            to be had (69).
    """
    asked = [name for name in metrics.split(',') if name]
    for name in asked:
        if not any(family.knows(name) for family in FAMILIES):
            known = [name for family in FAMILIES for name in family.NAMES]
            others = nearest(name, known) or f'; there are {", ".join(sorted(known))}'
            raise UserError(f"there is no metric '{name}'{others}")
    shares = [(family, [name for name in asked if family.knows(name)]) for family in FAMILIES]
    parts = [family.prepare(share, given) for family, share in shares if share]

    def measure(images, state, hyper, watch: Watch = unwatched) -> Values:
        found = [part.measure(images, state, hyper, watch) for part in parts]
        return {name: value for values in found for name, value in values.items()}

    protocol = {'metrics': asked}
    if asked:
        held_out = held_out_of(given)
        protocol |= {
            'data': given.train.name,
            'size': given.train.images.shape[1],
            'reference': f'train, {len(given.train.images)} images',
            'reference_digest': data.digest(given.train),
            'learned': f'{len(given.learned.images)} images',
            'learned_digest': data.digest(given.learned),
            'held_out_digest': data.digest(held_out) if held_out else None,
        }
    for part in parts:
        protocol |= part.protocol
    return Evaluation(max((part.num for part in parts), default=0), measure, protocol)
