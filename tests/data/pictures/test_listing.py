"""What a folder, zip or tar holds: links to folders, names by Windows, suffixes in capitals."""

import zipfile

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data.pictures import listing
from tests.data.archives.maker import noise, png, write_tar, write_zip


def make(place, *names):
    for seed, name in enumerate(names):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(png(noise(seed, 8, 8, 3)))
    return place


def names_of(path):
    with listing.listing(path) as files:
        return files.names, files.notes


def test_a_zip_made_by_windows_keeps_its_classes(tmp_path):
    content = {rf'set\{c}\{n}.png': png(noise(n, 8, 8, 3)) for c in 'ab' for n in range(2)}
    write_zip(tmp_path / 'w.zip', {**content, 'set\\a\\': b'', 'set\\Thumbs.db': b'x'})
    dataset = data.load(f'{tmp_path}/w.zip')
    assert (dataset.labels.tolist(), dataset.class_names) == ([0, 0, 1, 1], ('a', 'b'))
    names, _ = names_of(tmp_path / 'w.zip')
    assert names == ('set/Thumbs.db', 'set/a/0.png', 'set/a/1.png', 'set/b/0.png', 'set/b/1.png')


def test_two_ways_to_write_one_name_are_two_files_of_one_name(tmp_path):
    write_zip(tmp_path / 'w.zip', {'a/1.png': b'x', 'a\\1.png': b'y'})
    with pytest.raises(data.UserError, match='two files of one name'):
        data.load(f'{tmp_path}/w.zip')


def test_a_backslash_in_a_folder_or_tar_is_part_of_the_name(tmp_path):
    make(tmp_path / 'set', 'a\\1.png', '2.png')
    assert names_of(tmp_path / 'set')[0] == ('2.png', 'a\\1.png')
    write_tar(tmp_path / 'x.tar', {'a\\1.png': b'x'}, 'w')
    assert names_of(tmp_path / 'x.tar')[0] == ('a\\1.png',)


@pytest.mark.parametrize('first', ['./', '/', './/', '././'])
def test_archives_may_begin_their_names_with_the_place_itself(first, tmp_path):
    content = {f'{first}{c}/1.png': png(noise(n, 8, 8, 3)) for n, c in enumerate('ab')}
    write_zip(tmp_path / 'x.zip', content)
    write_tar(tmp_path / 'x.tar', content, 'w')
    for suffix in ('zip', 'tar'):
        dataset = data.load(f'{tmp_path}/x.{suffix}')
        assert (dataset.labels.tolist(), dataset.class_names) == ([0, 1], ('a', 'b'))


def test_a_class_folder_that_holds_nothing_is_said(tmp_path):
    make(tmp_path / 'set', 'a/1.png', 'c/1.png')
    (tmp_path / 'set' / 'b').mkdir()
    _, (note,) = names_of(tmp_path / 'set')
    assert note == f'{tmp_path}/set: 1 folders that hold nothing are left out, such as b'


def test_archives_and_images_in_capitals(tmp_path, monkeypatch):
    images = {f'{n}.PNG': png(noise(n, 8, 8, 3)) for n in range(3)}
    write_zip(tmp_path / 'PHOTOS.ZIP', images)
    write_tar(tmp_path / 'PHOTOS.TAR', images, 'w')
    np.savez(tmp_path / 'x.npz', images=noise(0, 3, 8, 8, 3))
    (tmp_path / 'x.npz').rename(tmp_path / 'PHOTOS.NPZ')
    for suffix in ('ZIP', 'TAR', 'NPZ'):
        assert len(data.load(f'{tmp_path}/PHOTOS.{suffix}').images) == 3
    monkeypatch.chdir(tmp_path)
    assert len(data.load('PHOTOS.ZIP').images) == 3


# Links --------------------------------------------------------------------------------------------


def test_a_class_that_is_a_link_is_entered(tmp_path):
    """A folder of links to folders, as a choice of a larger data set is made."""
    make(tmp_path, 'set/a/1.png', 'set/b/1.png', 'pool/c/1.png', 'pool/c/2.png')
    (tmp_path / 'set' / 'c').symlink_to(tmp_path / 'pool' / 'c')
    dataset = data.load(f'{tmp_path}/set')
    assert (dataset.class_names, dataset.labels.tolist()) == (('a', 'b', 'c'), [0, 1, 2, 2])
    assert names_of(tmp_path / 'set')[1] == ()


def test_links_within_links_are_entered_once(tmp_path):
    make(tmp_path, 'set/a/1.png', 'one/1.png', 'two/2.png')
    (tmp_path / 'set' / 'b').symlink_to(tmp_path / 'one')
    (tmp_path / 'one' / 'more').symlink_to(tmp_path / 'two')
    (tmp_path / 'two' / 'back').symlink_to(tmp_path / 'one')
    names, notes = names_of(tmp_path / 'set')
    assert names == ('a/1.png', 'b/1.png', 'b/more/2.png')
    assert notes == (
        f'{tmp_path}/set: 1 links to folders that are there already are left out, such as '
        'b/more/back',
    )


def test_a_folder_within_a_link_is_entered_once(tmp_path):
    make(tmp_path, 'pool/1.png', 'pool/inner/2.png')
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / 'a').symlink_to(tmp_path / 'pool' / 'inner')
    (tmp_path / 'set' / 'b').symlink_to(tmp_path / 'pool')
    assert names_of(tmp_path / 'set')[0] == ('a/2.png', 'b/1.png')


def test_a_link_to_what_lies_here_anyway_adds_nothing(tmp_path):
    """Whatever order a disk lists them in, a folder goes by its own name."""
    make(tmp_path, 'set/z/1.png', 'set/b/1.png')
    (tmp_path / 'set' / 'a').symlink_to('z')
    assert names_of(tmp_path / 'set')[0] == ('b/1.png', 'z/1.png')


def test_a_link_that_leads_back_is_left_out_and_said(tmp_path):
    make(tmp_path, 'set/1.png', 'beside/2.png')
    for name, target in (('up', '..'), ('here', '.'), ('root', '/')):
        (tmp_path / 'set' / name).symlink_to(target)
    names, notes = names_of(tmp_path / 'set')
    assert names == ('1.png',)
    assert notes == (
        f'{tmp_path}/set: 3 links to folders that are there already are left out, such as here',
    )


def test_a_pyramid_of_links_comes_to_an_end(tmp_path):
    """Each folder leads to the next one twice: 2^30 ways, 31 folders."""
    for n in range(31):
        make(tmp_path, f'pool/{n}/{n}.png')
    for n in range(30):
        for way in 'ab':
            (tmp_path / 'pool' / str(n) / way).symlink_to(tmp_path / 'pool' / str(n + 1))
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / 'top').symlink_to(tmp_path / 'pool' / '0')
    names, _ = names_of(tmp_path / 'set')
    assert len(names) == 31


def test_a_hidden_link_is_not_entered(tmp_path):
    make(tmp_path, 'set/1.png', 'pool/2.png')
    (tmp_path / 'set' / '.cache').symlink_to(tmp_path / 'pool')
    assert names_of(tmp_path / 'set')[0] == ('1.png',)


def test_a_link_to_what_the_kernel_makes_up_is_refused(tmp_path):
    make(tmp_path, 'set/1.png')
    (tmp_path / 'set' / 'x').symlink_to('/proc')
    with pytest.raises(data.UserError, match='which is no folder on a disk'):
        data.load(f'{tmp_path}/set')


def test_a_zip_may_write_a_folder_in_another_way_than_its_files(tmp_path):
    with zipfile.ZipFile(tmp_path / 'w.zip', 'w') as archive:
        archive.writestr('a/', b'')
        archive.writestr('a\\1.png', png(noise(0, 8, 8, 3)))
    assert names_of(tmp_path / 'w.zip')[0] == ('a/1.png',)
