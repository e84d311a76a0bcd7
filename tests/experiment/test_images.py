"""Data that a function of one's own reads: its contract, and a run on them."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_jax import data, train
from gan_jax.data.pictures import decode
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.experiment import config
from gan_jax.experiment.images import load_images, load_splits
from gan_jax.runtime.errors import DATA, MISSING, USAGE, UserError
from tests import hostile
from tests.data.archives.maker import noise, png

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
SOURCE = '''
import numpy as np

from gan_jax.data import DataSet
from gan_jax.data.dataset import LabelVectors

SEEN = []


def stripes(split, folder, count: int = 60, side: int = 8) -> DataSet:
    """Images of one bright column each; the label is the column's half."""
    SEEN.append((split, str(folder)))
    if split not in ('train', 'test'):
        return None
    rng = np.random.default_rng(split == 'test')
    columns = rng.integers(side, size=count)
    images = np.zeros((count, side, side, 1), np.uint8)
    images[np.arange(count), :, columns] = 255
    return DataSet(images, columns * 2 // side, 2, 'stripes', ('left', 'right'))


def alone(split, folder) -> DataSet:
    return stripes(split, folder) if split == 'train' else None


def mapped(split, folder) -> DataSet:
    np.save(folder / f'{split}.npy', stripes(split, folder).images)
    images = np.load(folder / f'{split}.npy', mmap_mode='r')
    return DataSet(images, None, 0, 'stripes')


def broken(split, folder) -> DataSet:
    raise KeyError('lost')


def other(split) -> DataSet:
    return stripes(split, '')


TABLE, ROWS = np.float32([[2], [1], [2], [0]]), np.arange(60) % 3


def given(split, folder, what: str) -> DataSet:
    whole = stripes(split, folder)
    bare = whole._replace(labels=None, num_classes=0, class_names=None)
    return {
        'nothing of ours': 7,
        'floats': whole._replace(images=whole.images / 255),
        'a list': whole._replace(images=[1]),
        'no image': whole._replace(images=whole.images[:0], labels=whole.labels[:0]),
        'two channels': whole._replace(images=whole.images.repeat(2, axis=-1)),
        'classes without labels': whole._replace(labels=None),
        'a list of labels': whole._replace(labels=[0] * 60),
        'too few labels': whole._replace(labels=whole.labels[:9]),
        'a label too high': whole._replace(num_classes=1),
        'a name too many': whole._replace(class_names=('a', 'b', 'c')),
        'labels and vectors': whole._replace(vectors=LabelVectors(TABLE, ROWS)),
        'an array of vectors': bare._replace(vectors=TABLE),
        'lists of vectors': bare._replace(vectors=LabelVectors([[0.5]], ROWS)),
        'vectors of float64': bare._replace(vectors=LabelVectors(TABLE.astype(float), ROWS)),
        'vectors without end': bare._replace(vectors=LabelVectors(TABLE + np.inf, ROWS)),
        'too few rows': bare._replace(vectors=LabelVectors(TABLE, ROWS[:9])),
        'a row too high': bare._replace(vectors=LabelVectors(TABLE[:1], ROWS)),
        'vectors': bare._replace(vectors=LabelVectors(TABLE, ROWS.astype(np.int64))),
    }[what]
'''


@pytest.fixture(autouse=True)
def reading(module_of):
    """The module of somebody's readers."""
    module_of('reading', SOURCE)


def asked(fn='stripes', size=8, folder='', **keywords):
    block = dict(
        name='mine',
        size=size,
        dir=str(folder),
        fraction=1.0,
        subset_seed=0,
        held_out=0.0,
        background='',
    )
    return {**block, 'fn': f'reading.{fn}', **keywords}


def test_a_function_gives_the_splits_of_a_data_set_at_its_size(tmp_path):
    train_split, test = load_splits(asked(folder=tmp_path, count=30))
    assert (train_split.name, train_split.num_classes) == ('mine', 2)
    assert train_split.images.shape == (30, 8, 8, 1) and train_split.labels.dtype == np.int32
    assert test().images.shape == test().images.shape == (30, 8, 8, 1)
    assert [('train', str(tmp_path)), ('test', str(tmp_path))] == sys.modules['reading'].SEEN
    assert load_images(asked(size=16, folder=tmp_path)).images.shape == (60, 16, 16, 1)
    with pytest.raises(UserError, match="'mine' has no split 'test'") as caught:
        load_splits(asked('alone'))[1]()
    assert caught.value.status == MISSING


def test_a_name_is_read_as_ever():
    block = {**asked(), 'name': 'digits', 'size': 16}
    del block['fn']
    np.testing.assert_array_equal(
        load_splits(block)[1]().images, data.load('digits', split='test').images
    )


def test_images_may_stay_on_the_disk(tmp_path):
    found = load_images(asked('mapped', folder=tmp_path))
    assert isinstance(found.images, np.memmap)
    with pytest.raises(UserError, match='images of 8x8 pixels on the disk: .* config.data.size=8'):
        load_images(asked('mapped', size=16, folder=tmp_path))


def test_a_size_may_be_a_height_and_a_width():
    """The middle of the rows, as an image file is cropped."""
    whole = load_images(asked(count=30))
    found = load_images(asked(size=[4, 8], count=30))
    np.testing.assert_array_equal(found.images, whole.images[:, 2:6])


@pytest.mark.parametrize(
    ('what', 'sentence'),
    [
        ('nothing of ours', 'a int: return a gan_jax.data.DataSet, or None for no such split'),
        ('floats', r'images as float64 \[60, 8, 8, 1\]: return uint8'),
        ('a list', 'images as a list: return uint8'),
        ('no image', r'images as uint8 \[0, 8, 8, 1\]: return at least one, with 1 or 3 ch'),
        ('two channels', r'images as uint8 \[60, 8, 8, 2\]: return at least one, with'),
        ('classes without labels', '2 classes, and no labels: return 0 classes'),
        ('a list of labels', r'labels as a list: return integers \[N\], or None'),
        ('too few labels', r'60 images and labels as int64 \[9\]: return one for each'),
        ('a label too high', 'labels from 0 to 1, and 1 classes: return labels from 0 to one less'),
        ('a name too many', '3 names of 2 classes: return one for each, or None'),
        ('labels and vectors', 'labels and vectors: return one of them'),
        ('an array of vectors', 'vectors as a ndarray: return them as gan_jax.data.dataset.label'),
        ('lists of vectors', r'vectors as a list and rows as int64 \[60\]: return them as'),
        ('vectors of float64', r'a table of vectors as float64 \[4, 1\]: return finite float32'),
        ('vectors without end', r'a table of vectors as float32 \[4, 1\]: return finite float32'),
        ('too few rows', r'60 images and rows as int64 \[9\]: return one for each'),
        ('a row too high', 'rows from 0 to 2 of 1 vectors: return rows from 0 to 0'),
    ],
)
def test_what_is_no_data_set_is_refused_with_a_sentence(what, sentence):
    start = "^config.data: reading.given gives for the split 'train' "
    with pytest.raises(UserError, match=start + sentence) as caught:
        load_images(asked('given', what=what))
    assert caught.value.status == DATA


def test_vectors_are_each_once_and_sorted_whatever_the_reader_does():
    """So that --label=ROW means the same for all data: TABLE[0], [2] are one, [3] is unused."""
    found = load_images(asked('given', what='vectors'))
    assert found.labels is None and found.vectors.table.tolist() == [[1], [2]]
    assert found.vectors.rows.tolist() == [1, 0, 1] * 20
    assert found.vectors.rows.dtype == np.int32


def test_a_reader_that_fails_is_named():
    sentence = "^config.data: reading.broken fails on the split 'train': KeyError: 'lost'"
    with pytest.raises(UserError, match=sentence):
        load_images(asked('broken'))


# Configs -----------------------------------------------------------------------------------------


def faults(allow=None, **block):
    changes = {f'data.{key}': value for key, value in {'name': 'mine', **block}.items()}
    return config.faults(hostile.changed(hostile.settings(), changes), allow)


@pytest.mark.parametrize(
    ('block', 'sentence'),
    [
        (dict(fn='reading.stripe'), "config.data.fn: 'reading' has no 'stripe'; did you mean"),
        (dict(fn='reading.stripes', cuont=3), "config.data: .*takes no 'cuont'; did you mean 'co"),
        (dict(fn='reading.stripes', count='x'), "config.data.count is 'x': give an integer"),
        (dict(fn='reading.stripes', split='x'), "reading.stripes takes no 'split'"),
        (dict(fn='reading.other'), "reading.other takes no 'folder', which it would be given"),
        (dict(fn='reading.given'), "reading.given needs 'what'"),
        (
            dict(fn='reading.stripes', name='cifar10'),
            "config.data.name is 'cifar10', and config.da",
        ),
        (dict(fn='reading.stripes', name='./a'), 'give them a name of their own'),
        (dict(fn='reading.stripes', size=0), 'config.data.size is 0'),
        (dict(count=3), "config has no use for 'data.count'"),
    ],
)
def test_a_wrong_block_is_refused_with_its_key(block, sentence):
    (fault,) = faults(**block)
    assert re.search(sentence, fault), fault


def test_somebody_else_s_config_reads_by_no_function_of_theirs():
    (fault,) = faults((), fn='evil_module.f')
    assert fault.startswith("config.data.fn: 'evil_module.f' is code of evil_module")
    (fault,) = faults((), fn='gan_jax.data.load')
    assert 'is not a reader of data: in the config of a workdir' in fault


# A run -------------------------------------------------------------------------------------------


def run(tmp_path, *flags, fn='stripes', metrics='kd12_test@reading_rows.rows'):
    (tmp_path / 'reading_rows.py').write_text(
        'def rows(images):\n    return images.reshape(len(images), -1)[:, :8] / 255\n'
    )
    (tmp_path / 'mine.py').write_text(
        'import runpy\n\n\ndef get_config(text=""):\n'
        f'    c = runpy.run_path({str(TINY)!r})["get_config"](text)\n'
        f"    c.data.update(name='mine', fn='reading.{fn}')\n"
        f"    c.evaluate.metrics = '{metrics}'\n    return c\n"
    )
    return train.main([f'--config={tmp_path}/mine.py', f'--workdir={tmp_path}/run', *flags])


@pytest.mark.slow
def test_a_run_trains_on_them_resumes_and_is_evaluated(tmp_path):
    assert run(tmp_path, '--config.steps=6', '--config.data.count=40') == 0
    with pytest.raises(UserError, match='data.count: 40 -> 41'):
        run(tmp_path, '--config.data.count=41')
    # Other images by the same config are other data.
    source = (tmp_path / 'reading.py').read_text()
    (tmp_path / 'reading.py').write_text(source.replace('= 255', '= 254'))
    sys.modules.pop('reading')
    with pytest.raises(UserError, match='the images of config.data are not those that'):
        run(tmp_path, '--config.data.count=40')
    (tmp_path / 'reading.py').write_text(source)
    sys.modules.pop('reading')
    assert run(tmp_path, '--config.data.count=40') == 0
    rows = [json.loads(x) for x in (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()]
    assert rows[-1]['eval/kd12_test@reading_rows.rows'] is not None
    assert json.loads((tmp_path / 'run' / 'classes.json').read_text()) == {
        '0': 'left',
        '1': 'right',
    }
    flags = [f'--workdir={tmp_path}/run', f'--data_dir={tmp_path}', '--allow=tests']
    with pytest.raises(UserError, match="'reading.stripes' is code of reading, .* --allow=reading"):
        evaluate.main([*flags, '--allow=reading_rows'])
    assert evaluate.main([*flags, '--allow=reading_rows', '--allow=reading']) == 0


@pytest.mark.slow
def test_a_dry_run_reads_them_and_checks_what_the_metrics_need(tmp_path, capsys):
    assert run(tmp_path, '--dry_run') == 0
    said = capsys.readouterr().out
    assert 'images: 8x8x1, 2 classes' in said and 'what they need is there' in said
    with pytest.raises(UserError, match="'mine' has no split 'test'"):
        run(tmp_path, '--dry_run', fn='alone')
    with pytest.raises(UserError, match="^config.data: .* fails on the split 'train'") as caught:
        run(tmp_path, '--dry_run', fn='broken')
    assert caught.value.status != USAGE


# A split test of its own --------------------------------------------------------------------------


def test_a_split_test_is_held_out_where_there_is_none(tmp_path):
    images = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    np.savez(tmp_path / 'mine.npz', images=images)
    block = {**asked(), 'name': str(tmp_path / 'mine.npz')}
    del block['fn']
    with pytest.raises(UserError, match="no split 'test'"):
        load_splits(block)[1]()
    kept, held = load_splits({**block, 'held_out': 0.25})
    assert (len(kept.images), len(held().images)) == (30, 10)
    assert not {*kept.images[:, 0, 0, 0]} & {*held().images[:, 0, 0, 0]}


def test_a_split_that_is_there_stays_as_it_is(tmp_path):
    block = {**asked(), 'name': 'digits', 'size': 16, 'held_out': 0.25}
    del block['fn']
    train_split, test = load_splits(block)
    assert (len(train_split.images), len(test().images)) == (1437, 360)
    own, test = load_splits(asked(count=30, held_out=0.25))  # of a function, called once for each
    assert len(own.images) == len(test().images) == 30
    assert [split for split, _ in sys.modules['reading'].SEEN] == ['test', 'train']


def test_a_function_without_a_test_split_gives_one_too():
    block = asked('alone', held_out=0.1)
    kept, held = load_splits(block)
    assert (len(kept.images), len(held().images)) == (54, 6)


def test_every_image_of_a_folder_is_decoded_once(tmp_path, monkeypatch):
    def decoded(block):
        seen.clear()
        _, test = load_splits(block)
        assert test().images.shape == (2, 8, 8, 3)
        return sorted(seen)

    def pixels(file, place, **options):
        seen.append(place[-5:])
        return own(file, place, **options)

    seen, own = [], decode.pixels
    monkeypatch.setattr(decode, 'pixels', pixels)
    for i in range(4):
        name = f'{("train", "test")[i % 2]}/{i}.png'
        for place in (tmp_path / 'split' / name, tmp_path / 'flat' / f'{i}.png'):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(png(noise(i, 8, 8, 3)))
    block = {**asked(), 'name': str(tmp_path / 'split')}
    del block['fn']
    every = [f'{i}.png' for i in range(4)]
    assert decoded(block) == every
    assert decoded({**block, 'name': str(tmp_path / 'flat'), 'held_out': 0.5}) == every
