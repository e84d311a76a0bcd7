"""Ways through latents, or through w: along a direction, between two points, and mixed styles."""

import numpy as np


def along(point: np.ndarray, direction: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """point + t · direction for each t, float32 [N, ..., X].

    Args:
        point: [..., X]; in w every layer takes the step.
        direction: [X].
        distances: t, [N].
    """
    steps = np.multiply.outer(np.float32(distances), np.float32(direction))  # [N, X]
    return np.float32(point) + steps.reshape(len(steps), *(1,) * (point.ndim - 1), -1)


def straight(a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(1 - s) a + s b for each share s, float32 [N, ..., X]; at 0 and 1 a and b themselves.

    Args:
        a, b: [..., X].
        shares: of the way, [N], from 0 to 1.
    """
    return np.float32([(1 - s) * a + s * b for s in np.asarray(shares, np.float64)])


def around(a: np.ndarray, b: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The arc from a to b, float32 [N, X]; at 0 and 1 a and b themselves.

    Points of a normal distribution in many dimensions lie near a sphere, and the straight way goes
    through its inside: "Sampling Generative Networks" (White 2016, arXiv 1609.04468, section 2.1).
    Weights are sin((1 - s) θ) / sin θ and sin(s θ) / sin θ with the angle θ between a and b; where
    θ is 0 or a half turn, the way is straight.

    Args:
        a, b: [X].
        shares: of the way, [N], from 0 to 1.
    """
    lengths = np.linalg.norm(np.float64(a)) * np.linalg.norm(np.float64(b))
    cosine = np.clip(np.float64(a) @ np.float64(b) / lengths, -1, 1) if lengths else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return straight(a, b, shares)
    weights = [np.sin([(1 - s) * angle, s * angle]) / np.sin(angle) for s in shares]
    return np.float32([first * a + second * b for first, second in weights])


def mixed(w: np.ndarray, other: np.ndarray, first: int) -> np.ndarray:
    """w [L, W] with the other's layers from `first` on (Karras et al. 2018, section 3.1).

    Args:
        w, other: [L, W].
        first: from 0, all layers of the other, to L, none.
    """
    return np.where((np.arange(len(w)) < first)[:, None], w, other)
