"""Images that are refused: all of them at once, or left out and listed."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from gan_jax import data, prepare
from gan_jax.data.pictures import bad
from gan_jax.runtime.errors import DATA, USAGE, UserError
from tests.data.archives.maker import lay, noise, png

ROOT = Path(__file__).parent.parent.parent.parent
GOOD = {f'{c}/{n}.png': png(noise(n, 8, 8, 3)) for c in 'ab' for n in range(4)}
# A header that is refused, pixels that are, and transparency, which is only seen in the pixels.
BAD = {
    'a/1.png': b'no image',
    'b/0.png': png(noise(1, 8, 8, 3))[:-60],
    'b/2.png': png(noise(2, 8, 8, 4)),
}
SENTENCES = ['a/1.png cannot be read', 'b/0.png cannot be read', 'b/2.png is transparent']


def made(place, files, form='folder'):
    return lay(place / ('set.zip' if form == 'zip' else 'set'), files)


def lines_of(path, **options):
    with pytest.raises(UserError) as caught:
        data.load(path, **options)
    assert caught.value.status == DATA
    return str(caught.value).split('\n')


@pytest.mark.parametrize('form', ['folder', 'zip'])
@pytest.mark.parametrize('size', [None, 4])
def test_all_faults_are_told_at_once(form, size, tmp_path):
    path = made(tmp_path, GOOD | BAD, form)
    *lines, last = lines_of(path, size=size)
    assert [path in line and s in line for line, s in zip(lines, SENTENCES, strict=True)] == [
        True
    ] * 3
    assert last == (
        f'3 of 8 images of {path} cannot be taken: repair them, leave them out, or have '
        'gan_jax.prepare leave them out by --max_bad=3'
    )


def test_also_those_that_differ_in_size_and_what_is_no_file(tmp_path):
    path = made(tmp_path, GOOD | BAD | {'b/3.png': png(noise(0, 9, 9, 3))})
    (tmp_path / 'set' / 'a' / 'link.png').symlink_to('nowhere')
    lines = lines_of(path)
    assert [s in line for s, line in zip(SENTENCES[:1], lines, strict=False)] == [True]
    assert 'a/link.png is a link that leads nowhere' in lines[1]
    assert all(s in line for s, line in zip(SENTENCES[1:], lines[2:], strict=False))
    assert '4 of 9 images' in lines[4]
    assert 'different sizes, a/0.png with 8x8 and b/3.png with 9x9' in lines[5]
    assert len(lines) == 6


def test_one_fault_has_the_same_advice(tmp_path):
    path = made(tmp_path, GOOD | {'a/1.png': b'no image'})
    assert lines_of(path) == [
        f'{path}: a/1.png cannot be read as an image: repair it or leave it out, or have '
        'gan_jax.prepare leave it out by --max_bad=1'
    ]


def test_what_may_be_left_out_is_no_fault_beside_another(tmp_path):
    """The advice to leave them out would be that which was followed."""
    path = made(tmp_path, GOOD | BAD | {'b/3.png': png(noise(0, 9, 9, 3))})
    flags = ['--dataset=own', f'--source={path}', f'--data_dir={tmp_path}/out', '--max_bad=3']
    with pytest.raises(UserError) as caught:
        prepare.main(flags)
    assert str(caught.value).startswith(f'{path} holds images of different sizes, a/0.png with ')
    assert prepare.main([*flags, '--size=4']) == 0


def test_of_many_the_first_are_told_and_their_number(tmp_path):
    files = {f'{n:03}.png': b'no image' for n in range(30)} | {'x.png': png(noise(0, 8, 8))}
    lines = lines_of(made(tmp_path, files))
    assert len(lines) == bad.SHOWN + 2
    assert lines[bad.SHOWN - 1].endswith(
        '019.png cannot be read as an image: repair it or leave it out'
    )
    assert lines[-2] == 'and 10 more'
    assert lines[-1].startswith('30 of 31 images of')


def test_no_more_sentences_are_kept_than_are_shown():
    """A million files that are no images are a million names, and no more."""

    def refuse(number):
        raise UserError(f'{number} is bad', DATA)

    for allowed, kept in ((0, bad.SHOWN), (5, bad.SHOWN), (30, 30)):
        found = bad.Bad(Path('x'), 100, allowed)
        for number in range(50):
            assert found.tried(f'{number:02}', refuse, number) is None
        assert len(found._sentences) == kept and len(found) == 50 and '49' in found
        with pytest.raises(UserError, match=f'and {50 - bad.SHOWN} more\n50 of 100 images'):
            found.check()


def test_when_all_are_bad_it_is_told_as_well(tmp_path):
    files = {f'{n}.png': b'no image' for n in range(3)}
    path = made(tmp_path, files)
    assert lines_of(path)[-1] == f'none of the 3 images of {path} can be taken: give others'
    with pytest.raises(UserError, match='none of the 3 images'):
        prepare.main(['--dataset=own', f'--source={path}', f'--data_dir={tmp_path}', '--max_bad=3'])


@pytest.mark.parametrize('form', ['folder', 'zip'])
def test_some_are_left_out_and_listed(form, tmp_path, capsys):
    path = made(tmp_path, GOOD | BAD, form)
    flags = ['--dataset=own', f'--source={path}', f'--data_dir={tmp_path}/out']
    with pytest.raises(UserError) as caught:
        prepare.main([*flags, '--max_bad=2'])
    assert '3 of 8 images' in str(caught.value) and ', and --max_bad is 2: ' in str(caught.value)
    assert not (tmp_path / 'out' / 'own').exists()
    assert prepare.main([*flags, '--max_bad=3']) == 0
    done = capsys.readouterr()
    for sentence in SENTENCES:
        assert f'gan_jax: left out: {path}: {sentence}' in done.err
    assert 'train: 5 images of 8x8x3, 2 classes (0 a, 1 b)' in done.out
    dataset = data.load('own', tmp_path / 'out')
    right = [('a', 0), ('a', 2), ('a', 3), ('b', 1), ('b', 3)]
    np.testing.assert_array_equal(dataset.images, [noise(n, 8, 8, 3) for _, n in right])
    assert dataset.labels.tolist() == ['ab'.index(c) for c, _ in right]
    info = json.loads((tmp_path / 'out' / 'own' / 'train' / 'info.json').read_text())
    assert [s in said for s, said in zip(SENTENCES, info['left_out'], strict=True)] == [True] * 3


def test_without_a_bad_image_none_is_left_out(tmp_path, capsys):
    flags = ['--dataset=own', f'--source={made(tmp_path, GOOD)}', f'--data_dir={tmp_path}/out']
    assert prepare.main([*flags, '--max_bad=3']) == 0
    assert capsys.readouterr().err == ''
    info = json.loads((tmp_path / 'out' / 'own' / 'train' / 'info.json').read_text())
    assert info['left_out'] == []


def test_only_images_can_be_left_out(tmp_path):
    np.savez(tmp_path / 'x.npz', images=noise(0, 3, 8, 8, 3))
    flags = [f'--data_dir={tmp_path}', '--max_bad=1']
    with pytest.raises(UserError, match='--max_bad is for a folder, .zip or .tar') as caught:
        prepare.main(['--dataset=own', f'--source={tmp_path}/x.npz', *flags])
    assert caught.value.status == USAGE
    with pytest.raises(UserError, match='--max_bad is -1: give an integer from 0'):
        prepare.main(['--dataset=own', f'--source={tmp_path}/x.npz', '--max_bad=-1'])


def test_what_the_disk_refuses_is_no_fault_of_an_image(tmp_path, monkeypatch):
    path = made(tmp_path, GOOD)
    opened = Path.open

    def denied(self, *arguments):  # whoever runs this may be root
        if self.name == '1.png':
            raise PermissionError(13, 'Permission denied', str(self))
        return opened(self, *arguments)

    monkeypatch.setattr(Path, 'open', denied)
    with pytest.raises(PermissionError):
        data.load(path)


# What is read all the same ------------------------------------------------------------------------


@pytest.mark.parametrize('packed', [True, False])
def test_a_long_text_beside_the_pixels_is_no_matter(packed, tmp_path):
    """As programs that make images keep their whole recipe in them."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text('workflow', 'x' * (5 << 20), zip=packed)
    image = noise(0, 8, 8, 3)
    path = made(tmp_path, {'1.png': png(image, pnginfo=texts)})
    np.testing.assert_array_equal(data.load(path).images[0], image)


def test_a_text_that_is_a_bomb_is_refused_by_name(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text('x', 'x' * (65 << 20), zip=True)
    path = made(tmp_path, {'1.png': png(noise(0, 8, 8, 3), pnginfo=texts)})
    assert lines_of(path) == [
        f'{path}: 1.png cannot be read as an image: repair it or leave it out'
    ]


def test_pillow_says_nothing_of_its_own(tmp_path):
    """Its warnings name files of its own code, and no image."""
    exif = Image.Exif()
    exif[0x010E] = 'x' * 100
    file = io.BytesIO()
    Image.fromarray(noise(0, 16, 16, 3)).save(file, 'JPEG', exif=exif.tobytes()[:-60])
    path = made(tmp_path, {f'{n}.jpg': file.getvalue() for n in range(4)})
    command = 'import sys; from gan_jax import data; print(len(data.load(sys.argv[1]).images))'
    done = subprocess.run(
        [sys.executable, '-c', command, path], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ('4\n', '')
