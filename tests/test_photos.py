"""docs/photos.md and docs/scores.md are programs: their commands, on photographs of mixed kinds."""

import importlib.util
import json
import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from gan_jax import data
from gan_jax.data import prepared
from gan_jax.data.pieces import Piece
from gan_jax.evaluate import trained_features
from gan_jax.experiment import config
from gan_jax.runtime.errors import DATA, UserError
from tests import pages
from tests.faults.bench import within
from tests.launched import launch, stopped

ROOT = Path(__file__).parent.parent
FOLDERS = ('Blüten im Mai', 'Çin gezisi')
COUNT = 60  # in each folder
RED, BLUE = (200, 0, 0), (0, 0, 200)
# What makes a run of hours one of seconds.
SHORT = [
    '--config.steps=2',
    '--config.generator.width=0.03',
    '--config.discriminator.width=0.03',
    '--config.evaluate.num=100',
    '--config.mesh.data=1',
]
pytestmark = pytest.mark.usefixtures('mixed_types')  # optax's schedules


def commands(page):
    return [shlex.split(line) for line in pages.commands(text_of(page))]


def text_of(page):
    return (ROOT / 'docs' / page).read_text(encoding='utf-8')


def photographs(folder):
    """120 of several sizes: colour, grey, CMYK, one turned, one transparent; and another file."""
    rng, kinds = np.random.default_rng(0), ['RGB', 'L', 'CMYK', 'RGB']
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
        for i in range(COUNT):
            size = tuple(int(x) for x in rng.integers(70, 110, 2))
            coarse = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
            image = Image.fromarray(coarse).resize(size).convert(kinds[i % 4])
            image.save(folder / name / f'Bild {i}.{"png" if i == 3 else "jpg"}')
    for name in ('Bild 1.jpg', 'Bild 4.jpg'):
        (folder / FOLDERS[0] / name).unlink()
    Image.new('RGBA', (80, 90), (200, 0, 0, 100)).save(folder / FOLDERS[0] / 'durchsichtig.png')
    turned(folder / FOLDERS[0] / 'gedreht.jpg')
    (folder / 'Thumbs.db').write_text('none')


def turned(path):
    """Red on the left and blue on the right as it is stored; red above blue as it is shown."""
    image = Image.new('RGB', (96, 72), RED)
    image.paste(BLUE, (48, 0, 96, 72))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(path, exif=exif)


def mode(file):
    with Image.open(file) as image:
        return image.mode


def red_above_blue(images):
    """The images of uint8 [N, H, W, 3] whose upper half is red and whose lower half is blue."""
    halves = np.stack(np.split(images.astype(float), 2, axis=1)).mean((2, 3))  # [2, N, 3]
    return images[np.abs(halves - np.array([[RED], [BLUE]])).max((0, 2)) < 10]


@pytest.fixture
def beside_configs(tmp_path, monkeypatch):
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('GAN_JAX_DATA', raising=False)
    monkeypatch.setattr(trained_features, 'STEPS', 2)
    return tmp_path


def typed(words, more=()):
    module = 'evaluate.__main__' if words[2] == 'gan_jax.evaluate' else words[2].split('.')[1]
    return within(f'gan_jax.{module}', [*words[3:], *more])


@pytest.mark.slow
def test_the_page_goes_from_photographs_to_scores(beside_configs):
    (beside_configs / 'configs').unlink()  # nothing of a checkout is needed
    photographs(beside_configs / 'My photos')
    files = [f for f in Path('My photos').glob('*/*') if f.suffix in ('.jpg', '.png')]
    assert len(files) == 120
    assert {*map(mode, files)} == {'RGB', 'L', 'CMYK', 'RGBA'}
    look, over_white, prepare, train, *rest = commands('photos.md')
    refused = typed(look)
    assert refused.status == DATA and 'durchsichtig.png is transparent in places' in refused.err
    assert '--background=white' in refused.err
    seen = typed(over_white)
    assert seen.status == 0 and '2 classes (0 Blüten im Mai, 1 Çin gezisi)' in seen.out
    for said in (refused.err, seen.err):  # once by each command
        assert said.count('images are grey and become colour') == 1
    assert 'what they need is there' in seen.out and 'warning' not in seen.out
    assert 'images to train on: 108; 12 others are held out' in seen.out
    (unprepared,) = re.findall('^    (python -m gan_jax.train .*)$', text_of('photos.md'), re.M)
    assert typed(shlex.split(unprepared), ['--dry_run', *SHORT]).status == 0
    for words in (prepare, [*train, *SHORT], *rest):
        done = typed(words)
        assert done.status == 0, (words, done.err)
    assert len(red_above_blue(data.load('photos', 'data').images)) == 1  # it is read turned
    run = beside_configs / 'workdirs' / 'photos'
    (source,) = pages.blocks(text_of('photos.md'), 'python')
    names = {}
    exec(source, names)
    assert names['images'].shape == (64, 64, 64, 3) and (run / 'report.html').is_file()
    row = json.loads((run / 'metrics.jsonl').read_text().splitlines()[-1])
    assert {'eval/kd1k_train@classifier', 'eval/kd1k_train@classifier_floor'} <= row.keys()
    real = np.asarray(Image.open(run / 'samples' / 'real.png'))
    assert real.shape == (8 * 65 - 1, 8 * 65 - 1, 3)  # 64 photographs of 108
    values = json.loads(Path('scores.json').read_text())['metrics']
    assert {
        'kd200@simclr',
        'kd200@simclr_floor',
        'precision200@simclr',
        'spectrum200',
    } <= values.keys()
    check_the_explorer(run)


def check_the_explorer(run):
    """The command with which the page ends: it serves the run, or names what is missing."""
    (command,) = re.findall('`(python -m gan_jax.explore [^`]+)`', text_of('photos.md'))
    assert command.endswith('workdirs/photos')
    if importlib.util.find_spec('gradio') is None:
        done = typed(shlex.split(command))
        assert 'needs the package gradio' in done.err and '[explore]' in done.err
        return
    process = launch('-m', 'gan_jax.explore', f'--workdir={run}')
    line = process.stdout.readline()
    assert line.endswith(f'shows {run}; Ctrl-C ends it\n'), line + process.stderr.read()
    assert stopped(process, signal.SIGINT, 0)[0] == 130


@pytest.mark.slow
def test_photographs_train_without_preparation_and_without_classes(beside_configs):
    photographs(beside_configs / 'in' / 'Ä')
    folder = beside_configs / 'in' / 'Ä' / FOLDERS[1]
    config = f'--config=configs/folder.py:path={folder},size=32'
    done = within('gan_jax.train', [config, '--workdir=run ü', *SHORT])
    assert done.status == 0 and done.err.count('are grey and become colour') == 1, done.err
    row = json.loads(Path('run ü/metrics.jsonl').read_text().splitlines()[-1])
    assert 'eval/kd1k_train@simclr_floor' in row and 'eval_failed' not in row


@pytest.mark.slow
def test_the_page_on_scores(beside_configs):
    config = '--config=configs/digits.py'
    done = typed(['python', '-m', 'gan_jax.train', config, '--workdir=workdirs/digits', *SHORT])
    assert done.status == 0, done.err
    for words in commands('scores.md'):
        done = typed(words)
        assert done.status == 0, done.err
    values = json.loads(Path('scores.json').read_text())['metrics']
    assert 'fd360@digits_floor' in values
    (source,) = pages.blocks(text_of('scores.md'), 'python')
    names = {}
    exec(source, names)
    assert names['found']['metrics']['kd360@digits'] == values['kd360@digits']


# The config's choices ----------------------------------------------------------------------------


def settings(*arguments, count=40):
    np.savez('some.npz', images=np.zeros((count, 4, 4, 3), np.uint8))
    text = ','.join(['path=some.npz', *arguments])
    return config.load_config(f'configs/folder.py:{text}')


@pytest.mark.parametrize(('count', 'batch'), [(40, 16), (300, 32), (3000, 64)])
def test_the_batch_follows_the_number_of_images(count, batch, beside_configs):
    c = settings(count=count)
    assert (c.batch_size, c.data.size, c.data.held_out) == (batch, 64, 0.1)
    assert c.generator.width == (0.5 if count < 2000 else 1.0)
    assert c.augment.real == 'flip' and c.augment.critic.startswith('diffaugment')
    assert c.evaluate.metrics == 'kd1k_train@simclr,overfitting'


def test_size_and_arguments_choose_networks_and_methods(beside_configs):
    assert settings('size=128').generator.fn == 'gan_jax.models.sndcgan.Generator'
    large = settings('size=256')
    assert large.generator.fn == 'gan_jax.models.stylegan2.generator.Generator'
    assert 'ada' in large.terms and large.latent.dim == 512
    plain = settings('method=real_only', 'augment=cutout', 'background=white')
    assert plain.augment.real == 'flip|cutout' and plain.data.background == 'white'
    assert settings('flip=0').augment.real == ''
    assert settings('method=bigan').evaluate.metrics == 'kd1k_train@simclr'


@pytest.mark.parametrize('size', [20, 136, 300])
def test_a_size_without_networks_is_refused(size, beside_configs):
    with pytest.raises(UserError, match=f'size is {size}: give a multiple of 8 up to 128, or a po'):
        settings(f'size={size}')


@pytest.mark.parametrize(
    ('count', 'batch', 'metrics'),
    [
        (3, 2, 'kd1k_train@simclr'),  # 1 is held out, whose logit has no deviation
        (14, 13, 'kd1k_train@simclr'),
        (15, 13, 'kd1k_train@simclr,overfitting'),
    ],
)
def test_a_few_photographs_train_on_what_is_left_of_them(count, batch, metrics, beside_configs):
    c = settings(count=count)
    assert (c.batch_size, c.evaluate.metrics) == (batch, metrics)
    kept, held = data.hold_out(data.load('./some.npz'), c.data.held_out)
    assert len(kept.images) == batch and len(held.images) == count - batch


def test_two_photographs_are_too_few(beside_configs):
    with pytest.raises(UserError, match='some.npz holds 2 images to train on: give at least 3'):
        settings(count=2)


def test_a_folder_that_is_not_there_is_a_sentence(beside_configs):
    (beside_configs / 'My photos').mkdir()
    done = within('gan_jax.train', ['--config=configs/folder.py:path=Fotos', '--dry_run'])
    assert done.status == 2 and "there is no data set 'Fotos' in data" in done.err
    assert 'there is no folder or file Fotos here' in done.err
    done = within('gan_jax.train', ['--config=folder:path=My photo', '--dry_run'])
    assert done.status == 2 and done.err.startswith("gan_jax: config 'folder': there is no folder")
    assert "did you mean 'My photos'?" in done.err and 'elsewhere is found by dir=F' in done.err
    done = within('gan_jax.train', ['--config=configs/folder.py:path=./Fotos', '--dry_run'])
    assert done.status == 66 and 'Fotos does not exist: check the path' in done.err


def test_a_prepared_set_without_training_images_is_not_called_unknown(beside_configs):
    piece = Piece('test', 'images', np.zeros((4, 8, 8, 3), np.uint8))
    (beside_configs / 'data').mkdir()
    prepared.write_prepared(Path('data/half'), [piece], {}, num_classes=0)
    done = within('gan_jax.train', ['--config=configs/folder.py:path=half', '--dry_run'])
    assert done.status == 66 and "'half' has no split 'train'" in done.err
