"""Images and scores from a trained run, through the public commands."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax import data, labels, latents, sample, train
from gan_jax.data import DataSet
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.evaluate import lpips, protocol
from gan_jax.evaluate.context import Context
from gan_jax.keys import named
from gan_jax.models.stylegan2.generator import Generator as StyleGAN2
from gan_jax.run import evaluation
from gan_jax.run.evaluation import make_evaluator
from gan_jax.run.trained import restore_run
from gan_jax.runtime import cli, signals
from gan_jax.runtime.errors import DATA, MISSING, UNWRITABLE, UserError
from gan_jax.sampling import generate, truncation
from tests.sweeps import tiny

pytestmark = pytest.mark.usefixtures('quick')

TINY = Path(__file__).parent / 'sweeps' / 'tiny.py'
FLAGS = [
    f'--config={TINY}:method=none',
    '--config.generator.fn=tests.sweeps.tiny.Normed',
    '--config.data.size=16',
    '--config.ema.halflife_images=20',
    '--config.steps=8',
    '--config.every.checkpoint=5',
]
ALLOW = '--allow=tests'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    assert train.main([*FLAGS, f'--workdir={folder}']) == 0
    return folder


def files(folder):
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.glob('*.png'))}


def draw(trained, out, *flags):
    assert sample.main([f'--workdir={trained}', f'--out={out}', ALLOW, *flags]) == 0


@pytest.mark.slow
def test_numbered_files_hold_one_image_each(trained, tmp_path):
    draw(trained, tmp_path / 'many', '--num=12')
    found = files(tmp_path / 'many')
    assert list(found) == [f'{i:02d}.png' for i in range(12)]
    assert {image.shape for image in found.values()} == {(16, 16)}


def test_image_i_does_not_depend_on_how_many_are_asked_for(trained, tmp_path):
    draw(trained, tmp_path / 'few', '--num=3')
    draw(trained, tmp_path / 'more', '--num=150')
    few, more = files(tmp_path / 'few'), files(tmp_path / 'more')
    for i in range(3):
        np.testing.assert_array_equal(few[f'{i}.png'], more[f'{i:03d}.png'])
    assert not np.array_equal(more['000.png'], more['001.png'])


def test_a_seed_gives_its_images_and_another_seed_others(trained, tmp_path):
    for out, seed in (('a', 1), ('b', 1), ('c', 2)):
        draw(trained, tmp_path / f'{out}.png', '--num=4', f'--seed={seed}')
    found = files(tmp_path)
    np.testing.assert_array_equal(found['a.png'], found['b.png'])
    assert not np.array_equal(found['a.png'], found['c.png'])


def test_a_png_is_a_grid(trained, tmp_path):
    draw(trained, tmp_path / 'deep' / 'grid.png', '--num=5')
    picture = np.asarray(Image.open(tmp_path / 'deep' / 'grid.png'))
    assert picture.shape == (3 * (2 * 17 - 1), 3 * (3 * 17 - 1))  # 2 rows of 3
    assert np.all(picture[-48:, -48:] == 128)  # the sixth place is empty


def test_an_older_checkpoint_can_be_sampled(trained, tmp_path, capsys):
    draw(trained, tmp_path / 'five.png', '--step=5')
    assert 'of step 5' in capsys.readouterr().out
    draw(trained, tmp_path / 'last.png')
    assert not np.array_equal(*files(tmp_path).values())


def test_truncation_bounds_every_latent():
    seen = {}

    class Spy(nn.Module):
        def __call__(self, z, label, *, train):
            jax.debug.callback(lambda z, label: seen.update(z=z, label=label), z, label)
            return jnp.zeros((len(z), 4, 4, 1))

    module, variables = Spy(), {}
    options = {'latent_dim': 64, 'class_counts': (1,) * 10}
    for threshold in (None, 0.5):
        latent = truncation.of_latent(threshold, latents.normal())
        draw_one = generate.make_generate(module, latent=latent, **options)
        list(draw_one(variables, 0, range(100)))
        jax.effects_barrier()
        if threshold is None:
            assert np.abs(seen['z']).max() > 3
            np.testing.assert_allclose([seen['z'].mean(), seen['z'].std()], [0, 1], atol=0.05)
        else:
            assert 0.45 < np.abs(seen['z']).max() <= 0.5
            # The variance of a standard normal cut at 0.5.
            np.testing.assert_allclose(seen['z'].var(), 0.0806, atol=0.003)
    np.testing.assert_array_equal(seen['label'], np.arange(100) % 10)
    list(generate.make_generate(module, **options)(variables, 0, range(1), 7))
    jax.effects_barrier()
    assert set(seen['label'].tolist()) == {7}


def test_psi_is_of_a_generator_with_an_average_w():
    network = StyleGAN2((8, 8, 1), truncation=0.9)
    assert truncation.of_network(None, network).truncation == 0.9
    assert truncation.of_network(0.5, network).truncation == 0.5
    with pytest.raises(UserError, match='psi is 0.5, and the generator of this run has no ave'):
        truncation.of_network(0.5, tiny.Generator((8, 8, 1)))


def test_psi_is_of_the_first_layers_that_are_asked_for():
    network = StyleGAN2((8, 8, 1), truncation=0.9, truncated=3)
    for layers, found in ((None, 3), (2, 2)):
        made = truncation.of_network(0.5, network, layers)
        assert (made.truncation, made.truncated) == (0.5, found)
    with pytest.raises(UserError, match='psi_layers is 2, and there is no psi for them: give both'):
        truncation.of_network(None, network, 2)

    class One(nn.Module):
        truncation: float = 1.0

    with pytest.raises(UserError, match='psi_layers is 2, and the layers of this generator have'):
        truncation.of_network(0.5, One(), 2)
    with pytest.raises(UserError, match='psi is 0.5, and the generator of this run has no ave'):
        truncation.of_network(0.5, tiny.Generator((8, 8, 1)), 2)


@pytest.fixture(scope='module')
def conditional(tmp_path_factory):
    """A run of 2 steps, on the digits 0 to 9, of which there are 174 to 183 each."""
    folder = tmp_path_factory.mktemp('conditional')
    config = folder / 'labelled.py'
    config.write_text(
        f"""import runpy
def get_config(text=''):
    c = runpy.run_path({str(TINY)!r})['get_config']('method=none')
    c.generator = dict(fn='tests.sweeps.tiny.Labelled', classes=10)
    c.steps = 2
    return c
"""
    )
    assert train.main([f'--config={config}', f'--workdir={folder / "run"}']) == 0
    return folder / 'run'


@pytest.mark.slow
def test_a_label_is_that_of_every_image_and_without_they_follow_the_data(conditional, tmp_path):
    every = {}
    for label in range(10):
        draw(conditional, tmp_path / f'{label}', '--num=40', f'--label={label}')
        every[label] = files(tmp_path / f'{label}')
    draw(conditional, tmp_path / 'all', '--num=40')
    digits = data.load('digits')
    expected = labels.at(labels.counts_of(digits.labels, 10), range(40))
    assert expected.tolist() != [i % 10 for i in range(40)]
    for (name, image), label in zip(files(tmp_path / 'all').items(), expected, strict=True):
        np.testing.assert_array_equal(image, every[label][name])
        assert not np.array_equal(image, every[(label + 1) % 10][name])


@pytest.mark.parametrize('label', ['10', '-1', 'seven'])
def test_a_class_outside_the_data_is_refused(label, conditional, tmp_path):
    with pytest.raises(UserError, match=f"no class '{label}': give a class from 0 to 9"):
        draw(conditional, tmp_path / 'x', f'--label={label}')


@pytest.mark.parametrize('label', [1, 10])
def test_a_class_of_a_generator_without_classes_is_refused(label, trained, tmp_path):
    with pytest.raises(UserError, match=f'label is {label}, and .* takes no classes') as caught:
        draw(trained, tmp_path / 'x', f'--label={label}')
    assert caught.value.status == 2


def test_statistics_of_a_generator_without_batch_norm_are_refused(conditional, tmp_path):
    with pytest.raises(UserError, match='--batch_norm is batch, and .* has no BatchNorm') as caught:
        draw(conditional, tmp_path / 'x', '--batch_norm=batch')
    assert caught.value.status == 2


def test_a_folder_that_holds_something_is_refused_and_left_alone(trained, tmp_path):
    out = tmp_path / 'out'
    draw(trained, out, '--num=12')
    before = files(out)
    with pytest.raises(UserError, match='is a folder that holds 00.png and 11 more') as caught:
        draw(trained, out, '--num=5')
    assert caught.value.status == 2
    assert [*files(out)] == [*before]
    shutil.rmtree(out)
    out.mkdir()
    draw(trained, out, '--num=5')
    assert len(files(out)) == 5


@pytest.mark.parametrize('name', ['g.txt', 'grid.jpg', 'a.b/x.npz'])
def test_an_ending_that_is_no_picture_is_refused(name, trained, tmp_path):
    with pytest.raises(UserError, match='give a name that ends in .png, or that of a folder'):
        draw(trained, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize('name', ['plain', 'strength=0.15', 'v.two/', 'there.is'])
def test_a_folder_may_have_a_dot_in_its_name(name, trained, tmp_path):
    (tmp_path / 'there.is').mkdir()
    assert sample.main([f'--workdir={trained}', f'--out={tmp_path}/{name}', ALLOW, '--num=2']) == 0
    assert len(files(tmp_path / name)) == 2


def test_a_class_is_drawn_by_its_name(conditional, tmp_path, monkeypatch, capsys):
    asked = []

    def blank(network, **options):
        def generate(variables, seed, indices, label):
            asked.append(label)
            return iter([np.zeros((1, 16, 16, 1), np.uint8)])

        return generate

    monkeypatch.setattr(sample, 'make_generate', blank)
    draw(conditional, tmp_path / 'a.png', '--num=1', '--label=7')
    assert '1 images of class 7 (7) of step 2 in' in capsys.readouterr().out
    restore = sample.restore_from_flags
    monkeypatch.setattr(
        sample,
        'restore_from_flags',
        lambda flags: dataclasses.replace(restore(flags), class_names=tuple('abcdefghij')),
    )
    for label in ('c', '2'):
        draw(conditional, tmp_path / 'a.png', '--num=1', f'--label={label}')
        assert '1 images of class 2 (c) of step 2 in' in capsys.readouterr().out
    draw(conditional, tmp_path / 'a.png', '--num=1')
    assert asked == [7, 2, 2, None]


def test_the_names_of_classes_lie_beside_the_run_and_in_its_scores(trained):
    assert json.loads((trained / 'classes.json').read_text()) == {f'{n}': f'{n}' for n in range(10)}
    assert score(trained)['classes'] == [f'{n}' for n in range(10)]


def test_an_output_that_cannot_be_written_is_refused(trained, tmp_path):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(UserError, match='cannot write --out') as caught:
        draw(trained, tmp_path / 'file' / 'a.png')
    assert caught.value.status == UNWRITABLE


@pytest.mark.parametrize(
    'flag',
    [
        '--num=0',
        '--num=1000001',
        '--seed=-1',
        '--truncation=0',
        '--truncation=nan',
        '--psi=1.1',
        '--psi_layers=0',
    ],
)
def test_flags_out_of_range_are_refused(flag, trained, tmp_path):
    with pytest.raises(UserError) as caught:
        draw(trained, tmp_path, flag)
    assert caught.value.status == 2
    assert flag.split('=')[0] in str(caught.value)


@pytest.mark.parametrize('main', [sample.main, evaluate.main])
class TestEveryReaderOfAWorkdir:
    def flags(self, main, folder, out):
        return [f'--workdir={folder}', ALLOW, *([f'--out={out}'] if main is sample.main else [])]

    def test_a_folder_without_a_run(self, main, tmp_path):
        with pytest.raises(UserError, match='must be the folder of a training run') as caught:
            main(self.flags(main, tmp_path, tmp_path / 'o.png'))
        assert caught.value.status == MISSING

    def test_a_step_that_is_not_there(self, main, trained, tmp_path):
        with pytest.raises(UserError, match='no checkpoint of step 6; it has 8, 5') as caught:
            main([*self.flags(main, trained, tmp_path / 'o.png'), '--step=6'])
        assert caught.value.status == MISSING

    def test_a_step_that_is_no_number(self, main, trained, tmp_path):
        for step in ('newest', '²', '07', '9' * 5000):
            with pytest.raises(UserError, match=f"--step is '{step[:90]}"):
                main([*self.flags(main, trained, tmp_path / 'o.png'), f'--step={step}'])

    def test_a_config_that_names_foreign_code_is_refused(self, main, trained, tmp_path):
        settings = json.loads((trained / 'config.json').read_text())
        settings['generator']['fn'] = 'os.system'
        (tmp_path / 'config.json').write_text(json.dumps(settings))
        with pytest.raises(UserError, match="'os.system' is code of os, .* --allow=os"):
            main(self.flags(main, tmp_path, tmp_path / 'o.png'))


def test_a_config_does_not_say_where_evaluate_writes(trained, tmp_path, monkeypatch):
    """What it would keep goes where the user says: here ./data, or --data_dir."""
    shutil.copytree(trained, tmp_path / 'run')
    settings = json.loads((tmp_path / 'run' / 'config.json').read_text())
    settings['data']['dir'] = str(tmp_path / 'theirs')
    (tmp_path / 'run' / 'config.json').write_text(json.dumps(settings))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('GAN_JAX_DATA', raising=False)
    flags = [f'--workdir={tmp_path}/run', ALLOW, '--metrics=kd50_test@digits']
    assert evaluate.main(flags) == 0
    assert evaluate.main([*flags, f'--data_dir={tmp_path}/mine']) == 0
    assert not (tmp_path / 'theirs').exists()
    assert len([*(tmp_path / 'data' / 'references').iterdir()]) == 1
    assert len([*(tmp_path / 'mine' / 'references').iterdir()]) == 1


def test_code_that_is_typed_with_a_metric_needs_no_allow(trained, tmp_path, module_of, monkeypatch):
    """And opens nothing else: a config that names the same function is refused."""
    source = 'def means(images):\n    return images.astype("float32").mean(axis=(1, 2)) / 255\n'
    module_of('typed_features', source)
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(trained, tmp_path / 'run')
    flags = [f'--workdir={folder}', ALLOW, '--metrics=kd10_test@typed_features.means']
    assert evaluate.main(flags) == 0
    settings = json.loads((folder / 'config.json').read_text())
    settings['evaluate']['full'] = 'kd20_test@typed_features.means'
    (folder / 'config.json').write_text(json.dumps(settings))
    with pytest.raises(UserError, match='add --allow=typed_features'):
        evaluate.main(flags)


@pytest.mark.slow
def test_a_checkpoint_has_one_score_on_any_number_of_devices_and_after_a_resume(trained):
    """The same images, by their bytes, in whatever portions; and so the same distance."""
    run = restore_run(trained, 'last', ('tests',))
    gan, weights = run.setup.experiment.gan, run.checkpoint.state.ema
    sizes = {'latent_dim': gan.latent_dim, 'class_counts': gan.class_counts}
    prepared = make_evaluator(run.setup).prepare('fd_digits')
    found, known = {}, score(trained)['metrics']['fd_digits']
    for devices, portion in ((1, 100), (1, 1), (1, 7), (1, 64), (2, 100), (4, 100), (4, 64)):
        draw = generate.make_generate(gan.generator, devices=jax.devices()[:devices], **sizes)
        count = 10 if portion == 1 else 100
        portions = [range(i, min(i + portion, count)) for i in range(0, count, portion)]
        images = np.concatenate([one for asked in portions for one in draw(weights, 0, asked)])
        found.setdefault(count, set()).add(images.tobytes())
        if count == 100:
            values = prepared.measure(images, run.checkpoint.state, None)
            assert values['fd_digits'] == known
    whole, part = (images for count in (100, 10) for images in found[count])
    assert whole.startswith(part)


def score(trained, *flags):
    assert evaluate.main([f'--workdir={trained}', ALLOW, *flags]) == 0
    newest = max((trained / 'results').glob('*.json'), key=lambda path: path.stat().st_mtime_ns)
    return json.loads(newest.read_text())


def test_evaluation_of_the_last_checkpoint_is_the_number_that_training_logged(trained):
    logged = json.loads((trained / 'metrics.jsonl').read_text().splitlines()[-1])
    result = score(trained)
    assert result['metrics']['fd_digits'] == logged['eval/fd_digits']
    assert result['metrics']['fd_digits_floor'] == logged['eval/fd_digits_floor']


def test_a_result_says_what_it_depends_on(trained):
    result = score(trained, '--metrics=fd_digits,modes', '--num=80', '--seed=3', '--step=5')
    assert result['checkpoint']['step'] == 5
    assert len(result['checkpoint']['digest']) == len(result['config_sha256']) == 64
    protocol = result['protocol']
    assert (protocol['num'], protocol['seed'], protocol['data']) == (80, 3, 'digits')
    assert len(protocol['reference_digest']) == len(protocol['extractor_sha256']) == 64
    assert result['versions']['jax'] == jax.__version__
    assert set(result['metrics']) == {
        'fd_digits',
        'fd_digits_floor',
        'modes',
        'modes_min_share',
        'modes_kl',
    }


def test_a_number_that_is_not_finite_is_null_with_its_reason(trained, monkeypatch):
    prepare = evaluation.prepare_metrics

    def broken(*arguments, **options):
        return prepare(*arguments, **options)._replace(
            measure=lambda *_: {'fd_digits': float('nan')}
        )

    monkeypatch.setattr(evaluation, 'prepare_metrics', broken)
    result = score(trained, '--num=80')
    assert result['metrics'] == {'fd_digits': None}
    assert result['not_finite'] == {'fd_digits': 'nan'}


@pytest.mark.slow
def test_weights_and_statistics_are_those_that_are_asked_for(trained):
    plain = score(trained, '--metrics=fd_digits')
    raw = score(trained, '--metrics=fd_digits', '--weights=raw')
    standing = score(trained, '--metrics=fd_digits', '--batch_norm=standing(3)')
    batch = score(trained, '--metrics=fd_digits', '--batch_norm=batch')
    protocols = [result['protocol'] for result in (plain, raw, standing, batch)]
    assert [one['weights'] for one in protocols] == ['ema', 'raw', 'ema', 'ema']
    assert [one['batch_norm'] for one in protocols] == ['moving', 'moving', 'standing(3)', 'batch']
    distances = [result['metrics']['fd_digits'] for result in (plain, raw, standing, batch)]
    assert len({*distances}) == 4
    assert len([*(trained / 'results').glob('*.json')]) >= 4  # each protocol has a file of its own


@pytest.mark.parametrize('flag', ['--batch_norm=standing', '--weights=mean', '--batch_norm='])
def test_a_mode_that_is_not_there_is_refused(flag, trained):
    with pytest.raises(UserError) as caught:
        evaluate.main([f'--workdir={trained}', ALLOW, flag])
    assert caught.value.status == 2
    assert flag.split('=')[0] in str(caught.value)


def test_an_unknown_metric_is_refused_with_the_nearest(trained):
    with pytest.raises(UserError, match="no metric 'fd_digit'; did you mean 'fd_digits'"):
        evaluate.main([f'--workdir={trained}', ALLOW, '--metrics=fd_digit'])


def test_nothing_to_measure_is_said_and_no_file_is_written(trained, tmp_path):
    shutil.copytree(trained, tmp_path / 'run')
    settings = json.loads((tmp_path / 'run' / 'config.json').read_text())
    settings['evaluate'] |= {'metrics': '', 'full': ''}
    (tmp_path / 'run' / 'config.json').write_text(json.dumps(settings))
    shutil.rmtree(tmp_path / 'run' / 'results', ignore_errors=True)
    with pytest.raises(UserError, match='names no metrics: give --metrics=a,b'):
        evaluate.main([f'--workdir={tmp_path}/run', ALLOW])
    with pytest.raises(UserError, match='--metrics names no metrics'):
        evaluate.main([f'--workdir={tmp_path}/run', ALLOW, '--metrics=,'])
    assert not (tmp_path / 'run' / 'results').exists()


def test_a_metric_that_does_not_fit_the_data_is_refused():
    with pytest.raises(UserError, match="means nothing on 'faces'"):
        faces = DataSet(np.zeros((2, 32, 32, 3), np.uint8), None, 0, 'faces')
        protocol.prepare_metrics('fd_digits', Context(faces, None, faces, None, num=2))


def test_other_images_than_those_of_the_run_are_refused(trained, monkeypatch):
    """Of the same name: scores against them would be silent nonsense."""
    digits = data.READERS['digits']
    monkeypatch.setitem(data.READERS, 'digits', lambda split: _turned(digits(split)))
    with pytest.raises(UserError, match="images of 'digits' are not those that") as caught:
        evaluate.main([f'--workdir={trained}', ALLOW])
    assert caught.value.status == DATA


def _turned(dataset):
    return dataset._replace(images=dataset.images[:, ::-1])


def test_an_older_checkpoint_in_place_of_a_damaged_one_is_said_and_noted(trained, tmp_path, capsys):
    folder = tmp_path / 'run'
    shutil.copytree(trained, folder)
    assert score(folder)['checkpoint']['damaged'] == []
    assert not capsys.readouterr().err
    (folder / 'checkpoints' / '8' / 'state' / 'manifest.ocdbt').unlink()
    checkpointed = score(folder)['checkpoint']
    assert (checkpointed['step'], checkpointed['damaged']) == (5, [8])
    assert 'step 8 in' in (said := capsys.readouterr().err) and 'step 5 is used' in said
    draw(folder, tmp_path / 'a.png', '--num=1')
    assert 'step 5 is used' in capsys.readouterr().err
    assert (folder / 'checkpoints' / '8').is_dir()  # who only reads moves nothing


def test_an_older_checkpoint_in_place_of_one_that_is_gone_is_said_and_noted(
    trained, tmp_path, capsys
):
    folder = shutil.copytree(trained, tmp_path / 'run')
    shutil.rmtree(folder / 'checkpoints' / '8')
    checkpointed = score(folder)['checkpoint']
    assert (checkpointed['step'], checkpointed['damaged']) == (5, [8])
    assert 'step 8 in' in (said := capsys.readouterr().err) and 'step 5 is used' in said
    draw(folder, tmp_path / 'a.png', '--num=1', '--step=5')  # which is what was asked for
    assert not capsys.readouterr().err


def test_a_run_whose_checkpoints_are_gone_is_not_one_that_has_none_yet(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / 'run')
    shutil.rmtree(folder / 'checkpoints')
    with pytest.raises(UserError, match='no checkpoint any more') as caught:
        draw(folder, tmp_path / 'x.png', '--num=1')
    assert caught.value.status == DATA
    status = json.loads((folder / 'status.json').read_text())
    (folder / 'status.json').write_text(json.dumps(status | {'checkpoint': None}))
    with pytest.raises(UserError, match='no checkpoint yet') as caught:
        draw(folder, tmp_path / 'x.png', '--num=1')
    assert caught.value.status == MISSING


def test_a_config_that_is_not_the_checkpoints_is_refused(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / 'run')
    settings = json.loads((folder / 'config.json').read_text())
    settings['every']['log'] += 1  # which a resumed run may change
    (folder / 'config.json').write_text(json.dumps(settings))
    draw(folder, tmp_path / 'x.png', '--num=1')
    settings['seed'] += 1
    (folder / 'config.json').write_text(json.dumps(settings))
    with pytest.raises(UserError, match='not the config that this run') as caught:
        draw(folder, tmp_path / 'x.png', '--num=1')
    assert caught.value.status == DATA and f'seed: 0 -> {settings["seed"]}' in str(caught.value)


def test_a_pipe_in_a_checkpoint_is_not_waited_for(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / 'run')
    record = next((folder / 'checkpoints').glob('*/record/metadata'))
    record.unlink()
    os.mkfifo(record)
    with pytest.raises(UserError, match='neither a folder nor a plain file') as caught:
        draw(folder, tmp_path / 'x.png', '--num=1')
    assert caught.value.status == DATA


def test_evaluate_writes_nothing_through_a_link(trained, tmp_path):
    folder, outside = tmp_path / 'run', tmp_path / 'outside'
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / 'results', ignore_errors=True)
    outside.mkdir()
    (folder / 'results').symlink_to(outside)
    with pytest.raises(UserError, match='results is a link'):
        score(folder)
    assert not [*outside.iterdir()]


def test_scores_that_cannot_be_kept_are_printed(trained, tmp_path, capsys):
    """And that they will not be is said before they are computed."""
    folder = shutil.copytree(trained, tmp_path / 'run')
    shutil.rmtree(folder / 'results', ignore_errors=True)
    (folder / 'results').write_text('no folder')
    flags = [f'--workdir={folder}', ALLOW, '--metrics=fd_digits']
    measured = evaluation.evaluate

    def evaluated(*arguments, **options):
        assert 'results cannot be written to: the scores will be printed' in capsys.readouterr().err
        return measured(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError) as caught:
        patch.setattr(evaluation, 'evaluate', evaluated)
        evaluate.main(flags)
    assert caught.value.status == UNWRITABLE
    assert 'the scores are printed and not kept' in str(caught.value)
    printed = dict(line.split(': ') for line in capsys.readouterr().out.splitlines())
    expected = score(trained, '--metrics=fd_digits')['metrics']
    assert {name: float(value) for name, value in printed.items()} == pytest.approx(expected, 1e-5)


def test_json_has_the_scores_that_a_run_cannot_keep(trained, tmp_path, monkeypatch, capsys):
    folder = shutil.copytree(trained, tmp_path / 'run')
    shutil.rmtree(folder / 'results', ignore_errors=True)
    (folder / 'results').write_text('no folder')
    flags = [f'--workdir={folder}', ALLOW, '--metrics=fd_digits', '--json']
    monkeypatch.setattr('sys.argv', ['evaluate', *flags])
    with pytest.raises(SystemExit):
        cli.run(evaluate.main)
    said = json.loads(capsys.readouterr().out)
    assert said['exit_status'] == UNWRITABLE
    expected = score(trained, '--metrics=fd_digits')['metrics']
    assert [(one['file'], one['metrics']) for one in said['results']] == [(None, expected)]


def test_a_folder_that_can_be_written_to_is_not_warned_of(trained, capsys):
    score(trained)
    assert capsys.readouterr().err == ''


def test_a_folder_without_permission_is_seen(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, 'access', lambda path, mode: path != tmp_path)
    evaluate._warn_unwritable(tmp_path / 'results')
    assert f'{tmp_path} cannot be written to' in capsys.readouterr().err


@pytest.mark.parametrize('out', ['grid.png', 'folder'])
def test_an_interrupt_that_was_swallowed_leaves_no_picture(
    out, trained, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(signals, '_received', [2])
    with pytest.raises(KeyboardInterrupt):
        draw(trained, tmp_path / out)
    assert capsys.readouterr().out == '' and not [p for p in tmp_path.rglob('*') if p.is_file()]


def test_an_interrupt_that_was_swallowed_leaves_no_result(trained, capsys, monkeypatch):
    before = {*trained.glob('results/*')}
    swallowed = lambda *_, **__: signals._received.append(2) or {}  # noqa: E731
    monkeypatch.setattr(evaluation, 'evaluate', swallowed)
    monkeypatch.setattr(signals, '_received', [])
    with pytest.raises(KeyboardInterrupt):
        evaluate.main([f'--workdir={trained}', ALLOW, '--seed=77'])
    assert capsys.readouterr().out == ''
    assert {*trained.glob('results/*')} == before


def test_power_spectra_lie_beside_their_result(trained, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns('results'))
    flags = [f'--workdir={folder}', ALLOW, '--metrics=spectrum40_test']
    assert evaluate.main(flags) == 0
    (path,) = folder.glob('results/*.json')
    head, *rows = (path.parent / f'{path.stem}_spectrum40_test_profiles.csv').read_text().split()
    assert head == 'frequency,real,generated' and len(rows) == 9
    _, real, fake = zip(*(map(float, row.split(',')) for row in rows), strict=True)
    found = json.loads(path.read_text())
    difference = np.sqrt(np.mean((np.array(fake) - real)[1:] ** 2))
    assert found['metrics']['spectrum40_test'] == pytest.approx(difference)
    assert 'profiles' not in json.dumps(found)
    Image.open(path.parent / f'{path.stem}_spectrum40_test_profiles.png').verify()
    written = {one: one.read_bytes() for one in path.parent.glob('*.csv')}
    assert evaluate.main([*flags, '--seed=5']) == 0  # another result, with curves of its own
    assert len([*path.parent.iterdir()]) == 6
    assert written.items() <= {one: one.read_bytes() for one in path.parent.glob('*.csv')}.items()


@pytest.mark.slow
def test_a_curve_of_truncation_is_a_result_for_each_a_table_and_a_figure(trained, tmp_path, capsys):
    folder = tmp_path / 'run'
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns('results'))
    flags = [f'--workdir={folder}', ALLOW, '--metrics=kd40_test@digits', '--truncation=2,0.1']
    assert evaluate.main(flags) == 0
    found = [json.loads(path.read_text()) for path in sorted((folder / 'results').glob('*.json'))]
    by_value = {one['protocol']['truncation']: one['metrics'] for one in found}
    rows = (folder / 'results' / 'step_8_truncation.csv').read_text().splitlines()
    assert rows[0] == 'truncation,kd40_test@digits' and len(rows) == 3
    for row, value in zip(rows[1:], (0.1, 2.0), strict=True):
        assert [*map(float, row.split(','))] == [value, *by_value[value].values()]
    assert by_value[0.1] != by_value[2.0]
    Image.open(folder / 'results' / 'step_8_truncation.png').verify()
    told = capsys.readouterr().out
    assert 'truncation 0.1\nkd40_test@digits: ' in told and told.count('40 images') == 2
    assert evaluate.main([*flags[:3], '--truncation=1']) == 0  # one value is no curve
    assert len(list((folder / 'results').iterdir())) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (['--psi=0.5,1', '--metrics=fd_digits'], 'psi is 0.5, and the generator of this run'),
        (['--truncation=1', '--metrics=ppl1k_z'], "'ppl1k_z' is not measured under truncation"),
        (['--truncation=1', '--metrics=eqt9_int'], "'eqt9_int' is not measured under truncation"),
        (['--metrics=eqt9_int'], "'eqt9_int' shifts the generator's input, and config.generator"),
    ],
)
def test_a_metric_that_means_nothing_is_refused(trained, flags, said):
    with pytest.raises(UserError) as caught:
        evaluate.main([f'--workdir={trained}', ALLOW, *flags])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (['--psi=0.5,2'], '--psi is 2.0: give a number from 0 to 1'),
        (['--psi='], "--psi is '': give a number from 0 to 1"),
        (['--truncation=1,0'], '--truncation is 0.0: give'),
        (['--psi=1', '--truncation=1'], '--truncation not allowed with argument --psi'),
    ],
)
def test_lists_of_truncations_have_ranges(flags, said):
    with pytest.raises(UserError, match=re.escape(said)):
        evaluate.main(['--workdir=none', ALLOW, *flags])


@pytest.mark.slow
def test_path_lengths_are_of_the_weights_that_are_asked_for(trained, monkeypatch):
    found = {}
    for weights in ('ema', 'raw'):
        run = restore_run(trained, 'last', ['tests'], evaluate={'weights': weights})
        gan, pairs = run.setup.experiment.gan, evaluation._pairs(run.setup)
        assert pairs.statistics() == 'moving' and not pairs.has_w()
        found[weights], _ = pairs.paths('z')(run.checkpoint.state, 0)
        z = latents.draw_by_index(
            gan.latent, named(jax.random.key(0), 'path'), np.arange(100), gan.latent_dim
        )
        variables = generate.variables_of(run.checkpoint.state, weights)
        by_hand = gan.generator.apply(variables, z, np.zeros(100, np.int32), train=False)
        np.testing.assert_allclose(found[weights], by_hand, atol=1e-5)
    assert np.abs(found['ema'] - found['raw']).max() > 1e-3
    monkeypatch.setattr(lpips, 'variables_of', lambda data_dir: {})
    monkeypatch.setattr(lpips, 'check', lambda data_dir: None)
    monkeypatch.setattr(lpips, 'distance', lambda v, a, b: ((a - b) ** 2).mean(axis=(1, 2, 3)))
    assert score(trained, '--metrics=ppl100_z')['metrics']['ppl100_z'] > 0
    flags = [f'--workdir={trained}', ALLOW, '--metrics=ppl100_z', '--batch_norm=batch']
    with pytest.raises(UserError, match='config.evaluate.batch_norm is batch'):
        evaluate.main(flags)
