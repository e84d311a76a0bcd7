"""Small archives in the publishers' formats, made by the tests."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, *shape: int) -> np.ndarray:
    """Random uint8 of that shape."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_tar(path: Path, members: Mapping[str, bytes], mode: str = 'w:gz') -> Path:
    with tarfile.open(path, mode, **({'compresslevel': 1} if mode == 'w:gz' else {})) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def lay(path: Path, files: Mapping[str, bytes]) -> str:
    """The files by their names as a zip, if the path ends so, or else as a folder; its path."""
    if path.suffix == '.zip':
        return str(write_zip(path, files))
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return str(path)


def png(array: np.ndarray, kind: str = 'PNG', **options) -> bytes:
    """uint8 [H, W] or [H, W, C] as an image file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def cifar10(folder: Path, *, per_batch: int = 100, seed: int = 0) -> tuple[Path, dict]:
    """cifar-10-binary.tar.gz in the true format: five training batches, one of the test.

    Returns:
        Its path and {split: (images uint8 [N, 32, 32, 3], labels [N])}. With 100 images a batch,
        labels are balanced and images of one class share a tint, so that a GAN has something to
        learn.
    """
    batches, known = {'batches.meta.txt': b'airplane\nautomobile\nbird\n'}, {}
    for number, name in enumerate([f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']):
        labels = np.arange(per_batch, dtype=np.uint8) % 10
        tint = 12 * labels[:, None, None, None] * np.array([1, 0, 1], np.uint8)
        images = noise(seed + number, per_batch, 32, 32, 3) // 2 + tint
        planes = images.transpose(0, 3, 1, 2).reshape(per_batch, -1)
        batches[f'{name}.bin'] = np.concatenate([labels[:, None], planes], axis=1).tobytes()
        known.setdefault('test' if name == 'test_batch' else 'train', []).append((images, labels))
    # As in the published archive, the batches come in no order.
    members = {
        f'cifar-10-batches-bin/{n}': batches[n] for n in sorted(batches, key=lambda n: n[::-1])
    }
    path = write_tar(folder / 'cifar-10-binary.tar.gz', members)
    return path, {s: tuple(map(np.concatenate, zip(*b, strict=True))) for s, b in known.items()}


def cifar100(folder: Path) -> tuple[Path, dict]:
    members, known = {}, {}
    for seed, split, count in ((0, 'train', 100), (1, 'test', 50)):
        images, fine = noise(seed, count, 32, 32, 3), np.arange(count, dtype=np.uint8)
        planes = images.transpose(0, 3, 1, 2).reshape(count, -1)
        content = np.concatenate([fine[:, None] // 5, fine[:, None], planes], axis=1)
        members[f'cifar-100-binary/{split}.bin'] = content.tobytes()
        known[split] = (images, fine)
    return write_tar(folder / 'cifar-100-binary.tar.gz', members), known


def idx(array: np.ndarray) -> bytes:
    """uint8 of any shape as an IDX file."""
    return b'\0\0\x08' + struct.pack(f'>B{array.ndim}I', array.ndim, *array.shape) + array.tobytes()


def mnist(folder: Path) -> tuple[Path, dict]:
    """The four files of MNIST; the test's are not compressed."""
    known = {}
    for seed, split, name in ((0, 'train', 'train'), (1, 'test', 't10k')):
        images, labels = noise(seed, 20, 28, 28), np.arange(20, dtype=np.uint8) % 10
        pack, suffix = (gzip.compress, '.gz') if split == 'train' else (bytes, '')
        (folder / f'{name}-images-idx3-ubyte{suffix}').write_bytes(pack(idx(images)))
        (folder / f'{name}-labels-idx1-ubyte{suffix}').write_bytes(pack(idx(labels)))
        known[split] = (images[..., None], labels)
    return folder, known


def emnist(folder: Path) -> tuple[Path, dict]:
    members, known = {}, {}
    for seed, split in ((0, 'train'), (1, 'test')):
        images, labels = noise(seed, 47, 28, 28), np.arange(47, dtype=np.uint8)
        stem = f'gzip/emnist-balanced-{split}'
        members[f'{stem}-images-idx3-ubyte.gz'] = gzip.compress(idx(images.swapaxes(1, 2)))
        members[f'{stem}-labels-idx1-ubyte.gz'] = gzip.compress(idx(labels))
        known[split] = (images[..., None], labels)
    return write_zip(folder / 'gzip.zip', members), known


def stl10(folder: Path) -> tuple[Path, dict]:
    members, known = {}, {}
    for seed, split, name in (
        (0, 'train', 'train'),
        (1, 'test', 'test'),
        (2, 'unlabelled', 'unlabeled'),
    ):
        images, labels = noise(seed, 10, 96, 96, 3), np.arange(10, dtype=np.uint8)
        # Columns first: [n, channel, x, y].
        members[f'stl10_binary/{name}_X.bin'] = images.transpose(0, 3, 2, 1).tobytes()
        if split != 'unlabelled':
            members[f'stl10_binary/{name}_y.bin'] = (labels + 1).tobytes()
        known[split] = (images, None if split == 'unlabelled' else labels)
    return write_tar(folder / 'stl10_binary.tar.gz', members), known


def svhn(folder: Path) -> tuple[Path, dict]:
    from scipy.io import savemat

    known = {}
    for seed, split in ((0, 'train'), (1, 'test')):
        images, labels = noise(seed, 20, 32, 32, 3), np.arange(20) % 10
        digits = np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)
        content = {'X': images.transpose(1, 2, 3, 0), 'y': digits}
        savemat(folder / f'{split}_32x32.mat', content, do_compression=True)
        known[split] = (images, labels)
    return folder, known


def imagenet32(folder: Path) -> tuple[Path, dict]:
    """Eleven batches of training images, so that their numbers and names sort differently."""
    known = {'train': [], 'test': []}
    archives = {'Imagenet32_train_npz.zip': [], 'Imagenet32_val_npz.zip': []}
    for number in range(12):
        split, archive = ('train', 'Imagenet32_train_npz.zip')
        name = f'train_data_batch_{number + 1}.npz'
        if number == 11:
            split, archive, name = 'test', 'Imagenet32_val_npz.zip', 'val_data.npz'
        images, labels = noise(number, 3, 32, 32, 3), 300 * np.arange(3) + number
        file = io.BytesIO()
        data = images.transpose(0, 3, 1, 2).reshape(3, -1)
        np.savez(file, data=data, labels=labels + 1, mean=data.mean(0))
        archives[archive].append((name, file.getvalue()))
        known[split].append((images, labels))
    for archive, members in archives.items():
        write_zip(folder / archive, dict(members[::-1]))
    return folder, {s: tuple(map(np.concatenate, zip(*b, strict=True))) for s, b in known.items()}


def imagenet(folder: Path) -> tuple[Path, dict]:
    """A tar of a tar for each of three classes, in no order; what a size of 16 makes of it."""
    classes, images, labels = {}, [], []
    for label, wordnet in enumerate(('n01440764', 'n02119789', 'n03000684')):
        members = {}
        for number in (1, 2):
            photo = noise(10 * label + number, 24, 40, 3)
            members[f'{wordnet}_{number}.JPEG'] = png(photo)
            square = Image.fromarray(photo[:, 8:32])  # 24x24 in the middle
            images.append(np.asarray(square.resize((16, 16), Image.Resampling.BICUBIC)))
            labels.append(label)
        inner = write_tar(folder / f'{wordnet}.tar', dict([*members.items()][::-1]), 'w')
        classes[inner.name] = inner.read_bytes()
    path = write_tar(folder / 'ILSVRC2012_img_train.tar', dict([*classes.items()][::-1]), 'w')
    return path, {'train': (np.stack(images), labels)}


def celeb_a(folder: Path) -> tuple[Path, dict]:
    """Six photographs of 178x218 and their splits; what a size of 16 makes of them."""
    members, lines, known = {}, [], {}
    for number in range(6):
        name, split = f'{number + 1:06d}.jpg', (0, 1, 2)[number % 3]
        members[f'img_align_celeba/{name}'] = png(noise(number, 218, 178, 3), 'JPEG')
        lines.append(f'{name} {split}')
        photo = np.asarray(Image.open(io.BytesIO(members[f'img_align_celeba/{name}'])))
        square = Image.fromarray(photo[29:189, 9:169])  # 160x160 in the middle
        small = np.asarray(square.resize((16, 16), Image.Resampling.BICUBIC))
        known.setdefault(('train', 'validation', 'test')[split], []).append(small)
    write_zip(folder / 'img_align_celeba.zip', members)
    (folder / 'list_eval_partition.txt').write_text('\n'.join(lines) + '\n')
    return folder, {split: (np.stack(images), None) for split, images in known.items()}
