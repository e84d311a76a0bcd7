"""ADA's pipe, image by image: transformations of points, and filters as convolutions of lists.

A geometric transformation is written forwards, in pixels from the image's corner, and inverted as
a matrix; an image is enlarged by zeros between its pixels, and filters are padded arrays.
"""

import itertools
import math

import numpy as np
import scipy.ndimage

from gan_jax.augment import draws
from gan_jax.keys import named
from tests.augment.references.reading import each, uniform

ROOT3 = np.sqrt(3)


def symlet():
    """The least asymmetric of Daubechies' filters with 12 taps; its larger half comes first.

    They differ in which of each root and its inverse they have.
    """
    roots = np.roots([math.comb(5 + k, k) for k in range(6)][::-1])
    pairs = [np.roots([1, 4 * y - 2, 1]) for y in roots if y.imag > -1e-9]
    taps = min((_filter_of(roots) for roots in itertools.product(*pairs)), key=_bend)
    return max(taps, taps[::-1], key=lambda t: np.sum(t[:6]))


def _filter_of(roots):
    mirrored = [root.conjugate() for root in roots if abs(root.imag) > 1e-9]
    taps = np.real(np.poly([*roots, *mirrored, *[-1] * 6]))
    return taps * np.sqrt(2) / np.sum(taps)


def _bend(taps):
    """The distance of the phase from a straight line, over the frequencies that pass."""
    frequencies = np.linspace(0, 0.875 * np.pi, 350)
    phase = np.unwrap(np.angle(np.exp(-1j * np.outer(frequencies, np.arange(12))) @ taps))
    return np.abs(phase - frequencies * (frequencies @ phase) / (frequencies @ frequencies)).max()


def ada_bg(key, images, strength):
    return _pipe(key, images, strength, ['geometry'])


def ada_bgc(key, images, strength):
    return _pipe(key, images, strength, ['geometry', 'colour'])


def ada_bgcfnc(key, images, strength):
    return _pipe(key, images, strength, ['geometry', 'colour', 'bands', 'corruption'])


def ada_r3gan(key, images, strength):
    moved = _pipe(key, images, strength, ['geometry'])
    recoloured = _pipe(key, moved, strength / 2, ['colour'])
    return _pipe(key, recoloured, strength, ['cutout'])


def _pipe(key, images, p, stages):
    images = 2 * images - 1
    for stage in stages:
        images = STAGES[stage](named(key, stage), images, p)
    return images / 2 + 0.5


def _normal(key, images, count):
    return np.asarray(draws.gaussian(key, images.astype(np.float32), count), float)


def _geometry(key, images, p):
    def move(image, numbers, normals, gates):
        height, width = image.shape[:2]
        acts = gates < [p, p, p, p, 1 - np.sqrt(1 - p), p, 1 - np.sqrt(1 - p), p]
        flip, quarters, right, down, first, second = numbers
        scale, stretch, fine_right, fine_down = normals
        middle = ((width - 1) / 2, (height - 1) / 2)
        steps = [
            np.diag([-1, 1, 1]) if flip >= 0.5 else np.eye(3),
            _turn(int(4 * quarters) * np.pi / 2),
            _move(np.rint((right - 0.5) / 4 * width), np.rint((down - 0.5) / 4 * height)),
            np.diag([2 ** (scale / 5), 2 ** (scale / 5), 1]),
            _turn((2 * first - 1) * np.pi),
            np.diag([2 ** (stretch / 5), 2 ** (-stretch / 5), 1]),
            _turn((2 * second - 1) * np.pi),
            _move(fine_right * width / 8, fine_down * height / 8),
        ]
        forward = _move(-middle[0], -middle[1])
        for step, does in zip(steps, acts, strict=True):
            forward = step @ forward if does else forward
        return resampled(image, _move(*middle) @ forward)

    numbers = uniform(named(key, 'uniforms'), images, 6).T
    normals = _normal(named(key, 'normals'), images, 4).T
    return each(move, images, numbers, normals, uniform(named(key, 'gates'), images, 8).T)


def _turn(angle):
    """Anticlockwise; down is positive."""
    return np.array(
        [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )


def _move(right, down):
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]])


def resampled(image, forward):
    """The image whose pixels (column, row) go where a matrix says."""
    height, width = image.shape[:2]
    backward = np.linalg.inv(forward)
    rows, columns = np.meshgrid(
        np.arange(-3, height + 3, 0.5), np.arange(-3, width + 3, 0.5), indexing='ij'
    )
    points = np.tensordot(backward, np.stack([columns, rows, np.ones_like(rows)]), 1)[:2]
    taps = symlet() / np.sqrt(2)
    padded = np.pad(
        image, [(height - 1, height - 1), (width - 1, width - 1), (0, 0)], mode='reflect'
    )
    fine = np.zeros((2 * padded.shape[0], 2 * padded.shape[1], image.shape[2]))
    fine[::2, ::2] = 4 * padded
    for axis in (0, 1):
        fine = np.apply_along_axis(lambda line: np.convolve(line, taps)[5:-6], axis, fine)
    places = 2 * (points[::-1] + np.array([height - 1, width - 1])[:, None, None])
    read = [
        scipy.ndimage.map_coordinates(channel, places, order=1, mode='grid-constant')
        for channel in np.moveaxis(fine, 2, 0)
    ]
    small = np.stack(read, axis=2)
    for axis in (0, 1):
        small = np.apply_along_axis(lambda line: np.correlate(line, taps)[1:-1:2], axis, small)
    return small


def _colour(key, images, p):
    def change(image, numbers, normals, gates):
        flip, hue = numbers
        brightness, contrast, saturation = normals
        acts = gates < p
        if acts[0]:
            image = image + brightness / 5
        if acts[1]:
            image = image * 2 ** (contrast / 2)
        gray = image.mean(axis=2, keepdims=True)
        rest = image - gray
        if acts[2] and flip >= 0.5:
            gray = -gray
        if acts[3] and image.shape[2] == 3:
            angle = (2 * hue - 1) * np.pi
            turned = (np.roll(rest, 1, axis=2) - np.roll(rest, -1, axis=2)) / ROOT3
            rest = np.cos(angle) * rest + np.sin(angle) * turned
        return gray + (rest * 2**saturation if acts[4] else rest)

    numbers = uniform(named(key, 'uniforms'), images, 2).T
    normals = _normal(named(key, 'normals'), images, 3).T
    return each(change, images, numbers, normals, uniform(named(key, 'gates'), images, 5).T)


def _bands(key, images, p):
    def change(image, normals, gates):
        gains = np.ones(4)
        for band in np.flatnonzero(gates < p):
            gain = np.ones(4)
            gain[band] = 2 ** normals[band]
            gains *= gain / np.sqrt(np.sum(np.array([10, 1, 1, 1]) / 13 * gain**2))
        return filtered(image, gains)

    normals = _normal(named(key, 'normals'), images, 4).T
    return each(change, images, normals, uniform(named(key, 'gates'), images, 4).T)


def filtered(image, gains):
    """Along each axis the sum of four bands, the lowest first, times their gains."""
    for axis in (0, 1):
        low, total = image, 0
        for octave, gain in enumerate(gains[:0:-1]):
            lower = _smoothed(low, axis, 2**octave)
            total = total + gain * (low - lower)
            low = lower
        image = total + gains[0] * low
    return image


def _smoothed(image, axis, step):
    """By the half-band filter of the wavelet with two zeros at the highest frequency."""
    taps = np.zeros(6 * step + 1)
    taps[::step] = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
    return scipy.ndimage.convolve1d(image, taps, axis, mode='mirror')


def _corruption(key, images, p):
    noise = np.asarray(draws.normal(named(key, 'noise'), images.astype(np.float32)), float)

    def corrupt(image, noise, normal, gates, centre):
        if gates[0] < p:
            image = image + noise * np.abs(normal) / 10
        return _with_box(image, centre) if gates[1] < p else image

    (normals,) = _normal(named(key, 'normals'), images, 1)
    gates = uniform(named(key, 'gates'), images, 2).T
    return each(corrupt, images, noise, normals, gates, uniform(named(key, 'centres'), images, 2).T)


def _cutout(key, images, p):
    def cut(image, gates, centre):
        return _with_box(image, centre) if gates[1] < p else image

    gates = uniform(named(key, 'gates'), images, 2).T
    return each(cut, images, gates, uniform(named(key, 'centres'), images, 2).T)


def _with_box(image, centre):
    rows, columns = (np.arange(size) + 0.5 for size in image.shape[:2])
    across = np.abs(columns / image.shape[1] - centre[0]) < 0.25
    down = np.abs(rows / image.shape[0] - centre[1]) < 0.25
    return np.where((down[:, None] & across)[..., None], 0, image)


STAGES = dict(
    geometry=_geometry, colour=_colour, bands=_bands, corruption=_corruption, cutout=_cutout
)
