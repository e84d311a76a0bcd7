"""Out of device memory: one sentence that says what was asked for and what to do."""

import json
import math
from pathlib import Path

import jax
import pytest

from gan_jax import train
from gan_jax.experiment import config, memory
from gan_jax.run import disk_space
from gan_jax.runtime.errors import DIVERGED, UserError
from gan_jax.runtime.ranges import Integer
from gan_jax.state import nbytes
from tests.shipped import program_on

CONFIGS = Path(__file__).parents[2] / 'configs'
TINY = str(Path(__file__).parents[1] / 'sweeps' / 'tiny.py')


def settings(name='cifar10_biggan', *overrides):
    return config.load_config(
        f'{CONFIGS}/{name}.py', [f'--config.{o}' for o in overrides]
    ).to_dict()


def advice(*arguments, platform='gpu', devices=1):
    return memory.advice(settings(*arguments), platform=platform, devices=devices)


BOTH = '--config.generator.remat=True --config.discriminator.remat=True'
HALF, SMALLER = '--config.dtype=bfloat16', 'a smaller --config.batch_size'


def test_what_is_not_done_yet_in_the_order_of_what_it_changes():
    assert advice() == ['--config.accumulate=2', BOTH, HALF, SMALLER]
    done = ('generator.remat=True', 'dtype=bfloat16', 'accumulate=2')
    expected = ['--config.accumulate=4', '--config.discriminator.remat=True', SMALLER]
    assert advice('cifar10_biggan', *done) == expected
    assert advice('cifar10_sndcgan') == ['--config.accumulate=2', HALF, SMALLER]  # has no remat
    done = ('mesh.data=2', 'accumulate=3', 'batch_size=90')
    more, cut = 'more devices (--config.mesh.data=-1)', '--config.mesh.data=1 --config.mesh.model='
    assert advice('cifar10_sndcgan', *done, devices=8) == [
        '--config.accumulate=9',  # 6 parts of 15 do not divide among two devices
        *(f'{cut}2', HALF, SMALLER, more),
    ]
    # All devices of a mesh share a batch.
    done = ('mesh.data=2', 'mesh.model=2', 'accumulate=3', 'batch_size=180')
    assert advice('cifar10_sndcgan', *done, devices=4) == ['--config.accumulate=9', HALF, SMALLER]
    # Nor is a step of more parts allowed.
    parts = ('accumulate=32', 'd_steps=2', 'batch_size=2048')
    assert advice('cifar10_sndcgan', *parts) == [HALF, SMALLER]
    # No part can be smaller than the devices are many.
    assert advice('cifar10_sndcgan', devices=64) == [f'{cut}64', HALF, SMALLER]
    # Neither saves anything there.
    assert advice(platform='cpu', devices=4) == [HALF, SMALLER]


@pytest.mark.parametrize(
    ('said', 'size'),
    [
        ('RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.', '179869'),
        ('RESOURCE_EXHAUSTED: Out of memory while trying to allocate 16.00GiB.', '(16.00GiB were'),
        (
            'RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 20.2G of 15.7G',
            '(20.2G',
        ),
        ('INTERNAL: Error dispatching computation: Out of memory allocating 256 bytes.', '(256 by'),
        ('RESOURCE_EXHAUSTED: no words', 'for this run: add'),
    ],
)
def test_the_sentence_names_what_was_asked_for(said, size):
    with pytest.raises(UserError) as caught, memory.advising(settings()):
        raise jax.errors.JaxRuntimeError(said)
    assert caught.value.status == DIVERGED
    assert size in str(caught.value)
    assert SMALLER in str(caught.value)
    assert '\n' not in str(caught.value)


def test_other_errors_pass():
    with pytest.raises(jax.errors.JaxRuntimeError, match='cuDNN'), memory.advising(settings()):
        raise jax.errors.JaxRuntimeError('INTERNAL: cuDNN failed')
    with pytest.raises(KeyError), memory.advising(settings()):
        raise KeyError('out of memory')


def refused(*flags):
    with pytest.raises(UserError) as caught:
        train.main([f'--config={TINY}', *flags])
    assert caught.value.status == DIVERGED
    return str(caught.value)


@pytest.mark.slow
def test_a_state_larger_than_the_memory_is_refused_before_anything_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, 'available', lambda: 100_000_000)
    said = refused('--config.latent.dim=262144', f'--workdir={tmp_path / "run"}')
    # 64 weights for each number of the latent, in 4 bytes, four times: Adam and the average.
    assert '0.3 GB, and this machine has 0.1 GB for it' in said
    assert not (tmp_path / 'run').exists()
    dry = [f'--config={TINY}', '--config.latent.dim=1000000', '--dry_run']
    monkeypatch.setattr(memory, 'available', lambda: 1000)
    assert train.main(dry) == 0  # as it would be on another machine


def test_the_memory_of_a_machine_is_that_which_the_kernel_tells(monkeypatch):
    monkeypatch.setattr(memory, 'LIMITS', ())
    total = int(Path('/proc/meminfo').read_text().split()[1]) * 1024
    assert memory.available() == total


def test_a_container_may_have_less_than_its_machine(tmp_path, monkeypatch):
    limits = tmp_path / 'second', tmp_path / 'first'
    monkeypatch.setattr(memory, 'LIMITS', limits)
    whole = memory.available()
    for path, text in zip(limits, ('max\n', f'{2**63 - 4096}\n'), strict=True):
        path.write_text(text)  # no limit, as either version says it
        assert memory.available() == whole
    for i, path in enumerate(limits):
        path.write_text(f'{1_000_000 - i}\n')
        assert memory.available() == 1_000_000 - i


@pytest.mark.slow
def test_of_a_state_that_is_cut_a_device_holds_its_part(monkeypatch):
    program = program_on(1, model=2)
    whole, part = (
        nbytes(program.shapes),
        sum(
            math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
            for x in jax.tree.leaves(program.shapes)
        ),
    )
    assert part < 0.6 * whole
    monkeypatch.setattr(memory, 'available', lambda: (part + whole) // 2)
    with pytest.raises(UserError, match='this machine'):
        memory.check_memory(program.shapes)
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    memory.check_memory(program.shapes)
    monkeypatch.setattr(memory, 'available', lambda: part - 1)
    with pytest.raises(UserError, match='and a device has'):
        memory.check_memory(program.shapes)
    monkeypatch.setattr(memory, 'available', lambda: None)
    memory.check_memory(program.shapes)


@pytest.mark.slow
def test_a_run_that_does_not_fit_says_so_and_notes_it(tmp_path, monkeypatch):
    """256 petabytes of weights, which no address space holds, past the checks."""
    monkeypatch.setitem(config.VALUES, 'latent.dim', Integer(1, 2**62))
    monkeypatch.setattr(memory, 'available', lambda: None)
    monkeypatch.setattr(disk_space, 'check_disk_space', lambda folder, parts: None)
    flags = [f'--config={TINY}', '--config.latent.dim=1000000000000000']
    flags += ['--config.evaluate.metrics=']
    with pytest.raises(UserError, match=r'memory is not enough .*\(\d+ bytes were') as caught:
        train.main([*flags, f'--workdir={tmp_path}'])
    assert caught.value.status == DIVERGED
    status = json.loads((tmp_path / 'status.json').read_text())
    assert (status['status'], status['exit']) == ('failed', DIVERGED)
    assert '--config.dtype=bfloat16' in status['reason']
