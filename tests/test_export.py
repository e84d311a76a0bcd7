"""The command `gan_jax.export`, and what is drawn from the folder that it writes."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import gan_jax
from gan_jax import data, export, sample, train
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.exported import hub
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import DATA, UserError

pytestmark = pytest.mark.usefixtures('quick')
TINY = Path(__file__).parent / 'sweeps' / 'tiny.py'
SMALL = ['data.size=16', 'steps=4', 'every.checkpoint=2', 'evaluate.full=', 'evaluate.metrics=']
NETWORK = """
from typing import Any

import flax.linen as nn
from a_fork_of_mine.layers import flat


class Generator(nn.Module):
    shape: tuple[int, int, int]
    dtype: Any = None

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.BatchNorm(not train)(nn.Dense(flat(self.shape))(z)) + nn.Embed(10, 1)(label)
        return nn.sigmoid(4 * x).reshape(-1, *self.shape)
"""


def run_of(folder, *flags):
    flags = [f'--config.{flag}' for flag in (*SMALL, *flags)]
    assert train.main([f'--config={TINY}:method=none', *flags, f'--workdir={folder}']) == 0
    return folder


@pytest.fixture(scope='module')
def fork(tmp_path_factory):
    """A run whose network is code of a package that is gone afterwards, exported."""
    place = tmp_path_factory.mktemp('fork')
    package = place / 'code' / 'a_fork_of_mine'
    package.mkdir(parents=True)
    (package / 'networks.py').write_text(NETWORK)
    (package / 'layers.py').write_text(
        'import math\n\n\ndef flat(shape):\n    return math.prod(shape)'
    )
    (package / 'terms.py').write_text('1 / 0')
    allow = '--allow=a_fork_of_mine'
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place / 'code')
        run = run_of(place / 'run', 'generator.fn=a_fork_of_mine.networks.Generator')
        flags = [f'--workdir={run}', '--allow=a_fork_of_mine', '--allow=tests']
        metrics = ['--metrics=fd_digits', '--num=100']
        assert evaluate.main([*flags, *metrics]) == 0
        options = ['--license=mit', '--formats=stablehlo']
        assert export.main([*flags, *options, f'--out={place}/out']) == 0
        assert sample.main([f'--workdir={run}', allow, f'--out={place}/run_images/']) == 0
        assert sample.main([f'--workdir={run}', allow, f'--out={place}/two/', '--label=2']) == 0
    for name in [name for name in sys.modules if name.startswith('a_fork_of_mine')]:
        del sys.modules[name]
    shutil.move(place / 'code', place / 'gone')
    return place


def pictures(folder):
    return np.stack([np.asarray(Image.open(f)) for f in sorted(folder.iterdir())])


def test_a_folder_draws_the_same_bytes_without_data_and_the_fork(fork, tmp_path, monkeypatch):
    monkeypatch.setattr(data, 'load', lambda *_, **__: pytest.fail('data are loaded'))
    found = gan_jax.load_generator(fork / 'out', allow='a_fork_of_mine')
    expected = pictures(fork / 'run_images')[..., None]
    np.testing.assert_array_equal(found.generate(range(64)), expected)
    np.testing.assert_array_equal(found.generate(range(64), '2'), pictures(fork / 'two')[..., None])
    flags = [f'--workdir={fork}/out', '--allow=a_fork_of_mine', f'--out={tmp_path}/again/']
    assert sample.main(flags) == 0
    np.testing.assert_array_equal(pictures(tmp_path / 'again')[..., None], expected)
    assert (found.step, found.num_classes, found.image_shape) == (4, 10, (16, 16, 1))
    assert 'a_fork_of_mine' not in sys.modules


def test_the_bytes_are_the_same_on_another_number_of_devices(fork):
    found = gan_jax.load_generator(fork / 'out', allow='a_fork_of_mine')
    others = dataclasses.replace(found, devices=jax.devices()[:3])
    assert len(found.devices) == 1
    np.testing.assert_array_equal(others.generate(range(220)), found.generate(range(220)))


def test_a_folder_holds_what_it_says_and_no_pickle(fork):
    files = {
        f.relative_to(fork / 'out').as_posix() for f in (fork / 'out').rglob('*') if f.is_file()
    }
    assert files == {
        'README.md',
        'samples.png',
        'config.json',
        'generator.safetensors',
        'generator.stablehlo',
        'code/a_fork_of_mine/__init__.py',
        'code/a_fork_of_mine/layers.py',
        'code/a_fork_of_mine/networks.py',
    }
    config = json.loads((fork / 'out' / 'config.json').read_text())
    assert config['image'] == {
        'shape': [16, 16, 1],
        'layout': 'NHWC',
        'range': [0, 1],
        'saved': 'uint8',
    }
    assert config['generator'] == {'fn': 'a_fork_of_mine.networks.Generator'}
    assert config['classes']['names'] == [f'{n}' for n in range(10)]
    assert str(fork) not in (fork / 'out' / 'config.json').read_text()


def test_the_folder_says_by_which_code_its_run_was_trained(fork):
    status = workdir.read_status(fork / 'run')
    found = json.loads((fork / 'out' / 'config.json').read_text())['origin']
    assert (found['commit'], found['trained_with']) == (status['commit'], status['versions'])
    assert found['trained_with']['jax'] == jax.__version__
    text = (fork / 'out' / 'README.md').read_text()
    assert f'- commit: `{json.dumps(status["commit"])}`' in text and '- trained_with: `{' in text


def test_the_card_has_the_score_and_its_protocol(fork):
    text = (fork / 'out' / 'README.md').read_text()
    (file,) = (fork / 'run' / 'results').glob('*.json')
    result = json.loads(file.read_text())
    head = dict(line.split(': ', 1) for line in text.split('---')[1].strip().splitlines())
    assert json.loads(head['license']) == 'mit'
    assert json.loads(head['pipeline_tag']) == 'unconditional-image-generation'
    ((entry,),) = (json.loads(head['model-index'])[i]['results'] for i in [0])
    by_name = {one['type']: one for one in entry['metrics']}
    assert by_name['fd_digits']['value'] == result['metrics']['fd_digits']
    assert by_name['fd_digits']['args'] == result['protocol']
    assert entry['dataset']['name'] == 'digits'
    assert f'| fd_digits | {result["metrics"]["fd_digits"]:.6g} |' in text
    assert "allow=['a_fork_of_mine']" in text and 'read it first' in text


@pytest.mark.slow
def test_no_folder_of_the_machine_that_measured_travels(plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / 'run')
    protocol = {
        **dict(data='/mine/somebody/pets', unaugmented='/mine/somebody/plain', num=7),
        **dict(weights='ema', batch_norm='moving', leak={'models': [{'run': '/mine/somebody/0'}]}),
    }
    content = {'checkpoint': {'step': 4}, 'metrics': {'kid7_test': 0.5}, 'protocol': protocol}
    (folder / 'results').mkdir()
    (folder / 'results' / 'a.json').write_text(json.dumps(content))
    assert export.main([f'--workdir={folder}', f'--out={tmp_path}/out']) == 0
    texts = [(tmp_path / 'out' / name).read_text() for name in ('README.md', 'config.json')]
    assert not any('somebody' in text for text in texts)
    assert '"name": "pets"' in texts[0] and '"leak": {"models": [{"run": "0"}]}' in texts[0]
    assert 'num 7, data pets, weights ema' in texts[0]


def test_code_that_is_not_allowed_is_refused_before_it_runs(fork, tmp_path):
    shutil.copytree(fork / 'out', tmp_path / 'out')
    (tmp_path / 'out' / 'code' / 'a_fork_of_mine' / 'networks.py').write_text('1 / 0')
    with pytest.raises(UserError, match='is code of a_fork_of_mine, which lies in .*: read it and'):
        gan_jax.load_generator(tmp_path / 'out')
    with pytest.raises(UserError, match='networks.py is not the file that was exported') as caught:
        gan_jax.load_generator(tmp_path / 'out', allow='a_fork_of_mine')
    assert caught.value.status == DATA


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--step=2'], 'step is 2, and .* is an exported generator, which has one of each'),
        (['--weights=raw'], 'weights is raw, and .* is an exported generator'),
        (['--batch_norm=batch'], 'batch_norm is batch, and .* is an exported generator'),
    ],
)
def test_an_exported_generator_leaves_nothing_to_choose(fork, tmp_path, flags, words):
    with pytest.raises(UserError, match=words):
        sample.main(
            [f'--workdir={fork}/out', '--allow=a_fork_of_mine', f'--out={tmp_path}/x/', *flags]
        )


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    """A run with a network of this package."""
    place = tmp_path_factory.mktemp('plain')
    flags = ['generator.fn=gan_jax.models.dcgan.Generator', 'generator.width=0.0625']
    return run_of(place / 'run', *flags, 'latent.fn=gan_jax.latents.uniform')


@pytest.mark.slow
def test_a_network_of_this_package_needs_no_allow(plain, tmp_path):
    assert export.main([f'--workdir={plain}', f'--out={tmp_path}/out', '--step=2']) == 0
    found = gan_jax.load_generator(tmp_path / 'out')
    expected = gan_jax.load_generator(plain, step=2, allow='tests')
    np.testing.assert_array_equal(found.generate(range(3)), expected.generate(range(3)))
    np.testing.assert_array_equal(found.latents(range(3)), expected.latents(range(3)))
    text = (tmp_path / 'out' / 'README.md').read_text()
    assert 'Nothing was measured' in text and 'license' not in text.split('---')[1]
    assert not (tmp_path / 'out' / 'generator.stablehlo').exists()


@pytest.mark.slow
def test_standing_statistics_travel_as_numbers(plain, tmp_path):
    flags = [f'--workdir={plain}', '--batch_norm=standing(2)']
    assert export.main([*flags, f'--out={tmp_path}/out']) == 0
    assert sample.main([*flags, f'--out={tmp_path}/images/', '--num=10']) == 0
    found = gan_jax.load_generator(tmp_path / 'out').generate(range(10))
    np.testing.assert_array_equal(found[..., 0], pictures(tmp_path / 'images'))


@pytest.mark.slow
def test_a_folder_that_holds_something_is_refused(plain, tmp_path):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(UserError, match='is a folder that holds file'):
        export.main([f'--workdir={plain}', f'--out={tmp_path}'])


def test_an_exported_generator_is_no_run(fork):
    flags = [f'--workdir={fork}/out', '--allow=a_fork_of_mine']
    with pytest.raises(UserError, match='is an exported generator, and this needs a run: give'):
        evaluate.main(flags)


def test_an_exported_folder_is_not_exported_again(fork, tmp_path):
    with pytest.raises(UserError, match='is an exported generator already: copy it'):
        export.main([f'--workdir={fork}/out', f'--out={tmp_path}/x'])


@pytest.mark.slow
def test_a_failure_leaves_nothing(plain, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('gan_jax.exported.write.pictures.save', fails)
    with pytest.raises(UserError, match='cannot write --out=.*: No space left'):
        export.main([f'--workdir={plain}', f'--out={tmp_path}/out'])
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            {'data': {'autoencoder': {'fn': 'tests.a_fork.autoencoders.patches'}}},
            'makes codes of tests.a_fork.autoencoders.patches, whose decoder',
        ),
        (
            {'latent': {'fn': 'gan_jax.instances.instances'}},
            'gan_jax.instances.instances, are made of its training images',
        ),
    ],
)
def test_what_does_not_travel_is_refused(plain, tmp_path, monkeypatch, change, words):
    shutil.copytree(plain, tmp_path / 'run')
    read = export.read_run

    def other(*arguments):
        found = read(*arguments)
        merged = {k: {**found.settings[k], **change.get(k, {})} for k in ('data', 'latent')}
        return found._replace(settings={**found.settings, **merged})

    monkeypatch.setattr(export, 'read_run', other)
    with pytest.raises(UserError, match=words):
        export.main([f'--workdir={tmp_path}/run', f'--out={tmp_path}/out'])
    assert not (tmp_path / 'out').exists()


def test_a_license_that_is_none_is_refused(plain, tmp_path):
    with pytest.raises(UserError, match="--license is 'My own!': give an identifier such as"):
        export.main([f'--workdir={plain}', f'--out={tmp_path}/out', '--license=My own!'])
    with pytest.raises(UserError, match="--formats is 'onnx': give 'stablehlo'"):
        export.main([f'--workdir={plain}', f'--out={tmp_path}/out', '--formats=onnx'])


def test_a_folder_is_pushed_whole_and_loaded_by_its_name(plain, tmp_path, monkeypatch):
    pushed = []

    def push(folder, name):
        pushed.append((sorted(f.name for f in folder.iterdir()), name))
        return 'https://the.hub/me/digits'

    monkeypatch.setattr(hub, 'require', lambda: None)
    monkeypatch.setattr(hub, 'push', push)
    flags = [f'--workdir={plain}', f'--out={tmp_path}/out', '--push=me/digits']
    assert export.main(flags) == 0
    names = ['README.md', 'config.json', 'generator.safetensors', 'samples.png']
    assert pushed == [(names, 'me/digits')]
    monkeypatch.setattr(hub, 'pull', lambda name: {'me/digits@v1': tmp_path / 'out'}[name])
    assert gan_jax.load_generator('me/digits@v1').step == 4


def test_a_missing_client_is_told_before_the_export(plain, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(UserError, match=r"client is missing: .* -m pip install .*\[hub\]'"):
        export.main([f'--workdir={plain}', f'--out={tmp_path}/out', '--push=me/digits'])
    with pytest.raises(UserError, match="--push is 'digits': give a repository's name"):
        export.main([f'--workdir={plain}', f'--out={tmp_path}/out', '--push=digits'])
    assert not (tmp_path / 'out').exists()


# Hostile folders ---------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def exported(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp('exported') / 'out'
    assert export.main([f'--workdir={plain}', f'--out={out}']) == 0
    return out


@pytest.fixture
def folder(exported, tmp_path):
    return Path(shutil.copytree(exported, tmp_path / 'theirs'))


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('format_version', 2, 'version 2, and this version of gan_jax reads .*: install a newer'),
        ('format', 'torch', "is of the format 'torch'"),
        ('generator', {'fn': 'os.system'}, "config.generator.fn: 'os.system' is code of os"),
        ('generator', {'fn': 'gan_jax.train.main'}, "'gan_jax.train.main' is not a network"),
        ('generator', 3, 'generator is 3: it has to be a block'),
        (
            'generator',
            {'fn': 'gan_jax.models.dcgan.Generator', 'width': 1e9},
            'config.generator.width is 1000000000.0: give a number from 0.001 to 64',
        ),
        (
            'generator',
            {'fn': 'gan_jax.models.dcgan.Generator', 'width': 64.0},
            'does not fit its network: .* in the file and float32',
        ),
        ('latent', {'fn': 'gan_jax.latents.normal', 'dim': 0}, 'latent.dim is 0'),
        (
            'latent',
            {'fn': 'gan_jax.instances.instances', 'dim': 4},
            'latents are made of training images',
        ),
        ('image', {'shape': [16, 16]}, r'image.shape is \[16, 16\]: it has to be \[H, W, C\]'),
        ('image', {'shape': [10**9, 16, 3]}, 'image.shape is'),
        ('classes', {'counts': [-1]}, 'classes.counts is'),
        ('classes', {'counts': [0, 0]}, 'classes.counts add up to 0'),
        ('classes', {'counts': [1], 'names': ['a', 'b']}, 'it has to be a name for each of 1'),
        ('code', {'../../x.py': '0' * 64}, "a name in code is '../../x.py'"),
        ('weights_sha256', '0' * 64, 'safetensors is not the file that was exported'),
        ('dtype', 'float8', "dtype is 'float8'"),
        ('step', -1, 'step is -1'),
        ('batch_norm', 'standing(9)', "batch_norm is 'standing"),
    ],
)
def test_a_config_that_lies_is_refused_in_a_sentence(folder, key, value, words):
    config = json.loads((folder / 'config.json').read_text())
    config[key] = {**config[key], **value} if key in ('image', 'classes') else value
    workdir.write_json(folder / 'config.json', config)
    with pytest.raises(UserError, match=words) as caught:
        gan_jax.load_generator(folder)
    assert 'Traceback' not in str(caught.value)


def test_a_config_nested_too_deeply_or_too_large_is_no_export(folder, monkeypatch):
    from gan_jax.exported import description

    (folder / 'config.json').write_text('{"format": ' + '[' * 2000 + ']' * 2000 + '}')
    with pytest.raises(UserError, match='nested too deeply'):
        gan_jax.load_generator(folder)
    monkeypatch.setattr(description, 'MOST_BYTES', 10)
    with pytest.raises(UserError, match='it has 4,[0-9]+ bytes'):
        description.read(folder)


@pytest.mark.parametrize('name', ['generator.safetensors', 'config.json'])
def test_a_link_or_a_missing_file_is_refused(folder, name):
    (folder / name).rename(folder.parent / 'elsewhere')
    if name != 'config.json':
        with pytest.raises(UserError, match='generator.safetensors cannot be read'):
            gan_jax.load_generator(folder)
    (folder / name).symlink_to(folder.parent / 'elsewhere')
    with pytest.raises(UserError, match='is a link'):
        gan_jax.load_generator(folder)


def test_a_flipped_bit_is_found(folder):
    content = bytearray((folder / 'generator.safetensors').read_bytes())
    content[-3] ^= 1
    (folder / 'generator.safetensors').write_bytes(content)
    with pytest.raises(UserError, match='is not the file that was exported') as caught:
        gan_jax.load_generator(folder)
    assert caught.value.status == DATA
