"""Folders, zips, tars and npz files as data sets: what is converted, and what is refused."""

import io
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from PIL import ExifTags, Image

from gan_jax import data
from gan_jax.data import pieces
from gan_jax.data.pictures import decode
from gan_jax.data.pictures.listing import Walk
from gan_jax.runtime.errors import DATA, MISSING, USAGE, UserError
from tests.data.archives.maker import noise, png, write_tar, write_zip


def make(place, files):
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return str(place)


def pictures(*names, side=8, channels=3):
    """name -> (a PNG, its pixels), each of its own."""
    shape = (side, side) if channels == 1 else (side, side, channels)
    arrays = {name: noise(seed, *shape) for seed, name in enumerate(names)}
    return {name: png(a) for name, a in arrays.items()}, arrays


CLASSES = ('b/2.png', 'b/10.png', 'a c/1.png', 'a/z.png', 'a/y.png')


def packed(kind, place, files):
    """The same files as a folder, zip or tar."""
    if kind == 'folder':
        return make(place / 'set', files)
    if kind == 'zip':
        return str(write_zip(place / 'set.zip', {'top/' + n: c for n, c in files.items()}))
    return str(write_tar(place / 'set.tar', {'./' + n: c for n, c in files.items()}, 'w'))


@pytest.mark.parametrize('kind', ['folder', 'zip', 'tar'])
def test_class_folders_make_labels_in_sorted_order(kind, tmp_path):
    files, arrays = pictures(*CLASSES)
    dataset = data.load(packed(kind, tmp_path, files))
    order = ['a/y.png', 'a/z.png', 'a c/1.png', 'b/10.png', 'b/2.png']
    np.testing.assert_array_equal(dataset.images, np.stack([arrays[n] for n in order]))
    assert dataset.labels.tolist() == [0, 0, 1, 2, 2]
    assert dataset.labels.dtype == np.int32
    assert dataset.num_classes == 3
    assert dataset.name.startswith(str(tmp_path))


@pytest.mark.parametrize('kind', ['folder', 'zip', 'tar'])
def test_a_flat_folder_has_no_labels(kind, tmp_path):
    files, arrays = pictures('2.png', '1.png', channels=1)
    dataset = data.load(packed(kind, tmp_path, files))
    assert dataset.labels is None
    assert dataset.num_classes == 0
    assert dataset.images.shape == (2, 8, 8, 1)
    np.testing.assert_array_equal(dataset.images[..., 0], [arrays['1.png'], arrays['2.png']])


def test_folders_above_all_images_count_for_nothing(tmp_path):
    files, _ = pictures('x/y/1.png', 'x/y/2.png')
    assert data.load(make(tmp_path, files)).labels is None


def test_train_and_test_folders_are_splits(tmp_path):
    files, arrays = pictures('train/a/1.png', 'train/b/2.png', 'test/b/3.png')
    path = make(tmp_path, files)
    train, test = data.load(path), data.load(path, split='test')
    assert train.labels.tolist() == [0, 1]
    assert test.labels.tolist() == [1]  # the class has one number in all splits
    assert train.num_classes == test.num_classes == 2
    np.testing.assert_array_equal(test.images[0], arrays['test/b/3.png'])
    with pytest.raises(UserError, match="has no split 'val'; known: test, train"):
        data.load(path, split='val')


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_folder_is_listed_once(split, tmp_path, monkeypatch):
    walked, own = [], Walk.names
    monkeypatch.setattr(Walk, 'names', lambda self: walked.append(self) or own(self))
    path = make(tmp_path, pictures('train/1.png', 'test/2.png')[0])
    if split == 'train':
        data.load(path)
    else:
        with pytest.raises(UserError, match="has no split 'val'"):
            data.load(path, split=split)
    assert len(walked) == 1


def test_a_class_called_test_is_no_split(tmp_path):
    for classes in (('test/1.png', 'rest/2.png'), ('test/1.png', 'val/2.png')):
        path = make(tmp_path / classes[1][:4], pictures(*classes)[0])
        assert sorted(data.load(path).labels) == [0, 1]


def test_images_beside_class_folders_are_refused(tmp_path):
    files, _ = pictures('a/1.png', 'b/2.png', '3.png')
    refused(make(tmp_path, files), '3.png beside the class folder of a/1.png')


def test_other_files_are_left_out_and_named(tmp_path, capsys):
    files, _ = pictures('1.png')
    hidden = {'.DS_Store': b'x', '.cache/2.png': b'x', '__MACOSX/1.png': b'x'}
    path = make(tmp_path, {**files, 'notes.txt': b'x', 'z.zip': b'x', **hidden})
    assert len(data.load(path).images) == 1
    assert '2 other files are left out, such as notes.txt' in capsys.readouterr().err


# Sizes -------------------------------------------------------------------------------------------


def refused(path, sentence, status=DATA, **options):
    with pytest.raises(UserError) as caught:
        data.load(path, **options)
    assert sentence in str(caught.value)
    assert '\n' not in str(caught.value)
    assert caught.value.status == status


def test_mixed_sizes_need_a_size(tmp_path):
    files = {'a.png': png(noise(0, 8, 8, 3)), 'b.png': png(noise(1, 6, 10, 3))}
    path = make(tmp_path, files)
    refused(path, 'different sizes, a.png with 8x8 and b.png with 6x10: give the size')
    dataset = data.load(path, size=4)
    square = Image.fromarray(noise(1, 6, 10, 3)[:, 2:8])
    expected = np.asarray(square.resize((4, 4), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(dataset.images[1], expected)


def test_what_is_no_square_is_kept_or_cropped_to_the_proportions_of_a_size(tmp_path):
    pixels = noise(0, 9, 6, 3)
    path = make(tmp_path, {'a.png': png(pixels)})
    np.testing.assert_array_equal(data.load(path).images, pixels[None])
    np.testing.assert_array_equal(data.load(path, size=6).images, pixels[None, 1:7])
    middle = Image.fromarray(pixels[3:6]).resize((4, 2), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(data.load(path, size=(2, 4)).images, np.asarray(middle)[None])


@pytest.mark.parametrize('kind', ['JPEG', 'WEBP', 'PNG'])
def test_an_image_that_its_orientation_turns_has_the_size_that_is_shown(kind, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = {
        f'{name}.{kind}': saved(Image.fromarray(noise(0, 4, 8)), kind, exif=exif) for name in 'ab'
    }
    assert data.load(make(tmp_path / 'turned', files)).images.shape[1:3] == (8, 4)
    plain = {f'c.{kind}': saved(Image.fromarray(noise(0, 4, 8)), kind)}
    refused(make(tmp_path / 'both', files | plain), 'different sizes')


def test_an_orientation_that_comes_after_the_pixels_is_refused_where_sizes_differ(tmp_path):
    """A PNG may say it at its end; the header is read without the pixels."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = saved(Image.fromarray(noise(0, 4, 8)), exif=exif)
    start = content.index(b'eXIf') - 4
    length = int.from_bytes(content[start : start + 4], 'big') + 12
    end = content.index(b'IEND') - 4
    late = content[:start] + content[start + length : end] + content[start : start + length]
    path = make(tmp_path, {'a.png': late + content[end:]})
    refused(path, 'is turned by its EXIF orientation and has 8x4 pixels')
    assert data.load(path, size=(8, 4)).images.shape == (1, 8, 4, 1)


# Modes -------------------------------------------------------------------------------------------


def one(tmp_path, content, name='x.png', **options):
    return data.load(make(tmp_path, {name: content}), **options).images[0]


def saved(image, kind='PNG', **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_grey_among_colour_becomes_colour_and_is_said(tmp_path, capsys):
    grey = noise(0, 8, 8)
    path = make(tmp_path, {'a.png': png(noise(1, 8, 8, 3)), 'b.png': png(grey)})
    images = data.load(path).images
    np.testing.assert_array_equal(images[1], np.stack([grey] * 3, axis=-1))
    assert '1 image is grey and becomes colour, such as b.png' in capsys.readouterr().err


def test_one_bit_is_black_and_white(tmp_path):
    bits = noise(0, 8, 8) > 127
    image = one(tmp_path, saved(Image.fromarray(bits)))
    np.testing.assert_array_equal(image[..., 0], 255 * bits.astype(np.uint8))


@pytest.mark.parametrize('kind', ['BMP', 'GIF', 'PNG', 'JPEG', 'WEBP'])
@pytest.mark.parametrize('channels', [1, 3])
def test_sides_and_rows_of_any_length(kind, channels, tmp_path):
    """A row of 16, 160 or 216 bytes is not one of 16 bits."""
    for side in (4, 16, 54, 72, 160, 161):
        array = np.full((side, side) if channels == 1 else (side, side, 3), 200, np.uint8)
        file = {f'{side}.{kind.lower()}': png(array, kind)}
        images = data.load(make(tmp_path / str(side), file)).images
        assert images.shape[1:3] == (side, side)
        assert abs(images.astype(int) - 200).max() <= 2


def test_a_palette_becomes_its_colours(tmp_path):
    palette = Image.fromarray(noise(0, 8, 8) % 4, 'L').convert('P')
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    image = one(tmp_path, saved(palette))
    index = noise(0, 8, 8) % 4
    np.testing.assert_array_equal(image[..., 0], 10 + 30 * index)
    np.testing.assert_array_equal(image[..., 2], 30 + 30 * index)


def test_cmyk_becomes_rgb(tmp_path):
    cyan = Image.new('CMYK', (8, 8), (255, 0, 0, 0))
    image = one(tmp_path, saved(cyan, 'JPEG', quality=100), 'x.jpg')
    assert abs(image.astype(int) - [0, 255, 255]).max() <= 3


def test_opaque_alpha_is_dropped(tmp_path):
    array = noise(0, 8, 8, 3)
    rgba = np.concatenate([array, np.full((8, 8, 1), 255, np.uint8)], axis=-1)
    np.testing.assert_array_equal(one(tmp_path, png(rgba)), array)


def test_orientation_is_applied(tmp_path):
    wide = Image.fromarray(np.repeat(np.arange(0, 160, 10, dtype=np.uint8)[None], 16, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    image = one(tmp_path, saved(wide, 'PNG', exif=exif))
    np.testing.assert_array_equal(image[..., 0], np.rot90(np.asarray(wide), -1))


def transparent():
    return png(np.concatenate([noise(0, 8, 8, 3), np.full((8, 8, 1), 254, np.uint8)], axis=-1))


def grey_transparent():
    return saved(Image.fromarray(noise(0, 8, 8)), transparency=int(noise(0, 8, 8)[0, 0]))


def animated(kind):
    frames = [Image.fromarray(noise(seed, 8, 8, 3)) for seed in range(3)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ('name', 'content', 'sentence'),
    [
        ('rgba.png', transparent(), 'is transparent in places'),
        ('grey.png', grey_transparent(), 'is transparent in places'),
        ('move.gif', animated('GIF'), 'has 3 frames'),
        ('move.png', animated('PNG'), 'has 3 frames'),
        ('move.webp', animated('WEBP'), 'has 3 frames'),
        ('cut.png', png(noise(0, 64, 64, 3))[:-2000], 'cannot be read as an image'),
        ('cut.jpg', png(noise(0, 64, 64, 3), 'JPEG')[:-800], 'cannot be read as an image'),
        ('text.png', b'<html>not found</html>', 'cannot be read as an image'),
        ('empty.png', b'', 'cannot be read as an image'),
    ],
)
@pytest.mark.parametrize('kind', ['folder', 'zip'])
def test_what_cannot_be_taken_as_it_is_is_refused(kind, name, content, sentence, tmp_path):
    path = packed(kind, tmp_path, {'a.png': png(noise(9, 8, 8, 3)), name: content})
    refused(path, f'{name} {sentence}', size=8)


def test_a_decompression_bomb_is_refused_unread(tmp_path):
    bomb = saved(Image.new('L', (12_000, 12_000)))
    assert len(bomb) < 1_000_000
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # the sentence is all that is said
        refused(make(tmp_path, {'a.png': bomb}), 'a.png has 12000x12000 pixels, too many', size=8)


def test_a_file_that_is_far_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, 'LARGEST_FILE', 100)
    refused(make(tmp_path, {'a.png': png(noise(0, 8, 8, 3))}), 'a.png has more than 100 bytes')


def test_of_a_stereo_photograph_the_first_picture_is_taken(tmp_path):
    left, right = (Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (50, 200))
    content = saved(left, 'MPO', save_all=True, append_images=[right])
    assert abs(one(tmp_path, content, 'x.jpg').astype(int) - 50).max() <= 2


@pytest.mark.parametrize(('limit', 'value'), [('CHUNK', 4), ('DECODED', 5 * 8 * 8 * 3 - 1)])
def test_chunks_keep_the_order_and_a_size(monkeypatch, limit, value):
    monkeypatch.setattr(pieces, limit, value)
    files, arrays = pictures(*(f'{n:02}.png' for n in range(9)))
    items = [(io.BytesIO(c), n) for n, c in files.items()]

    def pixels(file, name):
        return decode.pixels(file, name, channels=3, size=None)

    chunks = list(decode.in_chunks(items, pixels))
    assert [len(c) for c in chunks] == [1, 4, 4]
    np.testing.assert_array_equal(np.concatenate(chunks), np.stack([*arrays.values()]))


# Places ------------------------------------------------------------------------------------------


def test_places_without_images_are_refused(tmp_path):
    refused(f'{tmp_path}/none', 'does not exist', MISSING)
    (tmp_path / 'empty').mkdir()
    refused(f'{tmp_path}/empty', 'holds no images: put some there, .png, .jpg', MISSING)
    write_zip(tmp_path / 'empty.zip', {})
    refused(f'{tmp_path}/empty.zip', 'holds no images', MISSING)
    (tmp_path / 'a.zip').write_bytes(b'no zip')
    refused(f'{tmp_path}/a.zip', 'is damaged')
    refused(f'{tmp_path}/a.zip/x', 'does not exist', MISSING)
    (tmp_path / 'file').write_bytes(b'')
    refused(f'{tmp_path}/file', 'is no folder, .zip, .tar or .npz')
    with pytest.raises(UserError) as caught:
        data.load(f'{tmp_path}/empty', size=0)
    assert caught.value.status == USAGE


def test_an_archive_with_two_files_of_one_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        archive.writestr('1.png', png(noise(0, 8, 8, 3)))
        archive.writestr('1.png', png(noise(1, 8, 8, 3)))
    refused(f'{tmp_path}/a.zip', 'two files of one name')


def test_links_in_a_tar_are_left_out(tmp_path):
    write_tar(tmp_path / 'a.tar', {'1.png': png(noise(0, 8, 8, 3))}, 'w')
    with tarfile.open(tmp_path / 'a.tar', 'a') as archive:
        info = tarfile.TarInfo('2.png')
        info.type, info.linkname = tarfile.SYMTYPE, '/etc/passwd'
        archive.addfile(info)
    assert len(data.load(f'{tmp_path}/a.tar').images) == 1


def test_a_flipped_byte_in_a_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / 'a.zip', {'1.bmp': png(noise(0, 32, 32, 3), 'BMP')})
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    refused(str(path), f'{path}: 1.bmp cannot be read')


def test_what_does_not_fit_in_memory_is_to_be_prepared(tmp_path, monkeypatch):
    files, _ = pictures('1.png', '2.png')
    path = make(tmp_path, files)
    monkeypatch.setattr(data, 'MEMORY', 2 * 8 * 8 * 3 - 1)
    refused(path, f'prepare it once, python -m gan_jax.prepare --dataset=A_NAME --source={path}')
    assert len(data.load(path, size=7).images) == 2


# npz ---------------------------------------------------------------------------------------------


def test_npz(tmp_path):
    images = noise(0, 5, 8, 8, 3)
    np.savez_compressed(tmp_path / 'a.npz', images=images, labels=[0, 1, 4, 0, 1])
    dataset = data.load(f'{tmp_path}/a.npz')
    np.testing.assert_array_equal(dataset.images, images)
    assert dataset.labels.tolist() == [0, 1, 4, 0, 1]
    assert dataset.labels.dtype == np.int32
    assert dataset.num_classes == 5
    np.savez(tmp_path / 'b.npz', images=images)
    assert data.load(f'{tmp_path}/b.npz').labels is None


@pytest.mark.parametrize('name', ['label', 'Labels', 'y', 'targets', 'classes', 'whatever'])
def test_labels_that_are_called_otherwise_are_no_silent_loss(name, tmp_path):
    arrays = {'images': noise(0, 3, 8, 8, 3), 'weight': np.ones(3), 'rows': np.zeros((3, 2), int)}
    np.savez(tmp_path / 'a.npz', **arrays, **{name: np.arange(3)})
    refused(f'{tmp_path}/a.npz', f"holds no array 'labels' but '{name}': if that is the labels")
    np.savez(tmp_path / 'a.npz', **arrays, **{name: np.arange(3)}, labels=[0, 1, 0])
    assert data.load(f'{tmp_path}/a.npz').num_classes == 2


def test_other_arrays_of_an_npz_are_left_out_and_named(tmp_path, capsys):
    arrays = {'images': noise(0, 3, 8, 8, 3), 'mean': np.ones(3), 'licence': np.array('mine')}
    np.savez(tmp_path / 'a.npz', **arrays, objects=np.array([Canary()] * 3))
    assert data.load(f'{tmp_path}/a.npz').labels is None
    said = capsys.readouterr()
    assert '3 other arrays are left out, such as mean' in said.err and 'canary' not in said.out


def test_labels_from_1_on_leave_a_class_empty_and_it_is_said(tmp_path, capsys):
    np.savez(tmp_path / 'a.npz', images=noise(0, 4, 8, 8, 3), labels=[1, 2, 3, 4])
    assert data.load(f'{tmp_path}/a.npz').num_classes == 5
    assert 'of 5 classes 1 have no image to train on: 0\n' in capsys.readouterr().err


def test_npz_is_cropped_and_resized(tmp_path):
    images = noise(0, 2, 8, 12, 1)
    np.savez(tmp_path / 'a.npz', images=images)
    np.testing.assert_array_equal(data.load(f'{tmp_path}/a.npz').images, images)
    expected = data.resize.resize(images[:, :, 2:10], 4)
    np.testing.assert_array_equal(data.load(f'{tmp_path}/a.npz', size=4).images, expected)


class Canary:
    def __reduce__(self):
        return (print, ('canary',))


@pytest.mark.parametrize(
    ('arrays', 'sentence'),
    [
        (dict(x_train=noise(0, 2, 8, 8, 3)), "holds no array 'images' but x_train"),
        (dict(images=noise(0, 2, 8, 8, 3) / 255), 'got float64 [2, 8, 8, 3]'),
        (dict(images=noise(0, 2, 8, 8, 3).astype(np.int16)), 'got int16 [2, 8, 8, 3]'),
        (dict(images=noise(0, 2, 8, 8)), 'got uint8 [2, 8, 8]'),
        (dict(images=noise(0, 2, 8, 8, 4)), 'got uint8 [2, 8, 8, 4]'),
        (dict(images=noise(0, 0, 8, 8, 3)), 'got uint8 [0, 8, 8, 3]'),
        (dict(images=np.asfortranarray(noise(0, 2, 8, 8, 3))), 'columns first'),
        (dict(images=np.array([Canary()])), 'holds Python objects'),
        (dict(images=noise(0, 2, 8, 8, 3), labels=[0, 1, 2]), "'labels' must be integers [2]"),
        (dict(images=noise(0, 2, 8, 8, 3), labels=[0.0, 1.0]), "'labels' must be integers [2]"),
        (dict(images=noise(0, 2, 8, 8, 3), labels=[0, -1]), "'labels' must count from 0"),
        (dict(images=noise(0, 2, 8, 8, 3), labels=np.array([Canary()] * 2)), 'Python objects'),
    ],
)
def test_an_npz_that_is_no_data_set_is_refused(arrays, sentence, tmp_path, capsys):
    np.savez(tmp_path / 'a.npz', **arrays)
    refused(f'{tmp_path}/a.npz', sentence)
    assert 'canary' not in capsys.readouterr().out


def test_an_npz_that_is_longer_than_it_declares_is_refused(tmp_path):
    file = io.BytesIO()
    np.save(file, noise(0, 2, 8, 8, 3))
    write_zip(tmp_path / 'a.npz', {'images.npy': file.getvalue() + b'x'})
    refused(f'{tmp_path}/a.npz', 'is longer than it declares')
    write_zip(tmp_path / 'a.npz', {'images.npy': file.getvalue()[:-1]})
    refused(f'{tmp_path}/a.npz', 'is cut short')
    write_zip(tmp_path / 'a.npz', {'images.npy': b'x'})
    refused(f'{tmp_path}/a.npz', "'images' is no array")


def test_a_damaged_npz_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', images=noise(0, 20, 8, 8, 3))
    content = bytearray((tmp_path / 'a.npz').read_bytes())
    content[2000] ^= 1
    (tmp_path / 'a.npz').write_bytes(content)
    refused(f'{tmp_path}/a.npz', 'damaged')
    (tmp_path / 'a.npz').write_bytes(b'')
    refused(f'{tmp_path}/a.npz', 'damaged')
    refused(f'{tmp_path}/b.npz', 'does not exist', MISSING)
