"""The table of data sets that are made from publishers' archives: files, addresses and readers.

Sizes and SHA-256 are from tensorflow-datasets 4.9, which records them for the same files. Addresses
without https are the publishers' only ones; the SHA-256 is compared after a download. A file
without an address is not given out freely, or not to programs.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gan_jax.data.archives import cifar, faces, idx, imagenet, lsun, names, stl10, svhn
from gan_jax.data.pieces import Content, Piece
from gan_jax.data.resize import Size

Shape = tuple[int, int, int]


class File(NamedTuple):
    """One published file."""

    name: str
    size: int  # bytes
    sha256: str
    url: str = ''


class Archive(NamedTuple):
    """A data set of published files.

    Attributes:
        files: all that are needed.
        read: (path of each file by its published name, size of the images or None) -> pieces.
        num_classes: labels are in [0, num_classes); 0 without labels.
        photographs: whether images come in many sizes, so that `size` must be given.
        channels: of the images.
        page: the page on which a person gets the files without an address.
        class_names: as the publisher calls them.
        read_class_names: paths as for `read` -> the names of the classes in the archive; None if
            the archive names none.
    """

    files: tuple[File, ...]
    read: Callable[[Mapping[str, Path], Size | None], Iterator[Piece]]
    num_classes: int
    photographs: bool = False
    channels: int = 3
    page: str = ''
    class_names: tuple[str, ...] | None = None
    read_class_names: Callable[[Mapping[str, Path]], tuple[str, ...]] | None = None


def _mnist_family(
    address: str, *contents: tuple[int, str], class_names: tuple[str, ...] = names.DIGITS
) -> Archive:
    called = [
        f'{s}-{k}-ubyte.gz' for s in ('train', 't10k') for k in ('images-idx3', 'labels-idx1')
    ]
    files = (File(n, *c, f'{address}/{n}') for n, c in zip(called, contents, strict=True))
    return Archive(tuple(files), idx.read_mnist, 10, channels=1, class_names=class_names)


IMAGENET = 'https://image-net.org/download-images (after registration)'

ARCHIVES = {
    'cifar10': Archive(
        (
            File(
                'cifar-10-binary.tar.gz',
                170_052_171,
                'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
                'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
            ),
        ),
        cifar.read_cifar10,
        10,
        class_names=names.CIFAR_10,
    ),
    'cifar100': Archive(
        (
            File(
                'cifar-100-binary.tar.gz',
                168_513_733,
                '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
                'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
            ),
        ),
        cifar.read_cifar100,
        100,
        class_names=names.CIFAR_100,
    ),
    'mnist': _mnist_family(
        'https://storage.googleapis.com/cvdf-datasets/mnist',
        (9_912_422, '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609'),
        (28_881, '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c'),
        (1_648_877, '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6'),
        (4_542, 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'),
    ),
    'fashion_mnist': _mnist_family(
        'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com',
        (26_421_880, '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84'),
        (29_515, 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'),
        (4_422_102, '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'),
        (5_148, '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'),
        class_names=names.FASHION_MNIST,
    ),
    'kmnist': _mnist_family(
        'http://codh.rois.ac.jp/kmnist/dataset/kmnist',
        (18_165_135, '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4'),
        (29_497, 'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17'),
        (3_041_136, 'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5'),
        (5_120, '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c'),
        class_names=names.KMNIST,
    ),
    'emnist': Archive(
        (
            File(
                'gzip.zip',
                561_753_746,
                'fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e',
                'https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip',
            ),
        ),
        idx.read_emnist,
        47,
        channels=1,
        class_names=names.EMNIST,
    ),
    'stl10': Archive(
        (
            File(
                'stl10_binary.tar.gz',
                2_640_397_119,
                'f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866',
                'http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz',
            ),
        ),
        stl10.read_stl10,
        10,
        class_names=names.STL_10,
    ),
    'svhn': Archive(
        (
            File(
                'train_32x32.mat',
                182_040_794,
                '435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8',
                'http://ufldl.stanford.edu/housenumbers/train_32x32.mat',
            ),
            File(
                'test_32x32.mat',
                64_275_384,
                'cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b',
                'http://ufldl.stanford.edu/housenumbers/test_32x32.mat',
            ),
        ),
        svhn.read_svhn,
        10,
        class_names=names.DIGITS,
    ),
    'celeb_a': Archive(
        (
            File(
                'img_align_celeba.zip',
                1_443_490_838,
                '46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74',
            ),
            File(
                'list_eval_partition.txt',
                2_836_386,
                'fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7',
            ),
        ),
        faces.read_celeba,
        0,
        photographs=True,
        page='https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html',
    ),
    'imagenet': Archive(
        (
            File(
                'ILSVRC2012_img_train.tar',
                147_897_477_120,
                'b08200a27a8e34218a0e58fde36b0fe8f73bc377f4acea2d91602057c3ca45bb',
            ),
        ),
        imagenet.read_imagenet,
        1000,
        photographs=True,
        page=IMAGENET,
        read_class_names=imagenet.class_names,
    ),
    'imagenet32': Archive(
        (
            File(
                'Imagenet32_train_npz.zip',
                3_580_435_279,
                '94226337ecc1b0309d9fcd0167127aaadc931587035fbcb53925235edbaec4fc',
            ),
            File(
                'Imagenet32_val_npz.zip',
                139_697_668,
                '013990e6dec1237dcd1f9beadbab81ead6604cc119af5cacbfb59ae28148377a',
            ),
        ),
        imagenet.read_small_imagenet,
        1000,
        page=IMAGENET,
    ),
    'imagenet64': Archive(
        (
            File(
                'Imagenet64_train_part1_npz.zip',
                6_783_426_789,
                '9422dc1dc5d092e9814a70a1cb7fc74880d2db5d88a0cb8a34ee363b12bde3f1',
            ),
            File(
                'Imagenet64_train_part2_npz.zip',
                6_780_506_068,
                '9fafc115afb7e6c301e66dc16b2d737152b427bd5dab26e1293487a6819c7f30',
            ),
            File(
                'Imagenet64_val_npz.zip',
                529_522_927,
                'e1e75133158a1924135a9c6f97a80d2d237b158945e0b34074e58e6c8430eeb8',
            ),
        ),
        imagenet.read_small_imagenet,
        1000,
        page=IMAGENET,
    ),
}

# Data sets without one published archive: read from any folder or archive of their images.
FOLDERS: dict[str, Callable[[Path, int | None, int], tuple[Content, Shape]]] = {
    'celeb_a_hq': faces.open_celeba_hq,
    'ffhq': faces.open_ffhq,
    'lsun': lsun.open_lsun,
}
