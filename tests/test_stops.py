"""A signal at any moment of a command: a prompt end with its status, no traceback."""

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.launched import ROOT, launch, stopped

TINY = ['--config=tests/sweeps/tiny.py', '--config.steps=40', '--config.every.checkpoint=10']


def train(folder, *flags):
    return launch('-m', 'gan_jax.train', f'--workdir={folder}', *flags)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_imports_is_seen_when_they_are_done(number, tmp_path):
    status, out, err = stopped(train(tmp_path / 'run', *TINY), number, 0.02)
    assert (status, out) == (128 + number, '')
    assert err.splitlines() == [
        'gan_jax: stopping; a second signal stops at once',
        'gan_jax: stopped before the end; the same command begins again',
    ]
    assert not (tmp_path / 'run').exists()


def test_a_second_signal_in_the_imports_ends_them(tmp_path):
    process = train(tmp_path / 'run', *TINY)
    while 'numpy' not in Path(f'/proc/{process.pid}/maps').read_text():  # the arguments are read
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == 'gan_jax: stopping; a second signal stops at once\n'
    time.sleep(0.6)
    begun = time.monotonic()
    status, _, err = stopped(process, signal.SIGTERM, 0)
    assert (status, err) == (143, '') and time.monotonic() - begun < 1


def commands():
    """Every module that is run by `cli.run`, as `python -m` takes it."""
    files = [p for top in ('gan_jax', 'configs') for p in (ROOT / top).rglob('*.py')]
    found = [p.relative_to(ROOT) for p in files if '    cli.run(main' in p.read_text()]
    return sorted('.'.join(p.with_suffix('').parts).removesuffix('.__main__') for p in found)


@pytest.mark.parametrize('command', commands())
def test_every_command_remembers_from_its_first_line(command):
    # Without arguments each would end with 2, had it not heard.
    status, out, err = stopped(launch('-m', command), signal.SIGINT, 0)
    assert (status, out) == (130, '') and 'Traceback' not in err and 'usage' not in err


@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_processes_of_a_run_have_met_ends_the_one_that_waits(number, tmp_path):
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    process = train(tmp_path / 'run', *TINY, f'--cluster=localhost:{port},0/2')
    assert 'waiting for the other processes' in process.stderr.readline()
    begun = time.monotonic()
    status, out, err = stopped(process, number, 0)
    assert (status, out) == (128 + number, '') and 'Traceback' not in err
    assert time.monotonic() - begun < 5


def commanded(*lines):
    """A command made of these lines, after which `main` is run."""
    begin = 'from gan_jax.runtime import begin; begin.command()'
    return launch('-c', '\n'.join([begin, 'import os, signal, time', *lines]))


def test_a_signal_while_a_run_is_put_together_ends_it_before_it_is_written(tmp_path):
    process = commanded(
        'import sys',
        'from gan_jax import train',
        'from gan_jax.experiment import setup',
        'from gan_jax.runtime import cli',
        'make = setup.make_program',
        'def make_program(*arguments, **options):',
        '    os.kill(os.getpid(), signal.SIGINT)',
        '    return make(*arguments, **options)',
        'setup.make_program = make_program',
        f'sys.argv = {["train", *TINY, f"--workdir={tmp_path}/run"]}',
        'cli.run(train.main, saves=True)',
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, '') and 'Traceback' not in err
    assert not (tmp_path / 'run').exists()


def test_an_interrupt_that_is_swallowed_is_no_success():
    process = commanded(
        'from gan_jax.runtime import cli, signals',
        'def main(arguments):',
        '    try:',
        '        os.kill(os.getpid(), signal.SIGTERM)',
        '        time.sleep(60)',
        '    except KeyboardInterrupt:',
        '        print("swallowed")',
        '    try:',
        '        signals.check()',
        '    except KeyboardInterrupt:',
        '        print("again")',
        'cli.run(main)',
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (143, 'swallowed\nagain\n')
    assert err == 'gan_jax: stopping; a second signal stops at once\n'


def test_what_a_signal_is_answered_comes_before_what_became_of_it():
    process = commanded(
        'from gan_jax.runtime import cli',
        'write = os.write',
        'def slowly(*arguments):',
        '    time.sleep(0.2)',
        '    return write(*arguments)',
        'os.write = slowly',
        'def main(arguments):',
        '    os.kill(os.getpid(), signal.SIGINT)',
        '    time.sleep(60)',
        'cli.run(main)',
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, '')
    assert err.splitlines() == [
        'gan_jax: stopping; a second signal stops at once',
        'gan_jax: stopped before the end; the same command begins again',
    ]


def test_finally_clauses_run(tmp_path):
    process = commanded(
        'from gan_jax.runtime import cli',
        'def main(arguments):',
        '    try:',
        '        os.write(1, b"here\\n")',  # a signal amid a print could repeat its line
        '        time.sleep(60)',
        '    finally:',
        '        print("cleared")',
        'cli.run(main)',
    )
    assert process.stdout.readline() == 'here\n'
    status, out, err = stopped(process, signal.SIGTERM, 0)
    assert (status, out) == (143, 'cleared\n') and 'Traceback' not in err
