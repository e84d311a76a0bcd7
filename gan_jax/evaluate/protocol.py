"""Metrics by name, with everything that a number depends on written beside it."""

from gan_jax import data
from gan_jax.errors import UserError
from gan_jax.evaluate import digit_metrics, discriminator, scores
from gan_jax.evaluate.contract import Context, Evaluation, Values, Watch, unwatched
from gan_jax.load import nearest

# Each has NAMES, and prepare(names, context) -> Evaluation; a new family is a file and a line.
FAMILIES = (digit_metrics, discriminator)
SCORES = ('fid10k_test', 'kid10k_test', 'is50k', 'pr10k_test', 'dc10k_test')  # as examples


def prepare(metrics: str, given: Context) -> Evaluation:
    """The named metrics of a run.

    Args:
        metrics: names of a family's metrics, and of scores in Inception's features, which say how
            they are measured (see `names`), as in 'fd_digits,modes,fid10k_test'; '' is none.
        given: what they are measured against.

    Raises:
        UserError: an unknown metric, one that does not fit the data, or Inception's weights are not
            to be had (69).
    """
    asked = [name for name in metrics.split(',') if name]
    known = [name for family in FAMILIES for name in family.NAMES]
    scored = [name for name in asked if name not in known]
    for name in scored:
        if scores.read(name) is None:
            raise UserError(f"there is no metric '{name}'{nearest(name, [*known, *SCORES])}")
    shares = [(family, [name for name in asked if name in family.NAMES]) for family in FAMILIES]
    shares.append((scores, scored))
    parts = [family.prepare(share, given) for family, share in shares if share]

    def measure(images, state, hyper, watch: Watch = unwatched) -> Values:
        found = [part.measure(images, state, hyper, watch) for part in parts]
        return {name: value for values in found for name, value in values.items()}

    protocol = {'metrics': asked}
    if asked:
        protocol |= {
            'data': given.train.name,
            'size': given.train.images.shape[1],
            'reference': f'train, {len(given.train.images)} images',
            'reference_digest': data.digest(given.train),
        }
    for part in parts:
        protocol |= part.protocol
    return Evaluation(max((part.num for part in parts), default=0), measure, protocol)
