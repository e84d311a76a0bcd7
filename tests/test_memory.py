"""Out of device memory: one sentence that says what was asked for and what to do."""

import json
from pathlib import Path

import jax
import pytest

from gan_jax import config, memory, train
from gan_jax.errors import DIVERGED, UserError

CONFIGS = Path(__file__).parent.parent / 'configs'
TINY = str(Path(__file__).parent / 'sweeps' / 'tiny.py')


def settings(name='cifar10_biggan', *overrides):
    return config.read(f'{CONFIGS}/{name}.py', [f'--config.{o}' for o in overrides]).to_dict()


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


def test_a_run_that_does_not_fit_says_so_and_notes_it(tmp_path):
    """256 petabytes of weights, which no address space holds."""
    flags = [f'--config={TINY}', '--config.latent.dim=1000000000000000']
    flags += ['--config.evaluate.metrics=']
    with pytest.raises(UserError, match=r'memory is not enough .*\(\d+ bytes were') as caught:
        train.main([*flags, f'--workdir={tmp_path}'])
    assert caught.value.status == DIVERGED
    status = json.loads((tmp_path / 'status.json').read_text())
    assert (status['status'], status['exit']) == ('failed', DIVERGED)
    assert '--config.dtype=bfloat16' in status['reason']
