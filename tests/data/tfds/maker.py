"""True copies of tensorflow-datasets, made by it without TensorFlow, and what refuses them."""

import math

import numpy as np
import pytest
from PIL import Image
from tensorboardX.record_writer import RecordWriter

from gan_jax.data.tfds import contents
from gan_jax.runtime.errors import UserError

FORMATS = ('array_record', 'tfrecord')
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (41, 8, 8, 3), np.uint8)
LABELS = rng.integers(0, 10, 41)
LABELS[0] = 0  # a class that is not "no label"


def write_tfrecord(path, examples):
    """Replaces tensorflow-datasets' own writer, which needs TensorFlow."""
    writer = RecordWriter(str(path))
    for _, example in examples:
        writer.write(example)
    writer.close()


def make(
    folder,
    file_format,
    splits,
    *,
    name='cifar10',
    version='3.0.2',
    config=None,
    feature=None,
    classes=10,
    shards=1,
):
    """A true copy, made by tensorflow-datasets itself; returns the folder of its version.

    `splits`: {split: (images, labels)}; `feature`: arguments of the feature 'image'.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import file_adapters, shuffle

    columns = {'id': tfds.features.Text(), 'image': tfds.features.Image(**feature or {})}
    if classes:
        columns['label'] = tfds.features.ClassLabel(num_classes=classes)

    def info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(columns))

    def generate(self, images, labels):
        for n, (image, label) in enumerate(zip(images, labels, strict=True)):
            if isinstance(image, np.ndarray):
                image = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
            yield n, {'id': f'{n:04}', 'image': image} | ({'label': label} if classes else {})

    def split_generators(self, _):
        return {split: self._generate_examples(*pairs) for split, pairs in splits.items()}

    body = {
        'name': name,
        'VERSION': tfds.core.Version(version),
        'BUILDER_CONFIGS': [tfds.core.BuilderConfig(name=config)] if config else [],
        '_info': info,
        '_split_generators': split_generators,
        '_generate_examples': generate,
    }
    tfds.disable_progress_bar()
    with pytest.MonkeyPatch.context() as patch, tfds.core.registered.skip_registration():
        patch.setattr(file_adapters.TfRecordFileAdapter, 'write_examples', write_tfrecord)
        patch.setattr(shuffle, 'MAX_MEM_BUFFER_SIZE', math.inf)  # files are TensorFlow's
        builder = type('Copy', (tfds.core.GeneratorBasedBuilder,), body)
        builder = builder(data_dir=folder, file_format=file_format)
        download = tfds.download.DownloadConfig(num_shards=shards)
        builder.download_and_prepare(download_config=download)
    return folder / name / (config or '') / version


def small(folder, *, images=IMAGES[:4], labels=LABELS[:4], split='train', **options):
    return make(folder, 'tfrecord', {split: (images, labels)}, **options)


def make_both(factory):
    """{format: data_dir}, each with the same 31 + 10 images in three files a split."""
    folders = {f: factory.mktemp(f) for f in FORMATS}
    splits = {'train': (IMAGES[:31], LABELS[:31]), 'test': (IMAGES[31:], LABELS[31:])}
    for file_format, folder in folders.items():
        make(folder, file_format, splits, feature={'shape': (8, 8, 3)}, shards=3)
    return folders


def refusal(status, *arguments, read=contents.read_copy):
    """The sentence that `read` ends with."""
    with pytest.raises(UserError) as caught:
        read(*arguments)
    assert caught.value.status == status and '\n' not in str(caught.value)
    return str(caught.value)
