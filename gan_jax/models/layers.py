"""Layers that several networks share."""

from flax import linen as nn
from jax import Array


def spectral(layer: nn.Module, x: Array, *, train: bool) -> Array:
    """`layer(x)` with its kernel over its largest singular value (Miyato et al. 2018, section 2.1).

    This is Flax's SpectralNorm, which with `train` keeps the vector of its power iteration in the
    collection 'batch_stats', except that the layer keeps the initial values that its initialiser
    drew: Flax's stores them divided already. The network is the same function, but Adam's steps
    would be of another size relative to the weights than in the papers.

    Args:
        layer: a layer with a kernel, made in the compact method that calls this function.
        x: what the layer takes.
        train: whether the step of the power iteration is kept.
    """
    if layer.is_initializing():
        layer(x)
        drawn = dict(layer.variables['params'])
    norm = nn.SpectralNorm(layer, name=f'spectral_{layer.name}')
    y = norm(x, update_stats=train)
    if layer.is_initializing():
        for name, value in drawn.items():
            layer.put_variable('params', name, value)
    return y
