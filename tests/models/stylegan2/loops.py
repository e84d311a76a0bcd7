"""StyleGAN2's layers as loops in NumPy, written from the definitions, in float64."""

import jax
import numpy as np

TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def spread_out(x):
    """Zeros after every pixel."""
    y = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]))
    y[:, ::2, ::2] = x
    return y


def correlated(x, before, after, taps=TAPS):
    """Each channel's sums under the taps, of a map with zeros around it."""
    x = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    height, width = x.shape[1] - 3, x.shape[2] - 3
    y = np.zeros((x.shape[0], height, width, x.shape[3]))
    for i in range(4):
        for j in range(4):
            y += taps[i, j] * x[:, i : i + height, j : j + width]
    return y


def halved_convolution(x, w):
    """Filtered to one row and column more, then every second place of a 3×3 convolution."""
    x = correlated(x, 2, 2)
    y = np.zeros((len(x), x.shape[1] // 2, x.shape[2] // 2, w.shape[3]))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            y[:, i, j] = np.einsum('nabi,abio->no', window, w)
    return y


def doubled_convolution(x, w):
    """Every pixel adds its 3×3 kernel to a map of 2H + 1 rows, which is filtered."""
    n, height, width, _ = x.shape
    y = np.zeros((n, 2 * height + 1, 2 * width + 1, w.shape[3]))
    for i in range(height):
        for j in range(width):
            own = np.einsum('ni,abio->nabo', x[:, i, j], w)
            y[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += own
    return correlated(y, 1, 1, 4 * TAPS)


def convolved(x, w):
    """A 'SAME' convolution of a map with zeros around it, by the definition."""
    n, height, width, _ = x.shape
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = np.zeros((n, height, width, w.shape[3]))
    for a in range(3):
        for b in range(3):
            y += np.einsum('nhwi,io->nhwo', x[:, a : a + height, b : b + width], w[a, b])
    return y


def modulated(x, w, style, *, up=False, fault=''):
    """Image by image, with its own kernel, equations 1 and 3; with a fault by name."""
    images = []
    for image, s in zip(x, style, strict=True):
        own = w * (s[None, None, :, None] if fault != 'outputs' else s[None, None, None, :])
        power = (own**2).sum((0, 1, 2), keepdims=True)
        if fault == 'unmodulated':
            power = (w**2).sum((0, 1, 2), keepdims=True)
        if fault == 'mean':
            power /= w[..., 0].size
        if fault == 'inputs':
            power = (own**2).sum((0, 1), keepdims=True).mean(3, keepdims=True)
        own = own / np.sqrt(power + (1e-8 if fault != 'epsilon' else 1e-1))
        images.append((doubled_convolution if up else convolved)(image[None], own)[0])
    return np.stack(images)


def leaky(x, gain=2**0.5):
    return gain * np.where(x > 0, x, 0.2 * x)


def dense(params, x, rate=1.0):
    """An equalised dense layer; `params` may lack the bias."""
    y = x @ params['kernel'] / x.shape[-1] ** 0.5 + params.get('bias', 0)
    return rate * y


def image(params, x, w):
    """RGB of a map, without demodulation."""
    style = dense(params['style'], w) / x.shape[-1] ** 0.5
    return np.einsum('nhwi,ni,io->nhwo', x, style, params['kernel']) + params['bias']


def styled(params, x, w, *, up=False, gain=1.0):
    """A modulated convolution with its bias and leak, and no noise."""
    y = modulated(x, params['kernel'], dense(params['style'], w), up=up)
    return gain * leaky(y + params['bias'])


def doubled(x):
    """A map filtered between zeros."""
    return correlated(spread_out(x), 2, 1, 4 * TAPS)


def numbers(shapes, dtype=np.float64, silent=False):
    """Values of a network's variables, N(0, 1), as weights begin; with `silent` no noise."""
    rng = np.random.default_rng(1)

    def draw(path, x):
        values = np.asarray(rng.standard_normal(x.shape))
        return (0 * values if silent and path[-1].key == 'strength' else values).astype(dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)
