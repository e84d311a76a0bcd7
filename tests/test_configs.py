"""Every shipped config, with every method: locked, without faults, and its shapes fit together."""

import ast
import contextlib
import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import policy
from gan_jax.data import load
from gan_jax.experiment import config
from gan_jax.experiment.dry_run import describe
from gan_jax.experiment.presets import LABELLED, METHODS
from gan_jax.experiment.setup import build_setup
from gan_jax.experiment.summary import parameters, summary
from gan_jax.runtime.errors import UserError
from gan_jax.schedules import inverse_root
from gan_jax.state import Ema, average
from gan_jax.terms.label_contrast import reacgan
from tests.faults.schema import WITHOUT_LABELS

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / 'configs' / 'digits.py'
FILES = sorted(p for p in (ROOT / 'configs').glob('*.py') if not p.name.startswith('_'))
every_file = pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)


def test_the_search_finds_the_configs():
    assert {file.stem for file in FILES} >= {'digits', 'stacked_digits', *PARAMETERS}


@every_file
def test_locks(file):
    c = config.load_config(str(file))
    for block in (c, c.terms, c.generator, c.optim.d, c.augment):
        assert block.is_locked
        with pytest.raises(AttributeError, match='nonsense'):
            block.nonsense = 1


@pytest.mark.parametrize('name', METHODS)
def test_shapes_of_first_state_and_step(name):
    """What the check before a run builds: shapes of the first state and of a step, no numbers.

    The networks, which all methods have in common, are of one layer here.
    """
    settings = config.load_config(f'{DIGITS}:method={name}').to_dict()
    conditional = settings['generator'].get('num_classes')
    assert conditional == (10 if name in LABELLED else None)
    kind = {'fn': 'tests.sweeps.tiny.Labelled', 'classes': 10}
    settings['generator'] = kind if conditional else {'fn': 'tests.sweeps.tiny.Generator'}
    settings['discriminator'] = {'fn': 'tests.sweeps.tiny.Trunk'}
    run = build_setup(settings)
    weights = {'adversarial': 1.0} | {n: b['weight'] for n, b in METHODS[name][1].items()}
    assert run.experiment.terms.keys() == {n for n, weight in weights.items() if weight}
    # Everything is 32 bits, and what a step measures is in the state.
    for leaf in jax.tree.leaves(run.program.shapes):
        assert leaf.dtype in (jnp.float32, jnp.int32)
    measured = {name.split('/')[1] for name in run.program.shapes.metrics}
    losses = {name for name, term in run.experiment.terms.items() if term.d or term.g}
    assert measured == {*losses, 'grad_norm', 'update_norm'}


@every_file
def test_every_method_is_without_faults(file):
    without = file.stem in WITHOUT_LABELS
    for name in METHODS:
        refused = pytest.raises(UserError, match=f"method '{name}' learns from labels")
        with refused if without and name in LABELLED else contextlib.nullcontext():
            config.load_config(f'{file}:method={name}')


@pytest.mark.parametrize(('file', 'classes'), [('digits', 10), ('stacked_digits', 1000)])
def test_a_classifier_has_the_classes_of_the_data(file, classes):
    c = config.load_config(f'{ROOT}/configs/{file}.py:method=tacgan')
    assert c.generator.num_classes == c.terms.classes.num_classes == classes
    assert load(c.data.name, size=16).num_classes == classes


def test_a_classifier_replaces_the_projection_of_biggan():
    for name, logit in (('tacgan', 'Logit'), ('none', 'ProjectionLogit')):
        c = config.load_config(f'{ROOT}/configs/cifar10_biggan.py:method={name}')
        assert c.logit.fn == f'gan_jax.models.critic.{logit}'
        assert c.logit.initializer == 'orthogonal' and c.generator.num_classes == 10


@pytest.mark.parametrize('file', ['cifar10_resnet', 'cifar10_biggan'])
def test_san_replaces_the_logit_and_leaves_its_options(file):
    c = config.load_config(f'{ROOT}/configs/{file}.py:method=san')
    conditional = file == 'cifar10_biggan'
    options = {'initializer': 'orthogonal', 'num_classes': 10} if conditional else {}
    assert c.logit.to_dict() == {'initializer': 'glorot'} | options | {
        'fn': f'gan_jax.models.san.San{"Class" if conditional else ""}Logit'
    }


@pytest.mark.parametrize('method', ['ada', 'apa'])
def test_digits_are_too_few_for_the_papers_pace(method):
    digits, cifar10 = (
        config.load_config(f'{ROOT}/configs/{file}.py:method={method}').terms[method].images
        for file in ('digits', 'cifar10_sndcgan')
    )
    assert (digits, cifar10) == (20_000.0, 500_000.0)


def test_insgen_keeps_the_papers_share_of_the_data():
    every = {'digits': 1437, 'cifar10_sndcgan': 50_000, 'insgen_ffhq256': 140_000}
    for file, images in every.items():
        c = config.load_config(f'{ROOT}/configs/{file}.py:method=insgen')
        assert c.terms.insgen.queue == round(0.05 * images)
        assert c.averages.d.halflife_images > 0
    assert len(load('digits', size=16).images) == 1437


# The published counts, less the biases before a BatchNorm, of the networks themselves: heads of
# terms are counted apart.
PARAMETERS = {
    'cifar10_sndcgan': (3_820_099, 5_860_865),
    'cifar10_resnet': (4_275_971, 1_053_825),
    'cifar10_biggan': (9_415_044, 2_378_114),
    'wgangp_cifar10': (1_204_099, 1_053_825),
    'ladagan_cifar10': (19_901_647, 6_775_940),
    'celebahq128_sndcgan': (19_794_499, 5_983_745),
    'stylegan2_cifar10': (20_215_315, 23_089_664),
    'stylegan2_ada_lowdata': (19_947_539, 20_720_641),
    'stylegan2_ffhq256': (24_767_458, 24_001_089),
    'stylegan2_auto': (19_947_539, 21_507_073),
    'stylegan3_ffhq64': (37_768_199, 26_488_833),
    'r3gan_cifar10': (20_781_952, 21_280_512),
    'r3gan_ffhq64': (22_429_824, 22_381_440),
    'r3gan_ffhq256': (23_057_952, 23_009_568),
    'r3gan_imagenet32': (82_914_304, 86_548_992),
    'r3gan_imagenet64': (103_570_432, 107_205_120),
    'r3gan2_cifar10': (17_335_425, 17_720_832),
    'r3gan2_ffhq64': (22_653_441, 22_572_544),
    'r3gan2_ffhq256': (24_855_425, 24_771_456),
    'r3gan2_imagenet32': (60_947_969, 63_718_400),
    'r3gan2_imagenet64': (80_104_961, 82_867_200),
    'r3gan2_imagenet256_latent': (17_413_633, 18_242_560),
    'bigdeep_imagenet128': (50_235_652, 34_590_210),
    'sagan_imagenet128': (42_015_428, 39_448_258),
    'reacgan_cifar10': (9_415_044, 2_413_250),
    'insgen_ffhq256': (24_767_458, 24_001_089),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', PARAMETERS)
def test_dry_run_counts_parameters_and_flops(name, tmp_path):
    """Before the data set is prepared."""
    nowhere = [f'--config.data.dir={tmp_path}']
    settings = config.load_config(f'{ROOT}/configs/{name}.py', nowhere).to_dict()
    setup = build_setup(settings, outline=True)
    text = describe(setup, summary(setup))
    generator, discriminator = PARAMETERS[name]
    assert f'generator: {generator:,} parameters' in text
    assert f'discriminator: {discriminator:,} parameters' in text
    assert float(re.search(r'one step: (\S+) FLOPs', text)[1]) > 1e8


def adam_of(c, side):
    """(learning rate, β1, β2) of a player."""
    return tuple(c.optim[side][name] for name in ('learning_rate', 'b1', 'b2'))


@pytest.mark.parametrize(
    ('name', 'gamma', 'halflife', 'million', 'fraction', 'mirrored'),
    [
        ('stylegan2_cifar10', 0.01, 5e5, 100, 1.0, False),
        ('stylegan2_ada_lowdata', 0.01, 5e5, 25, 0.1, True),
        ('stylegan2_ffhq256', 1.0, 2e4, 25, 1.0, True),
    ],
)
def test_stylegan2_has_the_authors_numbers(name, gamma, halflife, million, fraction, mirrored):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    assert {term: (block.weight, block.get('every', 1)) for term, block in c.terms.items()} == {
        'adversarial': (1.0, 1),
        'penalty': (gamma, 16),
        'ada': (1.0, 1),
        **({'path_length': (2.0, 4)} if name == 'stylegan2_ffhq256' else {}),
    }
    assert c.terms.adversarial.fn == 'gan_jax.terms.adversarial.non_saturating'
    assert adam_of(c, 'g') == pytest.approx((0.002, 0, 0.99**0.8))
    assert adam_of(c, 'd') == pytest.approx((0.0025 * 16 / 17, 0, 0.99 ** (16 / 17)))
    assert c.ema.halflife_images == halflife and round(c.steps * c.batch_size / 1e6) == million
    assert c.data.fraction == fraction and (c.augment.real == 'flip') == mirrored
    assert (c.batch_size, c.latent.dim, c.latent.labels, c.joint) == (64, 512, 'data', False)


def test_stylegan3_has_the_authors_numbers():
    c = config.load_config(f'{ROOT}/configs/stylegan3_ffhq64.py')
    assert {term: block.weight for term, block in c.terms.items()} == {
        **{'adversarial': 1.0, 'ada': 1.0},
        'penalty': 0.5 * (64 / 128) ** 2,
    }
    assert adam_of(c, 'g') == (0.0025, 0, 0.99)  # without path length nothing of it is lazy
    assert adam_of(c, 'd') == pytest.approx((0.002 * 16 / 17, 0, 0.99 ** (16 / 17)))
    assert c.generator.magnitude_decay**625 == pytest.approx(0.5)  # 20,000 images
    assert (c.batch_size, c.steps * c.batch_size, c.data.size) == (32, 25_000_000, 64)
    assert (c.ema.halflife_images, c.ema.ramp) == (10_000, 0.05)
    assert (c.discriminator.group, c.discriminator.architecture) == (4, 'resnet')
    assert 'mixing' not in c.generator


@pytest.mark.parametrize(
    ('size', 'devices', 'batch', 'gamma', 'rate', 'base', 'group'),
    [
        (32, 1, 32, 0.0064, 0.0025, 16_384, 4),
        (64, 1, 32, 0.0256, 0.0025, 16_384, 4),
        (128, 1, 32, 0.1024, 0.0025, 16_384, 4),
        (256, 1, 16, 0.8192, 0.0025, 16_384, 4),
        (256, 8, 64, 0.2048, 0.0025, 16_384, 4),
        (512, 2, 16, 3.2768, 0.0025, 32_768, 4),
        (1024, 8, 32, 6.5536, 0.002, 32_768, 4),
        (32, 32, 64, 0.0032, 0.0025, 16_384, 2),
        (64, 128, 128, 0.0064, 0.0025, 16_384, 1),
    ],
)
def test_stylegan2_auto_follows_size_and_devices(size, devices, batch, gamma, rate, base, group):
    """By hand, from the formulas of the authors' code."""
    arguments = f'path=ffhq,size={size},devices={devices}'
    c = config.load_config(f'{ROOT}/configs/stylegan2_auto.py:{arguments}')
    assert (c.data.name, c.data.size, c.batch_size) == ('ffhq', size, batch)
    assert abs(c.steps * batch - 25_000_000) < batch
    assert {
        term: (block.get('weight'), block.get('every', 1)) for term, block in c.terms.items()
    } == {
        'adversarial': (1.0, 1),
        'penalty': (pytest.approx(gamma), 16),
        'ada': (1.0, 1),
        'path_length': (2.0, 4),
    }
    assert adam_of(c, 'g') == pytest.approx((rate * 4 / 5, 0, 0.99**0.8))
    assert adam_of(c, 'd') == pytest.approx((rate * 16 / 17, 0, 0.99 ** (16 / 17)))
    assert c.generator.base == c.discriminator.base == base
    assert (c.discriminator.group, c.discriminator.architecture) == (group, 'resnet')
    assert (c.generator.layers, c.generator.mixing) == (2, 0.9)
    assert (c.ema.halflife_images, c.ema.ramp) == (batch * 312.5, 0.05)
    assert (c.generator.num_classes, c.augment.real, c.latent.dim) == (0, '', 512)


def test_stylegan2_auto_takes_any_data_set_by_name_or_path(tmp_path):
    path = f'{ROOT}/configs/stylegan2_auto.py'
    c = config.load_config(f'{path}:path=digits,size=16,method=acgan')
    assert (c.data.name, c.terms.classes.num_classes, c.generator.num_classes) == ('digits', 10, 10)
    c = config.load_config(f'{path}:method=bigan,augment=n_of(2, flip, cutout)')
    assert (c.terms.adversarial.size, c.generator.num_classes) == (512, 0)
    np.savez(tmp_path / 'some.npz', images=np.zeros((3, 8, 8, 3), np.uint8))
    c = config.load_config(f'{path}:path={tmp_path}/some.npz,size=8')
    assert c.data.name == f'{tmp_path}/some.npz'
    for text, said in {
        'size=48': 'size is 48: give a power of two from 8 to 1024',
        'size=2048': 'size is 2048: give a power of two from 8 to 1024',
        'size=0': 'size is 0: give a power of two from 8 to 1024',
        'devices=3': 'devices is 3: give a power of two',
        'devices=0': 'devices is 0: give a power of two',
        f'path=none,dir={tmp_path}': "there is no data set 'none'",
        f'path=ffhq,dir={tmp_path},method=acgan': "method 'acgan' learns from labels",
    }.items():
        with pytest.raises(UserError, match=said):
            config.load_config(f'{path}:{text}')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('size', 'counts'),
    [
        (64, (22_243_608, 23_407_361)),
        (128, (22_949_277, 23_882_369)),
        (256, (23_191_522, 24_001_089)),
    ],
)
def test_stylegan2_auto_has_the_published_counts(size, counts):
    text = f'{ROOT}/configs/stylegan2_auto.py:path=ffhq,size={size}'
    found = parameters(build_setup(config.load_config(text).to_dict(), outline=True))
    assert (found['generator'], found['discriminator']) == counts


@pytest.mark.parametrize('name', ['digits_stylegan2', 'digits_stylegan3'])
def test_small_stylegans_keep_the_rates_that_they_were_measured_with(name):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    assert adam_of(c, 'g') == adam_of(c, 'd') == (0.0025, 0, 0.99)


@pytest.mark.parametrize('name', ['stylegan2_cifar10', 'digits_stylegan2', 'digits_stylegan3'])
def test_stylegan2_takes_other_methods_with_their_logits(name):
    own = 'gan_jax.models.stylegan2.discriminator.Logit'
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=bcr')
    assert (c.logit.fn, c.logit.num_classes, c.generator.num_classes) == (own, 10, 10)
    assert c.terms.adversarial.fn == 'gan_jax.terms.adversarial.non_saturating'
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=acgan')
    assert (c.logit.fn, c.logit.num_classes, c.generator.num_classes) == (own, 0, 10)
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=weight_clipping')
    assert 'normalised' not in c.discriminator and 'normalised' not in c.logit
    assert c.terms.adversarial.fn == 'gan_jax.terms.adversarial.wasserstein'
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=bigan')
    assert c.terms.adversarial.size == c.latent.dim
    assert c.logit.fn == 'gan_jax.models.bigan.PairLogit'


@pytest.mark.slow
def test_stylegan2_s_discriminator_needs_passes_of_their_own():
    narrow = [f'--config.{net}.most=1' for net in ('generator', 'discriminator')]
    flags = ['--config.joint=True', *narrow]
    settings = config.load_config(f'{ROOT}/configs/digits_stylegan2.py', flags).to_dict()
    with pytest.raises(UserError, match='looks across the batch .*spread.*Set config.joint=False'):
        build_setup(settings)
    settings['discriminator']['group'] = 0
    build_setup(settings)


def test_a_generator_without_classes_gets_them_of_a_method_that_needs_them():
    for method, classes in {'ada': 0, 'acgan': 10}.items():
        c = config.load_config(f'{ROOT}/configs/stylegan2_ada_lowdata.py:method={method}')
        assert (c.generator.num_classes, c.logit.num_classes) == (classes, 0)


def test_wgan_gp_has_the_authors_numbers():
    c = config.load_config(f'{ROOT}/configs/wgangp_cifar10.py')
    assert {term: block.weight for term, block in c.terms.items()} == {
        'adversarial': 1.0,
        'wgan_gp': 10.0,
    }
    assert c.terms.adversarial.fn == 'gan_jax.terms.adversarial.wasserstein'
    for side in 'gd':
        rate = c.optim[side].learning_rate
        assert (c.optim[side].b1, c.optim[side].b2) == (0, 0.9)
        assert (rate.fn, rate.start, rate.end, rate.unit) == (
            *('gan_jax.schedules.linear', 2e-4, 0, 'run'),
        )
    assert (c.batch_size, c.steps, c.d_steps, c.latent.dim) == (64, 100_000, 5, 128)
    assert (c.joint, c.logit.normalised, c.ema.halflife_images) == (True, False, 1.0)
    c = config.load_config(f'{ROOT}/configs/wgangp_cifar10.py:method=san')
    assert c.logit.to_dict() == {'fn': 'gan_jax.models.san.SanLogit', 'initializer': 'glorot'}


def test_ladagan_has_the_authors_numbers():
    c = config.load_config(f'{ROOT}/configs/ladagan_cifar10.py')
    assert {term: block.weight for term, block in c.terms.items()} == {
        'adversarial': 1.0,
        # 1e-4 times the square of the gradient of a sum of 25, in a term with half a square of the
        # mean's.
        'penalty': pytest.approx(2 * 1e-4 * 25**2),
    }
    assert c.terms.adversarial.fn == 'gan_jax.terms.patches.non_saturating'
    for side in 'gd':
        adam = c.optim[side]
        assert (adam.learning_rate, adam.b1, adam.b2) == (2e-4, 0.5, 0.99)
    assert (c.batch_size, round(c.steps * c.batch_size / 1e6), c.joint) == (128, 68, False)
    assert 0.5 ** (128 / c.ema.halflife_images) == pytest.approx(0.999, abs=1e-6)
    assert c.augment.critic == 'diffaugment_color|diffaugment_translation'
    c = config.load_config(f'{ROOT}/configs/ladagan_cifar10.py:method=san')
    assert 'penalty' not in c.terms and c.logit.fn == 'gan_jax.models.san.SanLogit'


@pytest.mark.parametrize(
    ('name', 'kept'),
    [
        *((name, 0.9999) for name in ('cifar10_biggan', 'reacgan_cifar10')),
        *((name, 0.9999) for name in ('bigdeep_imagenet128', 'sagan_imagenet128')),
        ('ladagan_cifar10', 0.999),
    ],
)
@pytest.mark.parametrize('step', [0, 1000])
def test_an_average_of_so_much_a_step_keeps_it_from_the_first_step_on(name, kept, step):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    ema, rest = Ema(**c.ema.to_dict()), np.float32(0)
    found = average(ema, np.float32(1), rest, np.int32(step), c.batch_size)
    assert 1 - float(found) == pytest.approx(1 - kept, rel=2e-3)
    text = (ROOT / 'configs' / f'{name}.py').read_text()
    assert re.search(rf'{kept}\sa\sstep', text)


def cosine_of(block):
    """(start, end, length in images) of a schedule in a config."""
    assert (block.fn, block.unit) == ('gan_jax.schedules.cosine', 'images')
    return block.start, block.end, block.over


@pytest.mark.parametrize(
    ('name', 'gamma', 'strength', 'halflife', 'images', 'batch', 'million'),
    [
        ('r3gan_cifar10', 0.05, 0.55, 5e6, 2e7, 512, 250),
        ('r3gan_ffhq64', 2.0, 0.3, 5e5, 2e7, 256, 100),
        ('r3gan_ffhq256', 150.0, 0.3, 5e5, 2e7, 256, 100),
        ('r3gan_imagenet32', 0.5, 0.5, 5e7, 2e8, 4096, 1000),
        ('r3gan_imagenet64', 1.0, 0.4, 5e7, 2e8, 4096, 1000),
    ],
)
def test_r3gan_has_the_authors_numbers(name, gamma, strength, halflife, images, batch, million):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    for side in 'gd':
        assert cosine_of(c.optim[side].learning_rate) == (2e-4, 5e-5, images)
        assert cosine_of(c.optim[side].b2) == (0.9, 0.99, images)
        assert c.optim[side].b1 == 0
    for term in ('r1', 'r2'):
        assert cosine_of(c.terms[term].weight) == (gamma, gamma / 10, images)
    assert cosine_of(c.augment.strength) == (0.0, strength, images)
    assert cosine_of(c.ema.halflife_images) == (1.0, halflife, images)
    assert c.ema.ramp == 1.0  # which the half-life never reaches
    assert (c.augment.critic, c.augment.real) == ('ada_r3gan', 'flip')
    assert (c.latent.dim, c.latent.labels, c.g_reals) == (64, 'real', 'own')
    assert (c.batch_size, c.dtype) == (batch, 'bfloat16')
    assert round(c.steps * batch / 1e6) == million


@pytest.mark.parametrize('name', ['r3gan_cifar10', 'digits_r3gan'])
def test_r3gan_takes_other_methods_with_their_logits(name):
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=bcr')
    assert 'r2' not in c.terms and c.g_reals == 'last' and c.latent.labels == 'data'
    assert c.logit.fn == 'gan_jax.models.r3gan.Logit' and c.logit.num_classes == 10
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=acgan')
    assert c.logit.num_classes == 0 and c.generator.num_classes == 10
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=weight_clipping')
    assert 'normalised' not in c.discriminator and 'normalised' not in c.logit
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=bigan')
    assert c.terms.adversarial.size == c.latent.dim


def test_r3gan2_has_the_authors_rates_on_cifar10():
    c = config.load_config(f'{ROOT}/configs/r3gan2_cifar10.py')
    for side in 'gd':
        assert c.optim[side].learning_rate.to_dict() == {
            'fn': 'gan_jax.schedules.inverse_root',
            **{'peak': 0.01, 'ramp': 1e6, 'over': 1000 * 512, 'unit': 'images'},
        }
    numbers = {k: v for k, v in c.optim.g.learning_rate.items() if k not in ('fn', 'unit')}
    rates = inverse_root(**numbers)(jnp.arange(0, 3e6, 1e4))
    assert (rates.argmax(), round(float(rates.max()), 4)) == (100, 0.0072)  # as the docstring says


@pytest.mark.parametrize(
    ('name', 'widths', 'gamma', 'strength', 'images', 'batch', 'million'),
    [
        ('r3gan2_cifar10', [512] * 3, 0.05, 0.55, 2e7, 512, 250),
        ('r3gan2_ffhq64', [512] * 4, 2.0, 0.3, 2e7, 256, 100),
        ('r3gan2_ffhq256', [512] * 4 + [256, 128], 150.0, 0.3, 2e7, 256, 100),
        ('r3gan2_imagenet32', [1024] * 3, 0.5, 0.4, 2e8, 4096, 1000),
        ('r3gan2_imagenet64', [1024] * 4, 1.0, 0.4, 2e8, 4096, 1000),
    ],
)
def test_r3gan2_has_the_authors_numbers(name, widths, gamma, strength, images, batch, million):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    for side in 'gd':
        if name != 'r3gan2_cifar10':
            assert c.optim[side].learning_rate.to_dict() == {
                'fn': 'gan_jax.schedules.cosine_root',
                **{'start': 0.01, 'end': 0.001, 'over': images, 'unit': 'images'},
            }
        assert cosine_of(c.optim[side].b2) == (0.9, 0.99, images)
        assert c.optim[side].b1 == 0
    for term in ('r1', 'r2'):
        assert cosine_of(c.terms[term].weight) == (gamma, gamma / 10, images)
    assert cosine_of(c.augment.strength) == (0.0, strength, images)
    assert (c.augment.critic, c.augment.real, c.augment.shared) == ('ada_r3gan', 'flip', True)
    assert {average: block.std for average, block in c.averages.items()} == {
        **{'short': 0.01, 'middle': 0.05, 'long': 0.1}
    }
    for network in (c.generator, c.discriminator):
        assert (network.widths, network.group_size, network.blocks) == (widths, 32, 4)
        assert network.attention == []
    assert (c.latent.dim, c.latent.labels, c.g_reals) == (64, 'real', 'own')
    assert (c.batch_size, c.dtype, c.evaluate.weights) == (batch, 'bfloat16', 'middle')
    assert round(c.steps * batch / 1e6) == million
    assert int(re.search(r'\d+$', name)[0]) in (10, c.data.size)


def test_r3gan2_in_codes_has_the_authors_numbers():
    c = config.load_config(f'{ROOT}/configs/r3gan2_imagenet256_latent.py')
    for side in 'gd':
        assert c.optim[side].learning_rate.to_dict() == {
            'fn': 'gan_jax.schedules.inverse_root',
            **{'peak': 0.005, 'ramp': 1e7, 'over': 70_000 * 4096, 'unit': 'images'},
        }
        assert (c.optim[side].b1, c.optim[side].b2) == (0, 0.9)
    for term in ('r1', 'r2'):
        assert cosine_of(c.terms[term].weight) == (5.0, 0.5, 1e8)
    for chance in (c.augment.strength, c.augment.probability):
        assert cosine_of(chance) == (0.0, 0.3, 1e8)
    assert policy.of_colours(c.augment.critic) == []
    assert (c.augment.real, c.augment.shared) == ('', True)
    assert sorted(block.std for block in c.averages.values()) == [0.05, 0.1, 0.2, 0.3]
    assert c.averages[c.evaluate.weights].std == 0.1
    for network in (c.generator, c.discriminator):
        assert (network.widths, network.group_size, network.blocks) == ([512] * 3, 32, 4)
    assert (c.latent.dim, c.latent.labels, c.g_reals) == (64, 'real', 'own')
    assert (c.batch_size, c.dtype, c.data.size) == (4096, 'bfloat16', 256)
    assert round(c.steps * 4096 / 1e6) == 1000
    other = config.load_config(f'{ROOT}/configs/r3gan2_imagenet256_latent.py:method=real_only')
    assert other.augment.real == 'ada_bg|p(diffaugment_cutout)'
    assert other.augment.probability == other.augment.strength == 0.3
    for method, critic in {
        'diffaugment': 'diffaugment_translation|diffaugment_cutout',
        'ada': 'ada_bg',
    }.items():
        c = config.load_config(f'{ROOT}/configs/r3gan2_imagenet256_latent.py:method={method}')
        assert c.augment.critic == critic


@pytest.mark.parametrize('name', ['r3gan2_cifar10', 'digits_r3gan2'])
def test_r3gan2_takes_other_methods_with_their_logits_and_always_forces_norms(name):
    own = 'gan_jax.models.r3gan2.discriminator.Logit'
    for method, classes in {'r3gan': 10, 'bcr': 10, 'acgan': 0}.items():
        c = config.load_config(f'{ROOT}/configs/{name}.py:method={method}')
        assert (c.logit.fn, c.logit.num_classes, c.generator.num_classes) == (own, classes, 10)
        assert c.terms.norm.fn == 'gan_jax.terms.forced_norm.forced_norm'
        assert c.augment.shared == ('r2' in c.terms) == (method == 'r3gan')
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=weight_clipping')
    assert 'normalised' not in c.discriminator and 'normalised' not in c.logit
    c = config.load_config(f'{ROOT}/configs/{name}.py:method=bigan')
    assert c.terms.adversarial.size == c.latent.dim
    assert c.logit.fn == 'gan_jax.models.bigan.PairLogit'


@pytest.mark.parametrize(
    ('name', 'rates', 'b1', 'batch', 'd_steps', 'steps', 'latent', 'mirrored'),
    [
        ('bigdeep_imagenet128', (5e-5, 2e-4), 0, 2048, 2, 200_000, 128, True),
        ('sagan_imagenet128', (1e-4, 4e-4), 0, 256, 1, 1_000_000, 128, False),
        ('reacgan_cifar10', (2.828e-4, 2.828e-4), 0.5, 128, 5, 100_000, 80, True),
    ],
)
def test_biggan_s_kin_has_the_authors_numbers(
    name, rates, b1, batch, d_steps, steps, latent, mirrored
):
    c = config.load_config(f'{ROOT}/configs/{name}.py')
    assert tuple(c.optim[side].learning_rate for side in 'gd') == rates
    assert all((c.optim[side].b1, c.optim[side].b2) == (b1, 0.999) for side in 'gd')
    assert (c.batch_size, c.d_steps, c.steps, c.latent.dim) == (batch, d_steps, steps, latent)
    assert (c.augment.real == 'flip') == mirrored
    assert c.terms.adversarial.fn == 'gan_jax.terms.adversarial.hinge'
    kept = 0.5 ** (batch / c.ema.halflife_images)  # of the average, a step
    assert kept == pytest.approx(0.9999, abs=1e-8)
    assert [*c.terms] == ['adversarial'] + ['classes'] * (name == 'reacgan_cifar10')


def test_reacgan_has_the_authors_loss():
    c = config.load_config(f'{ROOT}/configs/reacgan_cifar10.py')
    assert c.terms.classes.fn == 'gan_jax.terms.label_contrast.reacgan'
    assert (c.terms.classes.weight, c.terms.classes.num_classes) == (0.5, 10)
    assert c.logit.fn == 'gan_jax.models.critic.Logit' and c.discriminator.compare_gan is False
    keywords = inspect.signature(reacgan).parameters
    values = {name: keywords[name].default for name in ('temperature', 'margin', 'size')}
    assert values == {'temperature': 0.5, 'margin': 0.98, 'size': 512}


def test_insgen_s_views_are_augmented_as_the_discriminator_s_images_are():
    """By one policy, whose p is then one number, ADA's."""
    c = config.load_config(f'{ROOT}/configs/insgen_ffhq256.py')
    assert c.augment.view == c.augment.critic == 'ada_bgc'
    assert adam_of(c, 'g') == pytest.approx((0.002, 0, 0.99**0.8))  # as in its code, which is ADA's
    assert adam_of(c, 'd') == pytest.approx((0.0025 * 16 / 17, 0, 0.99 ** (16 / 17)))
    assert {'ada', 'insgen', 'penalty', 'path_length'} < {*c.terms}
    assert c.terms.insgen.weight.to_dict() == {'real': 1.0, 'fake': 1.0, 'gen': 0.1}
    other = config.load_config(f'{ROOT}/configs/insgen_ffhq256.py:method=bcr')
    assert other.augment.critic == '' and 'ada' not in other.terms


def test_small_biggans_are_chosen_by_an_argument():
    path = f'{ROOT}/configs/digits_biggan.py'
    deep, sagan = (
        config.load_config(f'{path}:{text}').generator
        for text in ('', 'network=sagan,augment=n_of(2, flip, cutout),method=bcr')
    )
    assert (deep.fn, deep.num_classes) == ('gan_jax.models.biggan_deep.Generator', 10)
    assert (sagan.fn, sagan.shared) == ('gan_jax.models.biggan.Generator', 0)
    c = config.load_config(f'{path}:method=weight_clipping')
    assert c.discriminator.normalised is False and c.logit.normalised is False
    with pytest.raises(UserError, match="there is no network 'dcgan'; known: deep, sagan"):
        config.load_config(f'{path}:network=dcgan')


@every_file
def test_docstring_says_how_to_run_it(file):
    text = ast.get_docstring(ast.parse(file.read_text()))
    assert f'python -m gan_jax.train --config=configs/{file.name} --workdir=' in text
    assert 'Methods' in text


@every_file
def test_unknown_method(file):
    with pytest.raises(UserError, match="there is no method 'bcrr'; known: none, real_only"):
        config.load_config(f'{file}:method=bcrr')


@every_file
def test_arguments_reach_the_config(file):
    c = config.load_config(f'{file}:method=bcr,augment=cutout|flip,strength=0.5')
    assert (c.augment.view, c.augment.strength) == ('cutout|flip', 0.5)
    with pytest.raises(UserError, match="does not take 'nonsense=1'; it takes method="):
        config.load_config(f'{file}:nonsense=1')


# A weight of 0 ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_terms_of_weight_zero_are_not_in_the_program():
    """The compiled step is, letter for letter, that of a config without them."""
    path = str(DIGITS)
    off = [f'--config.terms.{term}.weight=0' for term in ('consistency', 'contrastive')]
    zero, absent = config.load_config(path, off).to_dict(), config.load_config(path).to_dict()
    absent['terms'] = {'adversarial': absent['terms']['adversarial']}
    texts = [build_setup(settings).program.lower().as_text() for settings in (zero, absent)]
    assert texts[0] == texts[1]
