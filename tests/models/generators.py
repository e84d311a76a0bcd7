"""The package's generators, as small as they get, by name."""

from typing import NamedTuple

import flax.linen as nn
import pytest

from gan_jax.models import biggan, biggan_deep, dcgan, ladagan, progan, r3gan, resnet, sndcgan
from gan_jax.models.r3gan2 import generator as r3gan2
from gan_jax.models.stylegan2 import generator as stylegan2
from gan_jax.models.stylegan3 import generator as stylegan3

R3GAN2 = dict(group_size=4, blocks=1, attention=(8,), head_size=4)
STYLEGAN2 = dict(units=8, layers=1, base=32, most=4, rate=1.0)
STYLEGAN3 = dict(depth=3, **STYLEGAN2)


class Case(NamedTuple):
    """A generator.

    Attributes:
        network: the generator.
        classes: of its labels, 0 without.
        slow: whether its contract takes more than two seconds to compile.
    """

    network: nn.Module
    classes: int = 0
    slow: bool = False


GREY8, GREY16, RGB8, RGB16, RGB32 = (8, 8, 1), (16, 16, 1), (8, 8, 3), (16, 16, 3), (32, 32, 3)
GENERATORS = {
    'sndcgan': Case(sndcgan.Generator(RGB16, width=0.1)),
    'sndcgan with classes': Case(sndcgan.Generator(RGB16, width=0.1, num_classes=3), 3),
    'resnet': Case(resnet.Generator(RGB32, width=0.02)),
    'resnet of own channels': Case(resnet.Generator(GREY8, up=(4, 3))),
    'resnet with classes': Case(resnet.Generator(RGB32, width=0.02, num_classes=3), 3),
    'biggan': Case(biggan.Generator(RGB32, channels=2, num_classes=3, shared=4), 3, True),
    'biggan_deep': Case(biggan_deep.Generator(RGB8, (8, 4), 3, shared=4), 3, True),
    'stylegan2': Case(stylegan2.Generator(RGB8, **STYLEGAN2)),
    'stylegan2 with classes': Case(stylegan2.Generator(RGB8, num_classes=3, **STYLEGAN2), 3, True),
    'stylegan3 with classes': Case(stylegan3.Generator(RGB8, num_classes=3, **STYLEGAN3), 3, True),
    'r3gan': Case(r3gan.Generator(GREY8, (6, 4), 4)),
    'r3gan with classes': Case(r3gan.Generator(GREY8, (6, 4), 4, num_classes=3), 3),
    'r3gan2': Case(r3gan2.Generator(GREY8, (4,), num_classes=3, **R3GAN2), 3, True),
    'ladagan': Case(ladagan.Generator(GREY16, (8, 4, 4), 2, 6), 0, True),
    'ladagan with classes': Case(ladagan.Generator(GREY16, (8, 4, 4), 2, 6, 3), 3, True),
    'progan': Case(progan.Generator(GREY8, base=32, most=4)),
    'progan with classes': Case(progan.Generator(GREY8, base=32, most=4, num_classes=3), 3),
    'dcgan': Case(dcgan.Generator(GREY16, width=0.05)),
    'dcgan with classes': Case(dcgan.Generator(GREY16, width=0.05, num_classes=3), 3),
}


# (generator, classes) of each, for `pytest.mark.parametrize`.
PARAMETERS = [
    pytest.param(case.network, case.classes, id=name, marks=pytest.mark.slow if case.slow else ())
    for name, case in GENERATORS.items()
]
