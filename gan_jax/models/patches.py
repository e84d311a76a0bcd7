"""A discriminator's logits of patches of the image, whose mean is its logit."""

import math
from typing import Annotated

import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from gan_jax.models.layers import Dense, Initializer, initializer
from gan_jax.runtime.ranges import Integer

Side = Annotated[int, Integer(1, 1024)]


class PatchLogit(nn.Module):
    """Logits of the windows of the trunk's last map: a convolution without padding and bias.

    The features are a map, flat. `gan_jax.terms.patches` has the losses that read every patch; the
    usual ones read the mean.

    Attributes:
        side: of the map, or its height and width.
        kernel: side of a window.
        initializer: as in `critic.Logit`.
        normalised: False leaves out the spectral normalisation: with one output the largest
            singular value is the kernel's norm, over window and channels, and takes no iteration.
    """

    side: Side | tuple[Side, Side] = 8
    kernel: Side = 4
    initializer: Initializer = 'normal'
    normalised: bool = True

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N], 'patches': [N, P]} from features [N, F]; `label` and `train` are not used.

        'logit' is the mean over the P windows, (side - kernel + 1)² in a square, 'patches' what
        each differs from it, so that 'logit' + 'patches' are the windows' logits.

        Raises:
            ValueError: F is no map of that side, or a window is larger than the map.
        """
        n, length = features.shape
        kernel = self.kernel
        size = (self.side, self.side) if isinstance(self.side, int) else self.side
        if len(size) != 2 or length % math.prod(size) or kernel > min(size):
            raise ValueError(
                f'windows of {kernel}x{kernel} in a map of {"x".join(map(str, size))} places do '
                f'not fit {length} features: change side or kernel'
            )
        x = features.reshape(n, *size, -1)
        rows, columns = (one - kernel + 1 for one in size)
        # One product for all weights of a window, and then the sum of shifted maps.
        init = _of_windows(initializer(self.initializer), kernel)
        layer = Dense(kernel * kernel, use_bias=False, kernel_init=init, name='dense')
        parts = layer(x)
        logits = sum(
            parts[:, i : i + rows, j : j + columns, i * kernel + j]
            for i in range(kernel)
            for j in range(kernel)
        ).reshape(n, -1)
        if self.normalised:
            power = (layer.variables['params']['kernel'] ** 2).sum()
            logits = logits * lax.rsqrt(jnp.where(power != 0, power, 1))
        mean = jnp.mean(logits, axis=1)
        return {'logit': mean, 'patches': logits - mean[:, None]}


def _of_windows(init: nn.initializers.Initializer, kernel: int) -> nn.initializers.Initializer:
    """The initialiser of a convolution to one channel, for its weights as [C, kernel²]."""

    def start(key: Array, shape: tuple[int, int], dtype: type) -> Array:
        weights = init(key, (kernel, kernel, shape[0], 1), dtype)
        return weights.reshape(kernel * kernel, shape[0]).T

    return start
