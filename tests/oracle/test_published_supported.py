"""Configs that the published code is timed with, and those that are refused."""

import functools
import re

import pytest

from gan_jax.experiment.config import load_config
from gan_jax.runtime.errors import UserError
from tests.oracle import published_supported

STYLEGAN2 = 'configs/stylegan2_cifar10.py:method=none'
R3GAN = 'configs/r3gan_cifar10.py'
PLAIN = ('dtype=float32', 'augment.critic=', 'augment.real=')  # of R3GAN


@functools.cache
def settings(path, *overrides):
    return load_config(path, [f'--config.{text}' for text in overrides]).to_dict()


def test_the_papers_configs_without_augmentation():
    published_supported.check('stylegan2', settings(STYLEGAN2))
    published_supported.check('r3gan', settings(R3GAN, *PLAIN))
    assert published_supported.first_number(settings(R3GAN)['terms']['r1']['weight']) == 0.05
    assert published_supported.first_number(2.5) == 2.5


@pytest.mark.parametrize(
    ('code', 'config', 'words'),
    [
        ('r3gan', (STYLEGAN2,), "config.generator.fn is 'gan_jax.models.stylegan2.generator."),
        ('stylegan2', (STYLEGAN2.replace('none', 'bcr'),), 'config.terms.consistency.fn is '),
        ('stylegan2', (STYLEGAN2, 'dtype=bfloat16'), "config.dtype is 'bfloat16', which"),
        ('stylegan2', (STYLEGAN2, 'accumulate=2'), 'config.accumulate is 2, which the'),
        ('stylegan2', (STYLEGAN2, 'optim.d.fn=optax.adamw'), "config.optim.d.fn is 'optax.ad"),
        ('stylegan2', (STYLEGAN2, 'd_steps=2'), 'config.d_steps is 2, which the published'),
        ('r3gan', (R3GAN, *PLAIN[:2]), "config.augment.real is 'flip', which the published"),
        ('r3gan', (R3GAN, PLAIN[0]), "config.augment.real is 'flip', which the published"),
        ('r3gan', (R3GAN, PLAIN[0], PLAIN[2]), "config.augment.critic is 'ada_r3gan', which"),
    ],
)
def test_other_steps_are_refused(code, config, words):
    with pytest.raises(UserError, match=re.escape(words)):
        published_supported.check(code, settings(*config))


def test_a_code_whose_step_is_not_written_is_refused():
    with pytest.raises(UserError, match='--reference is a checkout of r3gan2, whose step is not'):
        published_supported.check('r3gan2', settings(R3GAN))


def test_a_term_of_weight_0_is_no_obstacle():
    lecam = STYLEGAN2.replace('none', 'lecam')
    published_supported.check('stylegan2', settings(lecam, 'terms.lecam.weight=0'))
    with pytest.raises(UserError, match='config.terms.lecam.fn is'):
        published_supported.check('stylegan2', settings(lecam))
