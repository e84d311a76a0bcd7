"""From `prepare --encode` to a setup whose networks see codes, and every way in which it fails."""

import json
import re
import sys

import jax
import numpy as np
import pytest

from gan_jax import data, prepare
from gan_jax.data import autoencoder, dataset
from gan_jax.experiment import config, images, setup
from gan_jax.experiment.generator import build_generator
from gan_jax.runtime.errors import DATA, MISSING, USAGE, PartError, UserError
from tests import hostile
from tests.a_fork import autoencoders

PATH = 'tests.a_fork.autoencoders.patches'
ASKED = {'name': 'digits', 'size': 16, 'fraction': 1.0, 'subset_seed': 0}
ASKED |= {'held_out': 0.0, 'background': ''}


def encode(root, path=PATH, *flags):
    return prepare.main(['--dataset=digits', f'--data_dir={root}', f'--encode={path}', *flags])


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('encoded')
    assert encode(folder) == 0
    return folder


def asked(root, **block):
    return {**ASKED, 'dir': str(root), 'autoencoder': {'fn': PATH, **block}}


def refused(status, said, call, *given, **named):
    with pytest.raises(UserError, match=said) as caught:
        call(*given, **named)
    assert caught.value.status == status


# The command -------------------------------------------------------------------------------------


def test_the_command_says_what_it_made_and_does_it_once(root, capsys):
    before = {file: file.stat().st_mtime_ns for file in root.rglob('*.npy')}
    assert len(before) == 2  # the images of digits come with the package
    assert encode(root) == 0
    out = capsys.readouterr().out
    assert f'{root}/digits.codes was encoded already; remove it to encode anew' in out
    assert 'codes of 8x8x3 for images of 16x16x1; decoded again, 100 images differ by' in out
    assert {file: file.stat().st_mtime_ns for file in root.rglob('*.npy')} == before
    # The components left out, as in tests/data/test_autoencoder.py, give this difference.
    assert float(re.search('square of (.*) of 255', out)[1]) == pytest.approx(2.9, abs=0.2)


@pytest.mark.parametrize(
    ('path', 'said', 'status'),
    [
        ('tests.a_fork.autoencoders.blnd', "has no 'blnd'; did you mean 'blind'?", USAGE),
        ('json', "'json' is not an importable path", USAGE),
        ('tests.a_fork.reader.stripes', "needs 'split'", USAGE),
        ('tests.a_fork.autoencoders.small', r'decode returns is an array \[20, 8, 8, 4\]', USAGE),
        ('tests.a_fork.autoencoders.flat', r'encode returns is an array \[20, 1\]', USAGE),
        ('tests.a_fork.autoencoders.blind', 'NaN or too large', DATA),
        ('tests.experiment.codes.get_config', 'makes a ConfigDict, and not an auto', USAGE),
    ],
)
def test_a_function_that_will_not_do_is_refused_and_nothing_is_written(
    path, said, status, tmp_path
):
    refused(status, f'^--encode: .*{said}', encode, tmp_path, path)
    assert not [file for file in tmp_path.rglob('*') if not file.name.endswith('.lock')]


def test_codes_of_another_function_size_or_other_weights_stay(root, monkeypatch):
    refused(DATA, f'has codes of {PATH}, not of', encode, root, f'{PATH[:-7]}bytes_of_patches')
    refused(DATA, 'other images than the 32x32', encode, root, PATH, '--size=32')
    changed = autoencoders.patches()
    changed = changed._replace(variables={**changed.variables, 'mean': np.ones((1, 1, 1, 4))})

    def other() -> autoencoder.Autoencoder:
        return changed

    monkeypatch.setattr(autoencoders, 'patches', other)
    refused(DATA, f'is encoded with other weights of {PATH}: remove it', encode, root)


def test_codes_of_another_source_with_the_same_weights_are_stale(tmp_path, module_of):
    source = (
        'from gan_jax.data.autoencoder import Autoencoder\n\n\ndef halves() -> Autoencoder:\n'
        '    return Autoencoder({}, lambda _, x: x[:, ::2, ::2] / 2, lambda _, c: '
        '2 * c.repeat(2, 1).repeat(2, 2))\n'
    )
    module_of('halving_codes', source)
    assert encode(tmp_path, 'halving_codes.halves') == 0
    block = {**asked(tmp_path), 'autoencoder': {'fn': 'halving_codes.halves'}}
    record = dataset.codes_record(images.load_images(block))
    assert images.build_decoder(block, record)
    module_of('halving_codes', source.replace('/ 2', '/ 3').replace('2 * c', '3 * c'))
    said = 'is encoded with other source of halving_codes.halves: remove it'
    refused(DATA, said, encode, tmp_path, 'halving_codes.halves')
    refused(DATA, 'has other lines in its file than those', images.build_decoder, block, record)


# The way in --------------------------------------------------------------------------------------


def test_a_config_with_an_autoencoder_has_codes_beside_the_images(root):
    train, test = images.load_splits(asked(root))
    for found in (train, test()):
        assert found.codes.array.shape == (len(found.images), 8, 8, 3)
        assert found.images.dtype == np.uint8
    assert images.load_images({**ASKED, 'dir': str(root)}).codes is None


def test_images_that_are_not_encoded_are_missing(tmp_path):
    refused(MISSING, 'are not encoded', images.load_images, asked(tmp_path))


def test_the_decoder_is_the_one_of_the_codes(root):
    found = images.load_images(asked(root))
    record = json.loads(json.dumps(dataset.codes_record(found)))  # as a checkpoint has it
    variables, decode = images.build_decoder(asked(root), record)
    decoded = np.asarray(decode(variables, found.codes.array[:20]))
    error = 255 * np.sqrt(np.mean((decoded - found.images[:20].astype(float) / 255) ** 2))
    assert error == pytest.approx(2.9, abs=0.5)
    assert images.build_decoder(ASKED, None) is autoencoder.PLAIN
    said = 'has other codes than those'
    refused(DATA, said, images.build_decoder, asked(root, keep=2), record)
    said, other = 'has other weights than those', {**record, 'variables': 'other'}
    refused(DATA, said, images.build_decoder, asked(root), other)
    broken = {**asked(root), 'autoencoder': {'fn': f'{PATH[:-7]}small'}}
    refused(USAGE, 'config.data.autoencoder: what decode', images.build_decoder, broken, record)


def test_without_the_images_a_dry_run_knows_the_shape_of_the_codes(tmp_path):
    asks = {**asked(tmp_path), 'name': 'mnist', 'size': 28}
    outlined = images.outline_images(asks)
    assert outlined.images.shape[1:] == (28, 28, 1)
    assert outlined.codes.array.shape[1:] == (14, 14, 3)
    assert images.build_decoder(asks, dataset.codes_record(outlined)).variables
    assert dataset.as_seen(outlined).images.nbytes < 1e9 and dataset.is_outline(outlined)
    faulty = {**asks, 'name': 'cifar10', 'size': 32}
    refused(USAGE, 'config.data.autoencoder', images.outline_images, faulty)  # of three channels


# Networks, policies and the rest of the config ---------------------------------------------------


def settings(root, **changes):
    given = {'data': asked(root), 'generator': R3GAN, **changes}
    return hostile.changed(hostile.settings(), given)


R3GAN = {'fn': 'gan_jax.models.r3gan.Generator', 'widths': [16, 16], 'group_size': 16}
STYLEGAN2 = {'fn': 'gan_jax.models.stylegan2.generator.Generator', 'base': 64, 'units': 8}


@pytest.mark.parametrize('block', [R3GAN, {**STYLEGAN2, 'most': 8}], ids=['r3gan', 'stylegan2'])
def test_a_generator_of_codes_is_not_clipped(root, block):
    wide = settings(root, generator=block)
    assert build_generator(wide, (8, 8, 4)).clipped is False
    plain = hostile.changed(wide, {'data': {**ASKED, 'dir': ''}})
    assert build_generator(plain, (8, 8, 4)).clipped is True


@pytest.mark.slow
@pytest.mark.parametrize('block', [R3GAN, {**STYLEGAN2, 'most': 8}], ids=['r3gan', 'stylegan2'])
def test_a_generator_of_codes_leaves_the_range_of_images_in_evaluation_too(root, block):
    wide = settings(root, generator=block)
    z, label = 100 * np.ones((1, 8), np.float32), np.zeros(1, np.int32)
    spans = []
    for asks in (wide, hostile.changed(wide, {'data': {**ASKED, 'dir': ''}})):
        network = build_generator(asks, (8, 8, 4))
        variables = network.init(jax.random.key(0), z, label, train=False)
        found = network.apply(variables, z, label, train=False, rngs={'noise': jax.random.key(1)})
        image = np.asarray(found['image'] if isinstance(found, dict) else found)
        spans.append((image.min(), image.max()))
    assert spans[0][0] < 0 and spans[0][1] > 1
    assert spans[1] == (0, 1)


def test_a_generator_that_cannot_is_refused(root):
    bounded = settings(root, generator={'fn': 'gan_jax.models.sndcgan.Generator', 'width': 0.1})
    with pytest.raises(PartError, match='config.generator: Generator makes images in'):
        build_generator(bounded, (8, 8, 3))


def test_augmentations_of_colours_are_refused(root):
    for key in ('augment.real', 'augment.critic', 'terms.consistency.policy'):
        (fault, *_) = config.faults(settings(root, **{key: 'flip|brightness(0.2)'}))
        assert fault.startswith(f"config.{key.removesuffix('.policy')}: 'brightness' is for images")
    assert not config.faults(settings(root, **{'augment.critic': 'flip|cutout(0.2)'}))
    plain = hostile.changed(hostile.settings(), {'augment.critic': 'brightness(0.2)'})
    assert not config.faults(plain)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'data.autoencoder': 'patches'}, "data.autoencoder is 'patches': give a block of values"),
        ({'data.autoencoder': {}}, 'data.autoencoder.fn: give the path of a function'),
        ({'data.autoencoder.kep': 2}, "data.autoencoder: .* takes no 'kep'; did you mean 'keep'"),
        ({'data.autoencoder.keep': 9}, 'data.autoencoder.keep is 9: give an integer from 1 to 4'),
        (
            {'data.name': './photos'},
            "data.autoencoder needs images that are encoded, and './photos'",
        ),
        (
            {'data.fn': 'tests.a_fork.reader.stripes'},
            'data.autoencoder needs images that are encoded',
        ),
    ],
)
def test_what_is_wrong_with_the_block_is_said(root, change, said):
    found = config.faults(hostile.changed(settings(root), change))
    assert any(re.search(f'config.{said}', fault) for fault in found), found


def test_somebody_elses_autoencoder_is_not_run(root):
    (fault,) = config.faults(settings(root), allow=())
    assert fault.startswith('config.data.autoencoder.fn: ') and '--allow=tests' in fault
    assert not config.faults(settings(root), allow=('tests',))
    (fault,) = config.part_faults(settings(root), (), ('data.autoencoder',), allow=())
    assert '--allow=tests' in fault


@pytest.mark.slow
def test_networks_get_the_shape_of_codes_and_metrics_the_images(root, capsys):
    smallest = config.load_config('tests/experiment/codes.py', [f'--config.data.dir={root}'])
    made = setup.build_setup(json.loads(smallest.to_json()), devices=1)
    assert made.experiment.gan.generator.shape == (8, 8, 3)
    assert made.reference.images.shape == (1437, 16, 16, 1)
    assert made.held_out().codes is not None
    resident = made.program.lower().args_info
    assert any(x.dtype == np.float16 for x in jax.tree.leaves(resident))
    again = setup.with_hyperparameters(made, {**made.settings, 'seed': 3})
    assert again.experiment.gan.generator.shape == (8, 8, 3)


def test_data_is_the_only_thing_that_has_changed():
    """Without an autoencoder every data set, digest and record is what it was."""
    digits = data.load('digits')
    assert dataset.as_seen(digits) is digits
    assert dataset.training_digest(digits) == data.digest(digits)
    assert 'gan_jax.data.codes' in sys.modules
