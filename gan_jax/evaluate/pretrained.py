"""Networks with published weights, by their names: Inception, DINOv2's and CLIP's transformers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.evaluate import clip, dinov2, published, vit, weights
from gan_jax.evaluate.names import INCEPTION, WIDTH

Triple = tuple[float, float, float]


class Transformer(NamedTuple):
    """A vision transformer and what its images become first: square, of side `side`, normalised.

    Attributes:
        net: the network.
        width: of its features.
        weights: the published ones.
        side: of the images, in pixels.
        mean: of images in [0, 1], subtracted from each channel.
        deviation: what each channel is divided by.
    """

    net: vit.Net
    width: int
    weights: published.Published
    side: int
    mean: Triple
    deviation: Triple


TRANSFORMERS = {
    name: Transformer(
        net, net.width, dinov2.weights(name), dinov2.SIDE, dinov2.MEAN, dinov2.DEVIATION
    )
    for name, net in dinov2.NETS.items()
} | {
    clip.NAME: Transformer(
        clip.NET, clip.WIDTH, clip.weights(), clip.SIDE, clip.MEAN, clip.DEVIATION
    )
}
WIDTHS = {INCEPTION: WIDTH, **{name: one.width for name, one in TRANSFORMERS.items()}}


def variables_of(name: str, data_dir: str | Path | None = None) -> Mapping[str, Any]:
    """The variables of a network of WIDTHS.

    Raises:
        UserError: as `published.variables_of` (69).
    """
    if name == INCEPTION:
        return weights.published(data_dir)
    return published.variables_of(TRANSFORMERS[name].weights, data_dir)


def check(name: str, data_dir: str | Path | None = None) -> None:
    """Raises as `variables_of`, without a download."""
    if name == INCEPTION:
        weights.check(data_dir)
    else:
        published.check(TRANSFORMERS[name].weights, data_dir)
