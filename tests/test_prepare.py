"""python -m gan_jax.prepare: archives, folders, downloads; one sentence and a status on faults."""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import data, prepare, train
from gan_jax.data import prepared, sampler, sources, stream
from gan_jax.data.archives import table
from gan_jax.experiment import setup
from gan_jax.runtime import checkpoint, cli, signals
from gan_jax.runtime.errors import BUSY, DATA, MISSING, UNWRITABLE, USAGE
from tests import small
from tests.data.archives import maker as made
from tests.data.archives.maker import noise, png, write_zip
from tests.data.tfds.maker import make_both

SMOKE = Path(__file__).parent / 'smoke.py'


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(flags...) -> (status, out, err), with --data_dir in the test's folder."""

    def command(*flags):
        monkeypatch.setattr(sys, 'argv', ['prepare', f'--data_dir={tmp_path / "out"}', *flags])
        with pytest.raises(SystemExit) as caught:
            cli.run(prepare.main)
        done = capsys.readouterr()
        assert 'Traceback' not in done.err
        return caught.value.code, done.out, done.err

    return command


@pytest.fixture
def published(tmp_path, monkeypatch):
    """An archive that the table takes for the published CIFAR-10, and an address that has none."""
    path, known = made.cifar10(tmp_path, per_batch=10)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (file,) = table.ARCHIVES['cifar10'].files
    file = file._replace(size=path.stat().st_size, sha256=digest, url='http://127.0.0.1:9/none')
    archive = table.ARCHIVES['cifar10']._replace(files=(file,))
    monkeypatch.setitem(table.ARCHIVES, 'cifar10', archive)
    return path, known


def failed(result, status, *parts):
    """One sentence, that status."""
    code, _, err = result
    assert code == status
    assert err.count('\n') == 1, err
    for part in parts:
        assert part in err


def test_the_whole_way_through_the_command(tmp_path):
    source, known = made.cifar10(tmp_path)  # 600 images
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'gan_jax.prepare', '--dataset=cifar10', f'--source={source}']
    done = subprocess.run([*command, f'--data_dir={out}'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f'{out}/cifar10/train: 500 images of 32x32x3, 10 classes (0 airplane,' in done.stdout
    assert done.stderr.count('\n') == 1
    assert 'not the published cifar-10-binary.tar.gz, by SHA-256: taken as given' in done.stderr
    for split, (images, labels) in known.items():
        dataset = data.load('cifar10', out, split)
        np.testing.assert_array_equal(dataset.images, images)
        np.testing.assert_array_equal(dataset.labels, labels)
    (said,) = json.loads((out / 'cifar10' / 'train' / 'info.json').read_text())['sources']
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert said == {
        'file': 'cifar-10-binary.tar.gz',
        'bytes': source.stat().st_size,
        'sha256': digest,
        'published_name': 'cifar-10-binary.tar.gz',
        'published': False,
    }


def test_the_published_file_is_taken_without_a_word(run, published, tmp_path):
    code, out, err = run('--dataset=cifar10', f'--source={published[0]}')
    assert (code, err) == (0, '')
    assert out.count('\n') == 2
    info = json.loads((tmp_path / 'out/cifar10/test/info.json').read_text())
    assert info['sources'][0]['published'] is True


def test_preparing_twice_says_so_and_changes_nothing(run, published, tmp_path):
    flags = ('--dataset=cifar10', f'--source={published[0]}')
    run(*flags)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / 'out' / 'cifar10').rglob('*')}
    for again in (flags, flags[:1]):
        code, out, err = run(*again)
        assert (code, err) == (0, '')
        assert 'was prepared already; remove it to prepare it anew' in out
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / 'out' / 'cifar10').rglob('*')} == before
    failed(run(*flags, '--size=16'), USAGE, 'is prepared with 32 pixels, not 16')
    digest = hashlib.sha256(published[0].read_bytes()).hexdigest()[:8]
    other, _ = made.cifar10(tmp_path, per_batch=11)
    others = hashlib.sha256(other.read_bytes()).hexdigest()[:8]
    was, now = f'bytes, SHA-256 {digest}), and', f'bytes, SHA-256 {others}): leave out --source'
    failed(run(*flags[:1], f'--source={other}'), DATA, 'is prepared from cifar-10', was, now)


def test_size(run, published, tmp_path):
    assert run('--dataset=cifar10', f'--source={published[0]}', '--size=16')[0] == 0
    images = data.load('cifar10', tmp_path / 'out').images
    expected = data.resize.resize(published[1]['train'][0], 16)
    np.testing.assert_array_equal(images, expected)


def test_a_size_of_two_numbers_is_height_and_width(run, published, tmp_path):
    flags = ('--dataset=cifar10', f'--source={published[0]}')
    out = run(*flags, '--size=8x16')[1]
    assert 'images of 8x16x3, 10 classes' in out
    found = data.load('cifar10', tmp_path / 'out')
    expected = data.resize.fitted(published[1]['train'][0], (8, 16))
    np.testing.assert_array_equal(found.images, expected)
    info = json.loads((tmp_path / 'out' / 'cifar10' / 'train' / 'info.json').read_text())
    assert info['made']['size'] == [8, 16]
    assert info['made']['resize'].startswith('the largest part of these proportions in the middle')
    assert run(*flags, '--size=8x16')[0] == 0
    failed(run(*flags, '--size=16x8'), USAGE, 'is prepared with 8x16 pixels, not 16x8')
    failed(run(*flags, '--to=zip'), USAGE, 'squares whose side', 'have 8x16 pixels', '--size=8 or')


def test_a_square_of_two_numbers_is_a_square(run, published, tmp_path):
    assert run('--dataset=cifar10', f'--source={published[0]}', '--size=16x16')[0] == 0
    info = json.loads((tmp_path / 'out' / 'cifar10' / 'train' / 'info.json').read_text())
    assert info['made']['size'] == 16
    assert info['made']['resize'] == 'the square in the middle, bicubic, antialiased'


def test_an_empty_name_is_no_source(run, tmp_path, monkeypatch):
    """As a path it would be this folder, with whatever images lie there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / '1.png').write_bytes(png(noise(0, 4, 4, 3)))
    status, _, said = run('--dataset=mine', '--source=')
    assert status == USAGE and '--source names nothing' in said
    assert not (tmp_path / 'out').exists()


# Checksums ---------------------------------------------------------------------------------------


def test_a_damaged_copy_of_the_published_file(run, published, tmp_path):
    content = bytearray(published[0].read_bytes())
    content[-1] ^= 1
    published[0].write_bytes(content)
    failed(
        run('--dataset=cifar10', f'--source={published[0]}'), DATA, 'is damaged: it has the size'
    )
    assert not (tmp_path / 'out' / 'cifar10').exists()


def test_a_damaged_file_is_one_sentence(run, tmp_path):
    source, _ = made.cifar10(tmp_path, per_batch=10)
    source.write_bytes(source.read_bytes()[:-3000])
    failed(run('--dataset=cifar10', f'--source={source}'), DATA, 'damaged')
    assert [*os.listdir(tmp_path / 'out')] == ['.cifar10.lock']


def test_a_demanded_checksum(run, tmp_path):
    source, _ = made.cifar10(tmp_path, per_batch=10)
    flags = ('--dataset=cifar10', f'--source={source}')
    failed(run(*flags, f'--sha256={"0" * 64}'), DATA, 'has the SHA-256', 'get it again')
    assert not (tmp_path / 'out' / 'cifar10').exists()
    digest = hashlib.sha256(source.read_bytes()).hexdigest().upper()
    assert run(*flags, f'--sha256={digest}')[0] == 0


# Downloads ---------------------------------------------------------------------------------------


def test_a_download_is_kept_and_used_again(run, published, tmp_path, monkeypatch):
    def download(url, path, *, size, sha256, advance):
        asked.append(url)
        advance(size)
        path.write_bytes(published[0].read_bytes())

    asked = []
    monkeypatch.setattr(sources, 'download', download)
    code, out, _ = run('--dataset=cifar10')
    assert code == 0
    assert out.startswith('downloading cifar-10-binary.tar.gz, ')
    assert (tmp_path / 'out/downloads/cifar10/cifar-10-binary.tar.gz').exists()
    np.testing.assert_array_equal(
        data.load('cifar10', tmp_path / 'out').images, published[1]['train'][0]
    )
    shutil.rmtree(tmp_path / 'out' / 'cifar10')
    assert run('--dataset=cifar10')[0] == 0
    assert len(asked) == 1


def test_a_download_that_is_cut_leaves_no_data_set(run, published, tmp_path, monkeypatch):
    monkeypatch.setattr('gan_jax.data.archives.download.WAIT', 0)
    failed(run('--dataset=cifar10'), MISSING, '127.0.0.1:9/none cannot be downloaded', '--source')
    assert not (tmp_path / 'out' / 'cifar10').exists()


def test_what_cannot_be_downloaded_says_where_it_is(run):
    failed(run('--dataset=celeb_a', '--size=64'), MISSING, 'img_align_celeba.zip', 'mmlab.ie.cuhk')
    failed(run('--dataset=imagenet', '--size=64'), MISSING, 'ILSVRC2012_img_train.tar', 'image-net')
    failed(run('--dataset=lsun', '--size=64'), MISSING, 'give a folder, .zip, .tar or .npz')


# Images ------------------------------------------------------------------------------------------


def photos(place, *names):
    for seed, name in enumerate(names):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(png(noise(seed, 20, 24, 3)))
    return place


def test_a_folder_under_a_name_of_ones_own(run, tmp_path):
    source = photos(tmp_path / 'photos', 'cat/1.png', 'dog/2.png', 'cat/3.png')
    code, out, err = run('--dataset=pets', f'--source={source}', '--size=16')
    assert (code, err) == (0, '')
    assert 'train: 3 images of 16x16x3, 2 classes' in out
    there = data.load('pets', tmp_path / 'out')
    direct = data.load(str(source), size=16)
    assert data.digest(there) == data.digest(direct)
    assert run('--dataset=pets', f'--source={source}', '--size=16')[0] == 0
    (source / 'dog' / '4.png').write_bytes(png(noise(4, 20, 24, 3)))
    failed(run('--dataset=pets', f'--source={source}'), DATA, 'is prepared from photos (')


def test_a_folder_whose_broken_file_was_removed_is_told_by_what_differs(run, tmp_path):
    source = photos(tmp_path / 'photos', 'cat/1.png', 'dog/2.png')
    flags = ('--dataset=pets', f'--source={source}', '--max_bad=1')
    whole = sum(file.stat().st_size for file in source.rglob('*.png'))
    (source / 'dog' / '3.png').write_bytes(b'damaged')
    assert run(*flags)[0] == 0
    (source / 'dog' / '3.png').unlink()
    refused = run(*flags)
    was, now = (f'photos ({n:,} bytes of files, names' for n in (whole + len(b'damaged'), whole))
    failed(refused, DATA, f'is prepared from {was}', f'and --source is {now}')
    assert run(*flags[:1])[0] == 0  # as the sentence says


def test_an_npz_under_a_name_of_ones_own(run, tmp_path):
    np.savez(tmp_path / 'a.npz', images=noise(0, 6, 8, 12, 1), labels=[0, 1, 2, 0, 1, 2])
    assert run('--dataset=mine', f'--source={tmp_path}/a.npz', '--size=4')[0] == 0
    there = data.load('mine', tmp_path / 'out')
    assert data.digest(there) == data.digest(data.load(f'{tmp_path}/a.npz', size=4))
    assert there.num_classes == 3


@pytest.mark.slow
def test_what_is_too_large_for_memory_trains_alike_from_the_disk(run, tmp_path, monkeypatch):
    """The shipped digits under another name: stopped and resumed, they give the same bits."""
    images, labels, *_ = data.load('digits')
    np.savez(tmp_path / 'a.npz', images=images, labels=labels)
    assert run('--dataset=mine', f'--source={tmp_path}/a.npz')[0] == 0
    monkeypatch.setattr(prepared, 'MEMORY', 1000)
    assert isinstance(data.load('mine', tmp_path / 'out', size=16).images, np.memmap)

    def trained(name, steps):
        flags = [f'data.name={name}', f'data.dir={tmp_path}/out', f'steps={steps}']
        flags = [f'--config.{flag}' for flag in [*flags, 'evaluate.metrics=']]
        train.main([f'--config={SMOKE}', f'--workdir={tmp_path / name}', *flags])
        return checkpoint._record(tmp_path / name / 'checkpoints', steps)['leaves']

    trained('mine', 1)
    assert trained('mine', 2) == trained('digits', 2)


def test_a_data_set_called_part_outlives_its_neighbour(run, tmp_path):
    source = photos(tmp_path / 'photos', 'cat/1.png', 'dog/2.png')
    for name in ('mine.part', 'mine'):
        assert run(f'--dataset={name}', f'--source={source}', '--size=16')[0] == 0
    (tmp_path / 'photos' / 'cat' / '1.png').write_bytes(b'damaged')
    shutil.rmtree(tmp_path / 'out' / 'mine')
    failed(run('--dataset=mine', f'--source={source}', '--size=16'), DATA, '1.png cannot be read')
    assert len(data.load('mine.part', tmp_path / 'out').images) == 2
    assert {*os.listdir(tmp_path / 'out')} == {'mine.part', '.mine.part.lock', '.mine.lock'}


def test_celeb_a_hq_holds_out_the_last_tenth(run, tmp_path):
    source = photos(tmp_path / 'hq', *(f'{n:02}.png' for n in range(20)))
    assert run('--dataset=celeb_a_hq', f'--source={source}', '--size=8')[0] == 0
    everything = data.load(str(source), size=8).images
    for split, expected in (('train', everything[:18]), ('test', everything[18:])):
        dataset = data.load('celeb_a_hq', tmp_path / 'out', split)
        np.testing.assert_array_equal(dataset.images, expected)
        assert dataset.labels is None


def test_ffhq_is_all_for_training_and_its_folders_are_no_classes(run, tmp_path):
    names = [f'{n // 10:02}000/{n:05}.png' for n in range(20)]
    source = photos(tmp_path / 'thumbnails', *names)
    assert run('--dataset=ffhq', f'--source={source}', '--size=8')[0] == 0
    dataset = data.load('ffhq', tmp_path / 'out')
    np.testing.assert_array_equal(dataset.images, data.load(str(source), size=8).images)
    assert (len(dataset.images), dataset.labels, dataset.num_classes) == (20, None, 0)


def test_lsun_is_unpacked_first(run, tmp_path):
    write_zip(tmp_path / 'church_train_lmdb.zip', {'church_train_lmdb/data.mdb': b'x'})
    result = run('--dataset=lsun', f'--source={tmp_path}/church_train_lmdb.zip', '--size=64')
    failed(result, DATA, 'holds an LMDB: unpack it', 'data.py export')
    source = photos(tmp_path / 'church', '1.png', '2.png')
    assert run('--dataset=lsun', f'--source={source}', '--size=8')[0] == 0


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    """{format: data_dir} of tensorflow-datasets."""
    return make_both(tmp_path_factory)


def test_copies_of_both_formats_give_the_same_images(run, copies, tmp_path):
    found = []
    for number, source in enumerate(
        [*copies.values(), *(c / 'cifar10' / '3.0.2' for c in copies.values())]
    ):
        out = tmp_path / str(number)
        code, said, err = run('--dataset=cifar10', f'--source={source}', f'--data_dir={out}')
        assert (code, err) == (0, '')
        assert f'{out}/cifar10/train: 31 images of 8x8x3, 10 classes' in said
        found.append([data.digest(data.load('cifar10', out, split)) for split in ('train', 'test')])
        direct = data.load('cifar10', copies['tfrecord'], 'train')
        assert found[-1][0] == data.digest(direct)
    assert found == [found[0]] * 4
    flags = ('--dataset=cifar10', f'--source={copies["tfrecord"]}', f'--data_dir={tmp_path}/0')
    failed(run(*flags), DATA, 'is prepared from 3.0.2 (', 'and --source is 3.0.2 (')


def test_a_copy_too_large_for_memory_is_streamed_from_any_step(run, copies, tmp_path, monkeypatch):
    source = copies['array_record']
    assert run('--dataset=cifar10', f'--source={source}')[0] == 0
    monkeypatch.setattr(prepared, 'MEMORY', 31 * 8 * 8 * 3)
    mapped, decoded = (data.load('cifar10', x) for x in (tmp_path / 'out', source))
    assert isinstance(mapped.images, np.memmap) and not isinstance(decoded.images, np.memmap)

    def from_step(first, last):  # an epoch ends in the middle of step 3
        rows = stream.batches(mapped, seed=1, first=first, batch_size=4, rows=2)
        return [*itertools.islice(rows, last - first)]

    taken = from_step(0, 9)
    for step, batch in enumerate(taken):
        rows = sampler.of_step(1, step, 2, 4, 31)
        np.testing.assert_array_equal(batch['image'], decoded.images[rows])
        np.testing.assert_array_equal(batch['label'], decoded.labels[rows])
    for first in (3, 4, 8):
        assert small.same(from_step(first, 9), taken[first:])


def test_a_copy_is_resized_and_belongs_to_its_name(run, copies, tmp_path):
    source = f'--source={copies["tfrecord"]}/cifar10/3.0.2'
    failed(run('--dataset=mnist', source), DATA, "holds a copy of 'cifar10', not of 'mnist'")
    assert run('--dataset=cifar10', source, '--size=4')[0] == 0
    direct = data.load('cifar10', copies['tfrecord'], 'test', size=4)
    np.testing.assert_array_equal(
        data.load('cifar10', tmp_path / 'out', 'test').images, direct.images
    )


FRAMES = [Image.fromarray(noise(1, 8, 8))]
HOSTILE = {
    'mixed': ({'a.png': png(noise(0, 8, 8, 3)), 'b.png': png(noise(1, 9, 9, 3))}, DATA, 'b.png'),
    'rgba': ({'a.png': png(noise(0, 8, 8, 4))}, DATA, 'a.png is transparent'),
    'animated': (
        {'a.gif': png(noise(0, 8, 8), 'GIF', save_all=True, append_images=FRAMES)},
        DATA,
        'a.gif has 2 frames',
    ),
    'corrupt': ({'a.png': b'no image'}, DATA, 'a.png cannot be read'),
    'empty': ({}, MISSING, 'holds no images'),
    'hidden': ({'.a.png': b'x', 'b.txt': b'x'}, MISSING, 'holds no images'),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_hostile_folders(kind, run, tmp_path):
    files, status, sentence = HOSTILE[kind]
    (tmp_path / 'bad').mkdir()
    for name, content in files.items():
        (tmp_path / 'bad' / name).write_bytes(content)
    failed(run('--dataset=bad', f'--source={tmp_path}/bad'), status, sentence)
    assert not list((tmp_path / 'out').glob('bad*'))


# Data that train refuses -------------------------------------------------------------------------


@pytest.fixture
def bad(tmp_path):
    """A folder of folders that cannot be trained on."""
    (tmp_path / 'empty').mkdir()
    photos(tmp_path / 'few', *(f'{n}.png' for n in range(7)))
    photos(tmp_path / 'damaged', 'a.png')
    (tmp_path / 'damaged' / 'b.png').write_bytes(b'x')
    np.savez(tmp_path / 'floats.npz', images=np.zeros((9, 16, 16, 3)))
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'status', 'sentence'),
    [
        (
            *('cifar10', MISSING),
            "'cifar10' is not prepared in {0}: python -m gan_jax.prepare --dataset=cifar10 "
            '--data_dir={0}',
        ),
        (
            *('celeb_a', MISSING),
            "'celeb_a' is not prepared in {0}: python -m gan_jax.prepare --dataset=celeb_a "
            '--source=PATH --size=16 --data_dir={0}',
        ),
        ('{0}/empty', MISSING, '{0}/empty holds no images: put some there, .png'),
        ('{0}/few', DATA, "'{0}/few' gives 7 images, fewer than config.batch_size 8"),
        ('{0}/damaged', DATA, '{0}/damaged: b.png cannot be read as an image'),
        ('{0}/floats.npz', DATA, "{0}/floats.npz: 'images' must be uint8 or uint16"),
        ('{0}/none.zip', MISSING, '{0}/none.zip does not exist'),
    ],
)
def test_train_says_what_is_wrong_before_anything_is_built(
    name, status, sentence, bad, monkeypatch, capsys
):
    monkeypatch.delattr(setup, 'build_experiment')
    flags = [f'data.name={name.format(bad)}', f'data.dir={bad}', 'evaluate.metrics=']
    flags = [f'--config={SMOKE}', f'--workdir={bad}/run', *(f'--config.{f}' for f in flags)]
    monkeypatch.setattr(sys, 'argv', ['train', *flags])
    with pytest.raises(SystemExit) as caught:
        cli.run(train.main)
    failed((caught.value.code, *capsys.readouterr()), status, sentence.format(bad))
    assert not (bad / 'run').exists()


# Places and names --------------------------------------------------------------------------------


def test_a_source_that_is_not_there(run, tmp_path):
    failed(run('--dataset=cifar10', '--source=none.tar.gz'), MISSING, 'none.tar.gz does not exist')
    failed(run('--dataset=own', '--source=none'), MISSING, 'none does not exist')
    failed(run('--dataset=mnist', f'--source={tmp_path}'), MISSING, 'lacks train-images-idx3')


@pytest.mark.parametrize('place', ['/proc/none', '/dev/null/x'])
def test_a_data_dir_that_cannot_be_written(place, run):
    failed(run('--dataset=cifar10', f'--data_dir={place}'), UNWRITABLE, place, 'choose another')


def test_a_folder_that_is_something_else_is_left_alone(run, published, tmp_path):
    copy = tmp_path / 'out' / 'cifar10' / '3.0.2'
    copy.mkdir(parents=True)
    failed(run('--dataset=cifar10', f'--source={published[0]}'), UNWRITABLE, 'perhaps a copy of')
    assert copy.exists()


def test_two_at_once(run, published, tmp_path):
    with prepared.locked(tmp_path / 'out' / 'cifar10'):
        failed(run('--dataset=cifar10'), BUSY, 'cifar10 is being prepared already')
    assert run('--dataset=cifar10', f'--source={published[0]}')[0] == 0


@pytest.mark.parametrize(
    ('flags', 'sentence'),
    [
        (('--dataset=cifra10',), "no data set 'cifra10'; did you mean 'cifar10'?"),
        (('--dataset=celeba', '--source=x.zip'), "did you mean 'celeb_a'?"),
        (('--dataset=zzz',), "no data set 'zzz' to download; known: cifar10, "),
        (('--dataset=digits',), "'digits' comes with gan_jax"),
        (('--dataset=../x', '--source=x'), "'../x' cannot name a data set"),
        (('--dataset=.x', '--source=x'), "'.x' cannot name a data set"),
        (('--dataset=.x.part', '--source=x'), "'.x.part' cannot name a data set"),
        (('--dataset=a\nb', '--source=x'), r"'a\nb' cannot name a data set"),
        (('--dataset=downloads', '--source=x'), "'downloads' cannot name a data set"),
        (('--dataset=inception', '--source=x'), "'inception' cannot name a data set"),
        (('--dataset=references', '--source=x'), "'references' cannot name a data set"),
        (('--dataset=x.codes', '--source=x'), "'x.codes' cannot name a data set"),
        (('--dataset=imagenet', '--source=.', '--size=8'), 'lacks ILSVRC2012_img_train.tar'),
    ],
)
def test_names(flags, sentence, run):
    status = MISSING if 'lacks' in sentence else USAGE
    failed(run(*flags), status, sentence)


@pytest.mark.parametrize(
    'flags',
    [
        (),
        ('--dataset=cifar10', '--size=0'),
        ('--dataset=cifar10', '--size=1025'),
        ('--dataset=cifar10', '--size=8x'),
        ('--dataset=cifar10', '--size=8x1025'),
        ('--dataset=cifar10', '--size=8x8x8'),
        ('--dataset=cifar10', '--sha256=00'),
        ('--dataset=mnist', '--source=a,b', '--sha256=00'),
        ('--dataset=cifar10', '--sorce=x'),
    ],
)
def test_wrong_flags(flags, run):
    assert run(*flags)[0] == USAGE


def test_photographs_need_a_size(run, tmp_path):
    source, _ = made.celeb_a(tmp_path)
    failed(run('--dataset=celeb_a', f'--source={source}'), USAGE, "'celeb_a' come in many sizes")


def test_an_interrupt_leaves_nothing(run, published, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, 'resized', interrupted)
    assert run('--dataset=cifar10', f'--source={published[0]}')[0] == 130
    assert [*os.listdir(tmp_path / 'out')] == ['.cifar10.lock']


def test_a_signal_is_seen_at_the_next_piece(run, published, tmp_path, monkeypatch):
    """Also where the interrupt that came with it has been swallowed."""
    received = []

    def signalled(pieces, size):
        for piece in pieces:
            yield piece
            received.append(15)

    monkeypatch.setattr(signals, '_received', received)
    monkeypatch.setattr(prepare, 'resized', signalled)
    assert run('--dataset=cifar10', f'--source={published[0]}')[0] == 143
    assert [*os.listdir(tmp_path / 'out')] == ['.cifar10.lock'] and len(received) == 1


# StyleGAN's zip ----------------------------------------------------------------------------------


def test_a_prepared_data_set_becomes_a_zip(run, tmp_path):
    source = photos(tmp_path / 'photos', *(f'{c}/{n}.png' for c in ('cat', 'dog') for n in 'xyz'))
    flags = ('--dataset=pets', f'--source={source}', '--size=16', '--to=zip')
    code, out, err = run(*flags)
    assert (code, err) == (0, '')
    path = tmp_path / 'out' / 'pets.zip'
    said = f"{path}: the 6 images of 'train', 16x16x3, 2 classes (0 cat, 1 dog)\n"
    assert out.endswith(said) and f'{tmp_path}/out/pets/train: 6 images' in out
    prepared_set, packed = data.load('pets', tmp_path / 'out'), data.load(str(path))
    assert data.digest(packed) == data.digest(prepared_set)
    assert packed.class_names == prepared_set.class_names == ('cat', 'dog')
    before = path.read_bytes()
    failed(run(*flags), UNWRITABLE, f'{path} is there already: remove it, or choose another --to')
    path.unlink()
    assert run('--dataset=pets', '--to=zip')[0] == 0  # from what is prepared
    assert path.read_bytes() == before


@pytest.mark.parametrize('split', ['train', 'test'])
def test_what_comes_with_the_package_becomes_a_zip(split, run, tmp_path):
    name = 'digits' if split == 'train' else 'digits_test'
    code, _, err = run('--dataset=digits', '--to=zip', f'--split={split}')
    assert (code, err) == (0, '')
    digits = data.load('digits', split=split)
    packed = data.load(f'{tmp_path}/out/{name}.zip')
    assert data.digest(packed) == data.digest(digits)
    assert packed.class_names == digits.class_names
    assert run('--dataset=digits', f'--to={tmp_path}/new/32.zip', '--size=32')[0] == 0
    assert data.load(f'{tmp_path}/new/32.zip').images.shape[1:] == (32, 32, 1)
    assert {*os.listdir(tmp_path / 'new')} == {'32.zip', '.digits.lock'}


def test_what_stylegans_tools_would_refuse_is_not_packed(run, tmp_path):
    source = photos(tmp_path / 'photos', '1.png', '2.png')
    flags = ('--dataset=pets', f'--source={source}')
    failed(run(*flags, '--size=20', '--to=zip'), USAGE, '20x20 pixels: give --size=16 or --size=32')
    assert not [*tmp_path.rglob('*.zip*')]
    code, out, _ = run('--dataset=pets', '--to=zip', '--size=16')  # as it was told
    assert code == 0 and 'pets.zip: the 2 images' in out and '16x16x3, no labels' in out
    failed(run('--dataset=pets', '--to=zip', '--split=test'), MISSING, "no split 'test'")


def test_a_zip_that_is_cut_short_by_a_signal_is_not_there(run, tmp_path, monkeypatch):
    written = []

    def cut(*arguments, **options):
        written.append(1)
        if len(written) == 5:
            raise KeyboardInterrupt
        return b'x'

    monkeypatch.setattr('gan_jax.data.pictures.stylegan._png', cut)
    assert run('--dataset=digits', '--to=zip')[0] == 130
    assert [*os.listdir(tmp_path / 'out')] == ['.digits.lock'] and len(written) == 5


@pytest.mark.parametrize(
    ('flags', 'status', 'sentence'),
    [
        (('--dataset=digits', '--to=zap'), USAGE, "--to is 'zap': give zip, or a path that ends"),
        (('--dataset=digits', '--to='), USAGE, "--to is '': give zip"),
        (('--dataset=digits', '--to=zip', '--source=x'), USAGE, "'digits' comes with gan_jax"),
        (('--dataset=digits', '--split=test'), USAGE, '--split is for --to'),
        (('--dataset=digits', '--to=/proc/none/x.zip'), UNWRITABLE, 'cannot write to --to=/proc'),
        (('--dataset=digits', '--to=zip', '--split=tst'), MISSING, "did you mean 'test'"),
    ],
)
def test_wrong_flags_of_a_zip(flags, status, sentence, run):
    code, _, err = run(*flags)
    assert code == status and sentence in err


# Names and backgrounds ---------------------------------------------------------------------------


@pytest.mark.parametrize('name', ['Blüten_1', 'Blu\u0308ten', '写真'])
def test_a_name_has_letters_of_any_language(name, run, tmp_path):
    folder = tmp_path / 'Bilder ä'
    folder.mkdir()
    (folder / '1.png').write_bytes(png(noise(0, 8, 8, 3)))
    status, out, err = run(f'--dataset={name}', f'--source={folder}')
    assert status == 0 and f'{name}/train: 1 images' in out and err == ''
    assert data.load(name, tmp_path / 'out').images.shape == (1, 8, 8, 3)
    assert data.overview(name, tmp_path / 'out').counts == {'train': 1}


def test_transparent_images_are_laid_over_the_background(run, tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    Image.new('RGBA', (8, 8), (0, 0, 0, 0)).save(folder / 'clear.png')
    asked = '--dataset=clear', f'--source={folder}'
    failed(run(*asked), DATA, 'clear.png is transparent in places', '--background=white')
    failed(run(*asked, '--background=pink'), USAGE, "--background is 'pink'", 'white, black, grey')
    assert run(*asked, '--background=white')[0] == 0
    found = data.load('clear', tmp_path / 'out')
    assert found.images.shape == (1, 8, 8, 3) and (found.images == 255).all()
    info = json.loads((tmp_path / 'out' / 'clear' / 'train' / 'info.json').read_text())
    assert info['made']['background'] == 'white'
    failed(run(*asked, '--background=black'), USAGE, 'prepared over the background white, not over')
    assert run(*asked)[0] == 0  # as other flags of the first call, it need not be repeated


def test_a_background_that_came_too_late_is_no_silent_success(run, tmp_path):
    """The transparent image has been left out, and stays so."""
    folder = tmp_path / 'in'
    folder.mkdir()
    Image.new('RGBA', (8, 8), (0, 0, 0, 0)).save(folder / 'clear.png')
    Image.new('RGB', (8, 8)).save(folder / 'full.png')
    asked = '--dataset=clear', f'--source={folder}', '--max_bad=1'
    assert run(*asked)[0] == 0
    failed(run(*asked, '--background=white'), USAGE, 'without a background, not over white')


def test_prepared_images_are_not_enlarged_without_a_word(run, published, tmp_path, capsys):
    flags = f'--source={published[0]}', '--size=16'
    assert run('--dataset=cifar10', *flags)[0] == 0
    for size in (8, 16, 24):
        assert 'enlarged' not in capsys.readouterr().err
        data.load('cifar10', tmp_path / 'out', size=size)
    said = "'cifar10' is prepared with 16x16 pixels, which are enlarged to 24x24"
    assert said in capsys.readouterr().err
