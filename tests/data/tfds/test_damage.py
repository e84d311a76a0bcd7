"""What a damaged or unreadable copy of tensorflow-datasets says, in one sentence each."""

import io
import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.tfds.contents import read_copy
from gan_jax.data.tfds.copies import find
from gan_jax.data.tfds.records import first_line, records
from gan_jax.runtime import environment
from gan_jax.runtime.errors import DATA, MISSING, USAGE, UserError
from tests.data.tfds.maker import FORMATS, IMAGES, make_both, refusal, rng, small


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    return make_both(tmp_path_factory)


@pytest.fixture(params=FORMATS)
def copy(request, copies, tmp_path):
    """A copy in either format that a test may damage: (data_dir, the folder of its version)."""
    shutil.copytree(copies[request.param], tmp_path, dirs_exist_ok=True)
    return tmp_path, tmp_path / 'cifar10' / '3.0.2'


def test_an_unknown_split(copy):
    data_dir, folder = copy
    assert refusal(MISSING, data_dir, 'cifar10', 'validation') == (
        f"the copy in {folder} has no split 'validation': it has 'train', 'test'"
    )


def shard(folder):
    """The second of the files of 'train': 11 records."""
    return next(folder.glob('cifar10-train.*-00001-of-00003'))


def test_a_missing_file_is_found_before_anything_is_read(copy):
    data_dir, folder = copy
    (path := shard(folder)).unlink()
    sentence = f'{path} is missing: copy it there or prepare the data set again'
    assert refusal(MISSING, data_dir, 'cifar10', 'train', read=find) == sentence


@pytest.mark.parametrize('damage', ['cut', 'emptied', 'one byte'])
def test_a_damaged_file(copy, damage):
    data_dir, folder = copy
    path = shard(folder)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1  # in both formats one of the images
    path.write_bytes({'cut': content[:2000], 'emptied': b'', 'one byte': content}[damage])
    sentence = refusal(DATA, data_dir, 'cifar10', 'train')
    assert sentence.startswith(f'{path} is damaged (')
    assert sentence.endswith('): copy it again or prepare the data set again')


def test_files_of_another_number_of_records(copy):
    data_dir, folder = copy
    first = next(folder.glob('cifar10-train.*-00000-of-00003'))
    shutil.copy(first, path := shard(folder))
    sentence = refusal(DATA, data_dir, 'cifar10', 'train')
    assert sentence.startswith(f'{path} is damaged (it holds 10 records instead of 11): ')


def test_a_record_that_is_no_image(tmp_path):
    folder = small(tmp_path, images=[io.BytesIO(b'no image')], labels=[0])
    path = folder / 'cifar10-train.tfrecord-00000-of-00001'
    with pytest.raises(UserError, match=f'record 0 of {path} cannot be read as an image'):
        [*records(find(tmp_path, 'cifar10', 'train'))]


def test_an_image_of_another_size_than_declared(tmp_path):
    Image.fromarray(IMAGES[0, :5]).save(file := io.BytesIO(), 'PNG')
    file.seek(0)
    folder = small(tmp_path, images=[file], labels=[0], feature={'shape': (8, 8, 3)})
    path = folder / 'cifar10-train.tfrecord-00000-of-00001'
    fault = f'record 0 of {path} is (5, 8, 3) instead of (8, 8, 3)'
    assert f'is damaged ({fault}): ' in refusal(DATA, tmp_path, 'cifar10', 'train')


@pytest.mark.parametrize('file', ['dataset_info.json', 'features.json'])
@pytest.mark.parametrize('content', ['', '{"name": ', '[]'])
def test_a_damaged_description(copy, file, content):
    data_dir, folder = copy
    (folder / file).write_text(content)
    sentence = refusal(DATA, data_dir, 'cifar10', 'train')
    assert sentence.startswith(f'the description of the data set in {folder} is damaged (')


EVIL = 'evil_feature.Image'
LEGACY = {'type': EVIL, 'content': {}, 'proto_cls': None}
DICT = 'tensorflow_datasets.core.features.features_dict.FeaturesDict'


@pytest.mark.parametrize(
    'change',
    [
        {'pythonClassName': EVIL},
        {'pythonClassName': None, 'python_class_name': EVIL},
        {'featuresDict': {'features': {'image': {'pythonClassName': EVIL}}}},
        LEGACY,
        {'type': DICT, 'content': {'image': LEGACY}, 'proto_cls': None},
        {'featuresDict': None, 'jsonFeature': {'json': json.dumps({'image': LEGACY})}},
    ],
)
def test_code_that_a_description_names_is_not_imported(copy, change, monkeypatch):
    data_dir, folder = copy
    (data_dir / 'evil_feature.py').write_text('import os\n\nos.remove(__file__)\n')
    monkeypatch.syspath_prepend(data_dir)
    file = folder / 'features.json'
    tree = json.loads(file.read_text()) | change
    file.write_text(json.dumps({key: value for key, value in tree.items() if value is not None}))
    sentence = refusal(DATA, data_dir, 'cifar10', 'train')
    assert (data_dir / 'evil_feature.py').exists()
    assert "names the code 'evil_feature.Image', which is not run" in sentence


def described(folder, **changes):
    """Changes entries of dataset_info.json."""
    file = folder / 'dataset_info.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_format_that_is_not_read(copy):
    data_dir, folder = copy
    described(folder, fileFormat='riegeli')
    for path in folder.glob('cifar10-*'):
        path.rename(path.with_name(re.sub('array_record|tfrecord', 'riegeli', path.name)))
    sentence = refusal(DATA, data_dir, 'cifar10', 'train')
    assert sentence.startswith(f"the copy in {folder} is in the format 'riegeli': prepare")


def test_a_split_without_images(copy):
    data_dir, folder = copy
    described(folder, splits=[{'name': 'train', 'shardLengths': [0], 'numBytes': 0}])
    sentence = f"the split 'train' of the copy in {folder} holds no images"
    assert refusal(DATA, data_dir, 'cifar10', 'train') == sentence


@pytest.mark.parametrize(
    ('feature', 'message'),
    [
        ({'shape': (8, 8, 4)}, 'have 4 channels, not 1 or 3'),
        ({'shape': (8, 8, 1), 'dtype': np.uint16}, "has no feature 'image' of 8 bits"),
    ],
)
def test_images_that_are_not_grey_or_colours_of_8_bits(tmp_path, feature, message):
    image = rng.integers(0, 256, feature['shape']).astype(feature.get('dtype', np.uint8))
    small(tmp_path, images=[image], labels=[0], feature=feature)
    assert message in refusal(DATA, tmp_path, 'cifar10', 'train')


def test_array_record_needs_the_extra_and_tfrecord_does_not(copies, monkeypatch):
    monkeypatch.setitem(sys.modules, 'array_record.python.array_record_module', None)
    folder = copies['array_record']
    sentence = refusal(USAGE, folder, 'cifar10', 'train')
    assert sentence == (
        f'to read the copy in {folder / "cifar10" / "3.0.2"}, which is in ArrayRecord format, '
        f'{environment.install("grain")}'
    )
    assert len(read_copy(copies['tfrecord'], 'cifar10', 'train').images) == 31


def test_tensorflow_datasets_is_needed_only_where_there_is_a_copy(copies, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'tensorflow_datasets', None)
    assert read_copy(tmp_path, 'cifar10', 'train') is None
    sentence = refusal(USAGE, copies['tfrecord'], 'cifar10', 'train')
    assert sentence.endswith(' -m pip install tensorflow-datasets importlib_resources')


def test_the_first_line_of_a_fault():
    assert first_line(RuntimeError('one\n\ntwo')) == 'one'
    assert first_line(EOFError()) == 'EOFError'
