"""R3GAN2's networks in NumPy, an output at a time, with faults that can be planted."""

import numpy as np

FAULTS = ('centred', 'gain', 'variance', 'noise', 'norm')
# A rule for either side of 0 to 12, for sums in place of integrals over N(0, 1).
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(100)
NODES = np.concatenate([6 * _NODES - 6, 6 * _NODES + 6])
DENSITY = 6 * np.tile(_WEIGHTS, 2) * np.exp(-(NODES**2) / 2) / np.sqrt(2 * np.pi)


def leaky(x):
    return np.maximum(x, 0) + 0.2 * np.minimum(x, 0)


def spread_of_leaky():
    """The standard deviation of the leaky ReLU of N(0, 1)."""
    mean = np.sum(leaky(NODES) * DENSITY)
    return np.sqrt(np.sum((leaky(NODES) - mean) ** 2 * DENSITY))


class Loops:
    """Both networks; `fault` is one of FAULTS or ''.

    Maps are [N, H, W, C], parameters those of the networks. `noises` are maps [N, H, W], one for
    each block of the generator in its order.
    """

    def __init__(self, group_size, fault='', noises=()):
        self.group_size, self.fault, self.noises = group_size, fault, list(noises)
        self.gain = np.sqrt(2) if fault == 'gain' else 1 / spread_of_leaky()

    def act(self, x):
        return leaky(x) * self.gain

    def used(self, layer):
        """The kernel of a layer as it is used but for the root of the number of inputs."""
        ((name, own),) = layer.items()
        kernel, out = own['kernel'], np.empty_like(own['kernel'])
        for o in range(kernel.shape[-1]):
            row = kernel[..., o]
            if name == 'centred' and self.fault != 'centred':
                row = row - row.mean()
            length = np.sqrt(np.sum(row**2) / row.size)
            out[..., o] = row if self.fault == 'norm' else row / (1e-4 + length)
        return out

    def linear(self, layer, x):
        w = self.used(layer)
        return x @ w / np.sqrt(len(w))

    def grouped(self, layer, x):
        """3×3 with zeros around."""
        w = self.used(layer)
        inside, features = w.shape[2:]
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        out = np.zeros((*x.shape[:3], features))
        for o in range(features):
            first = o // inside * inside
            for i in range(3):
                for j in range(3):
                    window = padded[:, i : i + x.shape[1], j : j + x.shape[2]]
                    out[..., o] += window[..., first : first + inside] @ w[i, j, :, o]
        return out / np.sqrt(9 * inside)

    def widened(self, layer, x, variance, noise=None):
        """The 1×1 layer on what a channel, noise and 1 are together."""
        parts = [x / np.sqrt(variance)]
        if noise is not None:
            parts.append((0 if self.fault == 'noise' else 1) * noise[..., None])
        return self.linear(layer, np.concatenate([*parts, np.ones((*x.shape[:-1], 1))], axis=-1))

    def block(self, p, x, variance, noise=None):
        alpha = np.tanh(p['alpha'])
        y = self.act(self.widened(p['widen'], x, variance, noise))
        y = self.act(self.grouped(p['conv'], y))
        x = x + alpha * self.linear(p['narrow'], y)
        return x, variance if self.fault == 'variance' else variance + alpha**2

    def stage(self, p, x, noisy):
        variance = np.ones(x.shape[-1])
        for i in range(len(p)):
            noise = self.noises.pop(0) if noisy else None
            x, variance = self.block(p[f'block_{i}'], x, variance, noise)
        return x / np.sqrt(variance)

    def to_map(self, layer, rows):
        w, g = self.used(layer), self.group_size
        out = np.zeros((len(rows), 4, 4, rows.shape[1]))
        for o in range(rows.shape[1]):
            own = rows[:, o // g * g : o // g * g + g]
            out[..., o] = np.einsum('nc,ijc->nij', own, w[..., o]) / np.sqrt(g)
        return out

    def from_map(self, layer, maps):
        w, g = self.used(layer), self.group_size
        out = np.zeros((len(maps), maps.shape[3]))
        for o in range(maps.shape[3]):
            own = maps[..., o // g * g : o // g * g + g]
            out[:, o] = np.einsum('nijc,ijc->n', own, w[..., o]) / np.sqrt(16 * g)
        return out

    def generated(self, p, z, label):
        vector = self.used(p['classes']).T[label]
        x = np.concatenate([z, vector, np.ones((len(z), 1))], axis=1)
        x = self.act(self.to_map(p['basis'], self.act(self.linear(p['dense'], x))))
        x = doubled(self.linear(p['narrow'], x))
        x = self.stage(p['stage_0'], x, noisy=True)
        x = self.stage(p['stage_1'], split(x, p['stage_1']['block_0']['alpha'].size), noisy=True)
        return (p['scale'] * self.linear(p['image'], x) + 1) / 2

    def features(self, p, image):
        x = self.linear(p['image'], 2 * image - 1)
        x = self.stage(p['stage_1'], x, noisy=False)
        x = self.stage(p['stage_0'], merged(x, p['stage_0']['block_0']['alpha'].size), noisy=False)
        x = self.act(self.widened(p['widen'], halved(x), np.ones(x.shape[-1])))
        return self.act(self.from_map(p['basis'], x))

    def logit(self, p, features, label):
        y, table = self.linear(p['dense'], features), self.used(p['classes']).T
        return np.array([y[n] @ table[label[n]] for n in range(len(y))]) / np.sqrt(y.shape[1])


def resampling(side):
    """The matrix [2 side, side] that doubles an axis through [1, 3, 3, 1] / 4."""
    matrix = np.zeros((2 * side, side))
    for i in range(side):
        for place, weight in zip(range(2 * i - 1, 2 * i + 3), (1, 3, 3, 1), strict=True):
            if 0 <= place < 2 * side:
                matrix[place, i] = weight / 4
    return matrix


def along_both(matrix, x):
    return np.einsum('ai,bj,nijc->nabc', matrix, matrix, x)


def doubled(x):
    return along_both(resampling(x.shape[1]), x)


def halved(x):
    return along_both(resampling(x.shape[1] // 2).T / 2, x)


def smoothed(x):
    side = x.shape[1]
    matrix = (2 * np.eye(side) + np.eye(side, k=1) + np.eye(side, k=-1)) / 4
    return along_both(matrix, x)


def split(x, channels):
    """Channels become places: place (i, j) of channel c is the (4 c + 2 i + j)-th of the copies."""
    n, height, width, c = x.shape
    copies = 4 * channels // c
    out = np.zeros((n, 2 * height, 2 * width, channels))
    for o in range(channels):
        for i in range(2):
            for j in range(2):
                out[:, i::2, j::2, o] = x[..., (4 * o + 2 * i + j) // copies]
    return smoothed(out)


def merged(x, channels):
    """Places become channels, and each of the result is the mean of neighbours among them."""
    n, height, width, c = x.shape
    smooth, many = smoothed(x), np.zeros((n, height // 2, width // 2, 4 * c))
    for o in range(c):
        for i in range(2):
            for j in range(2):
                many[..., 4 * o + 2 * i + j] = smooth[:, i::2, j::2, o]
    size = 4 * c // channels
    return np.stack([many[..., k * size : k * size + size].mean(-1) for k in range(channels)], -1)
