"""A checkpoint comes back bit for bit, or not at all."""

import errno
import os
import random
import shutil
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.running_means import empty
from gan_jax.runtime import checkpoint, leaves
from gan_jax.runtime.errors import DATA, DISK, DIVERGED, MISSING, UserError
from gan_jax.state import Net, TrainState


def state_at(step, value=0.5):
    params = {'Dense_0': {'kernel': jnp.full((3, 4), value), 'bias': jnp.arange(4.0)}}
    stats = {'batch_stats': {'a/kernel/u': jnp.ones((1, 4))}}  # a name as spectral norm has them
    net = Net(params, stats, optax.adam(1.0).init(params))
    metrics = empty(['d/adversarial/real'])
    return TrainState(jnp.int32(step), net, net, net.variables, {'t': {}}, metrics)


@pytest.fixture
def saved(tmp_path):
    """Checkpoints of steps 1, 2 and 3, each with other values."""
    folder = tmp_path / 'checkpoints'
    with checkpoint.manager(folder) as manager:
        for step in (1, 2, 3):
            checkpoint.save(manager, state_at(step, value=float(step)), {'seen': True})
    return folder


def template():
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state_at(0)
    )


def assert_is_step(restored, step):
    assert restored.step == step
    assert leaves.digests(restored.state) == leaves.digests(state_at(step, float(step)))


def test_the_newest_comes_back_with_its_metadata(saved):
    restored = checkpoint.restore(saved, template())
    assert_is_step(restored, 3)
    assert restored.metadata == {'seen': True}
    assert jax.tree.structure(restored.state) == jax.tree.structure(state_at(0))


def test_what_was_saved_and_what_was_restored_have_one_digest(saved):
    with checkpoint.manager(saved) as manager:
        digest = checkpoint.save(manager, state_at(4, 4.0), {'seen': True})
    assert checkpoint.restore(saved, template()).digest == digest
    assert checkpoint.restore(saved, template(), step=3).digest != digest


def test_any_step_can_be_asked_for(saved):
    assert_is_step(checkpoint.restore(saved, template(), step=2), 2)


def test_a_step_that_is_not_there_is_named_with_those_that_are(saved):
    with pytest.raises(UserError, match='no checkpoint of step 7; it has 3, 2, 1') as caught:
        checkpoint.restore(saved, template(), step=7)
    assert caught.value.status == MISSING


def test_none_when_there_was_never_one(tmp_path):
    assert checkpoint.restore(tmp_path / 'none', template()) is None


def test_the_newest_is_the_largest_number_whatever_the_clock_says(saved):
    for step, seconds in ((1, 3000), (2, 2000), (3, 1000)):
        os.utime(saved / str(step), (seconds, seconds))
    assert_is_step(checkpoint.restore(saved, template()), 3)


def test_only_the_newest_are_kept(saved):
    with checkpoint.manager(saved) as manager:
        checkpoint.save(manager, state_at(4), {})
    assert sorted(p.name for p in saved.iterdir()) == ['2', '3', '4']


def test_a_step_before_the_newest_is_saved_like_any_other(tmp_path):
    """As a run does that goes on from the checkpoint before a damaged one."""
    with checkpoint.manager(tmp_path) as manager:
        for step in (5, 4):
            checkpoint.save(manager, state_at(step, float(step)), {})
    assert_is_step(checkpoint.restore(tmp_path, template(), step=4), 4)
    assert_is_step(checkpoint.restore(tmp_path, template()), 5)


def test_what_a_kill_left_half_written_is_ignored_and_removed(saved):
    half = saved / '4.orbax-checkpoint-tmp'
    shutil.copytree(saved / '3', half)
    assert_is_step(checkpoint.restore(saved, template(), quarantine=True), 3)
    with checkpoint.manager(saved) as manager:
        checkpoint.save(manager, state_at(4), {})
    assert not half.exists()


def test_reading_touches_nothing_that_another_process_is_writing(saved):
    shutil.copytree(saved / '3', saved / '4.orbax-checkpoint-tmp')
    before = {path: path.stat().st_mtime_ns for path in saved.rglob('*')}
    assert_is_step(checkpoint.restore(saved, template()), 3)
    assert checkpoint.newest_metadata(saved)['seen'] is True
    assert {path: path.stat().st_mtime_ns for path in saved.rglob('*')} == before


# 20 in each test run; the seed is printed by pytest when one of them fails.
@pytest.mark.parametrize('seed', range(20))
def test_one_flipped_bit_is_never_loaded(seed, saved):
    draw = random.Random(seed)
    files = sorted(p for p in (saved / '3').rglob('*') if p.is_file() and p.stat().st_size)
    # As likely as its size, as a bit on a disk is.
    file = draw.choices(files, [p.stat().st_size for p in files])[0]
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)
    restored = checkpoint.restore(saved, template(), quarantine=True)
    # The file may not matter; then the step is whole. Otherwise the one before it is used.
    assert_is_step(restored, 3 if not restored.damaged else 2)


@pytest.mark.parametrize('name', ['state', 'record'])
def test_a_flipped_bit_in_every_file_of_an_item_is_noticed(name, saved):
    """Without the digests the arrays of this checkpoint load, wrong, without a word."""
    for file in (saved / '3' / name).rglob('*'):
        if file.is_file() and file.stat().st_size:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
    restored = checkpoint.restore(saved, template(), quarantine=True)
    assert restored.damaged == [3]
    assert_is_step(restored, 2)


def test_the_sound_state_of_another_checkpoint_is_not_taken_for_its_own(saved):
    """Every file is whole and reads well: the digests of the leaves alone tell."""
    shutil.rmtree(saved / '3' / 'state')
    shutil.copytree(saved / '1' / 'state', saved / '3' / 'state')
    restored = checkpoint.restore(saved, template(), quarantine=True)
    assert restored.damaged == [3]
    assert_is_step(restored, 2)


def test_a_checkpoint_under_the_number_of_another_step_is_not_that_step(saved):
    shutil.move(saved / '1', saved / '7')
    restored = checkpoint.restore(saved, template(), quarantine=True)
    assert restored.damaged == [7]
    assert_is_step(restored, 3)


@pytest.mark.parametrize(
    'damage',
    ['truncate', *(pytest.param(name, marks=pytest.mark.slow) for name in ('empty', 'delete'))],
)
def test_every_file_of_the_newest_damaged_in_turn(damage, saved, tmp_path):
    for file in sorted(p.relative_to(saved) for p in (saved / '3').rglob('*') if p.is_file()):
        copy = tmp_path / 'copy' / 'checkpoints'
        shutil.copytree(saved, copy)
        target = copy / file
        if damage == 'truncate':
            target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])
        elif damage == 'empty':
            target.write_bytes(b'')
        else:
            target.unlink()
        restored = checkpoint.restore(copy, template(), quarantine=True)
        assert_is_step(restored, 3 if not restored.damaged else 2)
        shutil.rmtree(tmp_path / 'copy')


def test_damaged_ones_are_put_aside_only_when_asked(saved):
    (saved / '3' / 'state' / 'manifest.ocdbt').unlink()
    assert checkpoint.restore(saved, template()).damaged == [3]
    assert (saved / '3').is_dir()
    assert checkpoint.restore(saved, template(), quarantine=True).damaged == [3]
    assert not (saved / '3').exists()
    assert (saved.parent / 'quarantine' / '3').is_dir()


@pytest.mark.parametrize('number', [errno.EACCES, errno.EMFILE])
def test_what_may_not_be_read_is_not_put_aside(number, saved, monkeypatch):
    """Another user's files, or too many that are open, are sound for the next command."""
    refused = saved / '3' / 'state' / 'manifest.ocdbt'
    content, opened = refused.read_bytes(), os.open
    refused.write_bytes(b'')  # in the eyes of orbax

    def refusing(path, *arguments, **options):
        if str(path) == str(refused):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'open', refusing)
        with pytest.raises(UserError, match=f'{refused} cannot be read') as caught:
            checkpoint.restore(saved, template(), quarantine=True)
    assert caught.value.status == DATA
    refused.write_bytes(content)
    assert checkpoint.restore(saved, template(), quarantine=True).step == 3


def test_a_step_that_is_put_aside_twice_lies_there_whole(saved):
    for _ in range(2):
        (saved / '3' / 'state' / 'manifest.ocdbt').unlink()
        assert checkpoint.restore(saved, template(), quarantine=True).damaged == [3]
        with checkpoint.manager(saved) as manager:
            checkpoint.save(manager, state_at(3, 3.0), {'seen': True})
    assert_is_step(checkpoint.restore(saved, template()), 3)
    for aside in (saved.parent / 'quarantine').iterdir():
        assert {path.name for path in aside.iterdir()} >= {'state', 'record'}
        assert not (aside / '3').exists()


def test_nothing_valid_is_an_error(saved):
    for step in (1, 2, 3):
        (saved / str(step) / 'state' / 'manifest.ocdbt').unlink()
    with pytest.raises(UserError, match='checkpoints of steps 3, 2, 1 in .* are damaged') as caught:
        checkpoint.restore(saved, template())
    assert caught.value.status == DATA


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        (
            lambda s: s.replace(step=jnp.float32(0)),
            r'step is int32 \[\] there and float32 \[\] here',
        ),
        (
            lambda s: s.replace(terms={'t': jnp.zeros(2)}),
            r'terms/t is absent there and float32 \[2\]',
        ),
        (lambda s: s.replace(metrics={}), 'metrics/d/adversarial/real/count is int32'),
        (
            lambda s: s.replace(step=jax.ShapeDtypeStruct((1,), jnp.int32)),
            r'step is int32 \[\] there and int32 \[1\] here',
        ),
    ],
)
def test_leaves_of_another_code_are_named_not_cast(change, sentence, saved):
    with pytest.raises(UserError, match=sentence) as caught:
        checkpoint.restore(saved, change(template()))
    assert caught.value.status == DATA


def test_a_state_that_is_not_finite_is_refused(saved):
    bad = state_at(4)
    params = {'Dense_0': {**bad.d.params['Dense_0'], 'bias': jnp.array([0, 0, jnp.nan, 0])}}
    bad = bad.replace(d=bad.d.replace(params=params))
    with (
        checkpoint.manager(saved) as manager,
        pytest.raises(UserError, match='d/params/Dense_0/bias is not finite at step 4') as caught,
    ):
        checkpoint.save(manager, bad, {})
    assert caught.value.status == DIVERGED
    assert_is_step(checkpoint.restore(saved, template()), 3)


def test_a_failing_disk_leaves_the_older_steps_and_says_how_much_is_missing(saved, monkeypatch):
    with checkpoint.manager(saved) as manager:

        def full(*arguments, **options):
            (saved / '4.orbax-checkpoint-tmp').mkdir()
            raise ValueError('RESOURCE_EXHAUSTED: No space left on device\nand much more')

        monkeypatch.setattr(manager, 'save', full)
        with pytest.raises(UserError, match='cannot save step 4.*No space left.*needed') as caught:
            checkpoint.save(manager, state_at(4), {})
    assert caught.value.status == DISK
    assert 'much more' not in str(caught.value)
    assert not (saved / '4.orbax-checkpoint-tmp').exists()
    assert_is_step(checkpoint.restore(saved, template()), 3)


def test_a_disk_without_room_is_called_full_whatever_the_library_says(saved, monkeypatch):
    def full(*arguments, **options):
        raise ValueError('RESOURCE_EXHAUSTED: Error writing "d/opt" in OCDBT database')

    used = shutil.disk_usage(saved)._replace(free=3)
    with checkpoint.manager(saved) as manager:
        monkeypatch.setattr(manager, 'save', full)
        monkeypatch.setattr(shutil, 'disk_usage', lambda folder: used)
        with pytest.raises(UserError, match=r': the disk is full \(3 bytes free') as caught:
            checkpoint.save(manager, state_at(4), {})
    assert 'OCDBT' not in str(caught.value)


def test_what_a_failing_disk_will_not_remove_hides_nothing(saved, monkeypatch):
    with checkpoint.manager(saved) as manager:

        def full(*arguments, **options):
            (saved / '4.orbax-checkpoint-tmp').mkdir()
            raise OSError('No space left on device')

        def refuse(*arguments, **options):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(manager, 'save', full)
            patch.setattr(os, 'rmdir', refuse)
            with pytest.raises(UserError, match='cannot save step 4.*No space left') as caught:
                checkpoint.save(manager, state_at(4), {})
    assert caught.value.status == DISK
    assert_is_step(checkpoint.restore(saved, template()), 3)


def test_a_disk_that_fails_the_first_save_of_all_gets_the_same_sentence(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError('No space left on device')

    folder = tmp_path / 'new' / 'checkpoints'
    with checkpoint.manager(folder) as manager:
        monkeypatch.setattr(manager, 'save', full)
        with pytest.raises(UserError, match=f'cannot save step 4 in {folder}: .*needed') as caught:
            checkpoint.save(manager, state_at(4), {})
    assert caught.value.status == DISK
    assert checkpoint.restore(folder, template()) is None


def test_two_threads_take_turns():
    """As the members of a population do, each with a manager of its own."""
    begin, inside, most = threading.Barrier(2), [], []

    class Manager:
        wait_until_finished = inside.pop

        def save(self, *arguments, **options):
            inside.append(1)
            time.sleep(0.05)
            most.append(len(inside))

    def save():
        begin.wait()
        checkpoint.save(Manager(), {'step': np.int32(0)}, {})

    threads = [threading.Thread(target=save) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1]


def test_the_digest_names_every_leaf_and_its_kind():
    found = leaves.digests({'a': np.zeros(2, np.float32)})
    # sha256 of eight zero bytes.
    zeros = 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc'
    assert found == {'a': f'float32 [2] {zeros}'}


def test_what_a_save_has_left_unfinished_is_gone_when_the_folder_is_opened(tmp_path):
    """At once: a thread that removes it later could meet the next save of that step."""
    rest = tmp_path / '4.orbax-checkpoint-tmp' / 'state.orbax-checkpoint-tmp'
    rest.mkdir(parents=True)
    (rest / 'some').write_text('half')
    with checkpoint.manager(tmp_path, read_only=True):
        assert rest.exists()
    with checkpoint.manager(tmp_path):
        assert not [*tmp_path.iterdir()]
