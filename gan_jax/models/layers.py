"""Layers that several networks share."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import Array

from gan_jax.models.spectral import maybe_spectral
from gan_jax.runtime.ranges import Choice

# Initialisers by the names that a config gives: a config holds no functions.
INITIALIZERS = {
    'glorot': nn.initializers.glorot_uniform(),
    'normal': nn.initializers.normal(0.02),
    'orthogonal': nn.initializers.orthogonal(),
}
Initializer = Annotated[str, Choice((*INITIALIZERS,))]


def initializer(name: str) -> nn.initializers.Initializer:
    """The initialiser of that name: 'normal' is N(0, 0.02²), 'glorot' uniform, 'orthogonal'.

    An orthogonal kernel [.., I, O], as a matrix with O columns, has orthonormal columns, or
    orthonormal rows if it has more columns than rows (Saxe et al. 2014).

    Raises:
        ValueError: no initialiser of that name.
    """
    if name not in INITIALIZERS:
        raise ValueError(f"weights start as one of {', '.join(INITIALIZERS)}, not '{name}'")
    return INITIALIZERS[name]


def channels(width: float, *full: int) -> list[int]:
    """The channels of each layer at a width factor: rounded, at least 1."""
    return [max(1, round(width * n)) for n in full]


def at_least_float32(x: Array) -> Array:
    """x in float32 at least."""
    return x.astype(np.promote_types(x.dtype, np.float32))


def cast(x: Array, dtype: Any) -> Array:
    """x in a layer's type; None leaves it as it is."""
    return x if dtype is None else x.astype(dtype)


def is_half(dtype: Any) -> bool:
    """True for a type below float32."""
    return dtype is not None and jnp.finfo(dtype).bits < 32


def type_at(side: int, last: int, dtype: Any) -> Any:
    """The type of the maps of a side, None for the type of their inputs.

    A type below float32 is for the four largest sides, and never for 4, as in StyleGAN2-ADA and
    R3GAN.

    Args:
        side: of the map, see `sizes`.
        last: the image's.
        dtype: of the network.
    """
    return jnp.float32 if is_half(dtype) and side <= max(4, last >> 4) else dtype


def times(x: Array, s: Array) -> Array:
    """x times an s that broadcasts to it, in the type of x; see `add_bias` for s's gradient."""
    return x * jnp.broadcast_to(s, x.shape).astype(x.dtype)


def add_bias(x: Array, b: Array) -> Array:
    """x [..., F] plus a b that broadcasts to it, such as [F], in the type of x.

    The gradient of b is a sum over batch and places. XLA sums bfloat16 in bfloat16, on a CPU too,
    where 256 + 1 = 256. So b is cast to the type of x after it is broadcast, not before, and its
    gradient is summed in its own type.
    """
    return x + jnp.broadcast_to(b, x.shape).astype(x.dtype)


class Dense(nn.Module):
    """`flax.linen.Dense` with a bias that is added by `add_bias`: [..., K] -> [..., features].

    Same parameters and initial values as Flax's.
    """

    features: int
    use_bias: bool = True
    dtype: Any = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    operation: ClassVar[Callable[[Array, Array], Array]] = staticmethod(jnp.matmul)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        w = self.param('kernel', self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        x, w = nn.dtypes.promote_dtype(x, w, dtype=self.dtype)
        y = self.operation(x, w)
        if not self.use_bias:
            return y
        b = self.param('bias', nn.initializers.zeros_init(), (self.features,), jnp.float32)
        return add_bias(y, b)


def image_of(x: Array, *, clipped: bool) -> Array:
    """Images (x + 1) / 2 of a last layer x, most of it in [-1, 1]; with `clipped` in [0, 1]."""
    image = (x + 1) / 2
    return jnp.clip(image, 0, 1) if clipped else image


def maybe_remat(block: nn.Module, *inputs: Any, train: bool, remat: bool) -> Array:
    """`block(*inputs, train=train)`; with `remat` the backward pass computes its inside again.

    Only the inputs of the block are kept then, for about one more forward pass of it.
    """
    if not remat:
        return block(*inputs, train=train)
    return nn.remat(lambda block, *inputs: block(*inputs, train=train))(block, *inputs)


def along_both(x: Array, matrix: np.ndarray) -> Array:
    """The matrix [K, H] along both sides of x [N, H, H, C]: [N, K, K, C]."""
    m = jnp.asarray(matrix, x.dtype)
    return jnp.einsum('kw,nhwc->nhkc', m, jnp.einsum('kh,nhwc->nkwc', m, x))


def upsample_nearest(x: Array) -> Array:
    """The map [N, H, W, C] twice as large, [N, 2H, 2W, C], by its nearest values."""
    n, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (n, h, 2, w, 2, c)).reshape(n, 2 * h, 2 * w, c)


def average_pool(x: Array) -> Array:
    """The means over squares of 2×2: [N, H, W, C] -> [N, H/2, W/2, C]; H and W are even."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def max_pool(x: Array) -> Array:
    """The maxima over squares of 2×2: [N, H, W, C] -> [N, H/2, W/2, C]; H and W are even."""
    n, h, w, c = x.shape
    rows = x.reshape(n, h // 2, 2, w // 2, 2 * c)
    x = jnp.maximum(rows[:, :, 0], rows[:, :, 1])
    return jnp.maximum(x[..., :c], x[..., c:])


class ConditionalNorm(nn.Module):
    """BatchNorm with a gain and a bias that follow a vector c: x̂ (1 + U c) + V c.

    c is a class as a one-hot vector (de Vries et al. 2017; U and V are then tables of the classes'
    gains and biases) or the vector of class and latents of Brock et al. 2018 (section 3). The 1 is
    as in the authors' code; compare_gan has U c alone. The running statistics keep nine tenths a
    step and epsilon is 1e-5, as in both.

    Attributes:
        kernel_init: of U and V.
        normalised: whether U and V have spectral normalisation.
        dtype: of the result; statistics, gain and bias, and the sums over places that are their
            gradients, are float32 at least.
    """

    kernel_init: nn.initializers.Initializer
    normalised: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, condition: Array | None, *, train: bool) -> Array:
        """[N, H, W, C] from x [N, H, W, C] and c [N, K]; with None BatchNorm's own gain and bias.

        With `train` it takes the statistics of the batch and updates the running ones in the
        collection 'batch_stats'; without it takes the running ones.
        """
        norm = partial(nn.BatchNorm, not train, momentum=0.9, epsilon=1e-5)
        if condition is None:
            return norm(dtype=self.dtype, name='batch')(x)
        x = norm(use_scale=False, use_bias=False, name='batch')(at_least_float32(x))
        call = maybe_spectral(self.normalised, train=train)
        linear = partial(nn.Dense, x.shape[-1], use_bias=False, kernel_init=self.kernel_init)
        condition = at_least_float32(condition)
        gain, bias = (call(linear(name=n), condition) for n in ('gain', 'bias'))  # [N, C]
        y = x * (1 + gain[:, None, None]) + bias[:, None, None]
        return y if self.dtype is None else y.astype(self.dtype)


class SelfAttention(nn.Module):
    """x + γ o(A g(x)) with A = softmax(θ(x) φ(x)ᵀ) over places (Zhang et al. 2018, section 3).

    As in the code of SAGAN and BigGAN rather than the paper: θ and φ have an eighth of the
    channels and g a half, φ and g are pooled to their maxima over 2×2, no map has a bias, and all
    have spectral normalisation. γ starts at 0, so that the layer is the identity at first.

    Attributes:
        kernel_init: of the four maps, which are 1×1 convolutions.
        normalised: False leaves out the spectral normalisation.
        dtype: of the maps; the softmax, and the sum over batch and places that is γ's gradient,
            are float32 at least.
    """

    kernel_init: nn.initializers.Initializer
    normalised: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[N, H, W, C] from x [N, H, W, C]; H and W are even.

        Raises:
            ValueError: H or W is odd.
        """
        n, h, w, c = x.shape
        if h % 2 or w % 2:
            raise ValueError(
                f'self-attention pools maps of even sides, and not {h}x{w}: change data.size, or '
                'where attention stands'
            )
        call = maybe_spectral(self.normalised, train=train)

        def linear(name: str, features: int, x: Array) -> Array:
            options = dict(use_bias=False, dtype=self.dtype, kernel_init=self.kernel_init)
            return call(nn.Dense(features, name=name, **options), x)

        def places(x: Array) -> Array:
            return x.reshape(n, -1, x.shape[-1])

        theta = places(linear('theta', max(1, c // 8), x))  # [N, HW, C/8]
        phi = places(max_pool(linear('phi', max(1, c // 8), x)))  # [N, HW/4, C/8]
        g = places(max_pool(linear('g', max(1, c // 2), x)))  # [N, HW/4, C/2]
        attention = nn.softmax(at_least_float32(theta @ phi.swapaxes(1, 2)))  # [N, HW, HW/4]
        attended = (attention.astype(g.dtype) @ g).reshape(n, h, w, -1)
        gain = self.param('gain', nn.initializers.zeros_init(), (), jnp.float32)
        out = gain * at_least_float32(linear('out', c, attended))
        return (at_least_float32(x) + out).astype(x.dtype)
