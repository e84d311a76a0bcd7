"""Output that nobody reads costs a program nothing."""

import io
import os
import pty
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console
from rich.progress import Progress

from gan_jax.runtime import streams, workdir
from tests.launched import ROOT, outside_nohup

TINY = ['--config=tests/sweeps/tiny.py', '--config.steps=400', '--config.every.log=1']


@pytest.fixture
def pipe():
    """(reading end, a `lasting` stream to the other one)."""
    reads, writes = os.pipe()
    stream = streams.lasting(writes)
    yield reads, stream
    stream.close()
    os.close(writes)


def test_it_is_a_text_stream_like_another(pipe):
    reads, stream = pipe
    print('ganz gewöhnlich', file=stream)
    assert os.read(reads, 100).decode() == 'ganz gewöhnlich\n'
    assert isinstance(stream, io.TextIOWrapper) and not stream.isatty()
    os.close(reads)


def test_a_reader_that_goes_away_is_not_noticed(pipe):
    reads, stream = pipe
    os.close(reads)
    for _ in range(3):
        print('x' * 100_000, file=stream, flush=True)
    number = stream.fileno()
    assert os.path.samestat(os.fstat(number), os.stat(os.devnull))  # for C++ as well
    console = Console(file=stream, force_terminal=True)
    with Progress(console=console) as progress:
        progress.update(progress.add_task('work', total=2), completed=1, refresh=True)


def test_a_full_disk_is_not_noticed():
    number = os.open('/dev/full', os.O_WRONLY)
    stream = streams.lasting(number)
    print('x', file=stream, flush=True)
    stream.close()
    os.close(number)


def test_a_terminal_that_is_gone_is_not_noticed():
    master, slave = pty.openpty()
    stream = streams.lasting(slave)
    assert stream.isatty()
    console = Console(file=stream)
    with Progress(console=console) as progress:
        task = progress.add_task('work', total=2)
        os.close(master)
        progress.update(task, completed=1, refresh=True)
        print('x', file=stream, flush=True)
    stream.close()
    os.close(slave)


def test_a_pipe_that_does_not_wait_gets_everything(pipe):
    reads, stream = pipe
    os.set_blocking(stream.fileno(), False)
    got = []

    def read():
        time.sleep(0.1)
        while sum(map(len, got)) < 300_000:
            got.append(os.read(reads, 10_000))

    thread = threading.Thread(target=read)
    thread.start()
    stream.write('x' * 300_000)
    stream.flush()
    thread.join()
    assert b''.join(got) == b'x' * 300_000
    os.close(reads)


def test_a_character_that_the_terminal_has_not_is_its_number():
    file = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    reads, writes = os.pipe()
    stream = streams.lasting(writes, file)
    print('λ=0.5', file=stream, flush=True)
    assert os.read(reads, 100) == b'\\u03bb=0.5\n'
    assert stream.encoding == 'ascii'
    stream.close()
    os.close(writes)
    os.close(reads)


def closed(*numbers):
    """What a process says of its descriptors after `hold` when it was started without some."""
    script = (
        'from gan_jax.runtime import streams\n'
        'streams.hold()\n'
        'import os, sys\n'
        'print("out"); print("err", file=sys.stderr)\n'
        'null = os.stat(os.devnull)\n'
        'said = [os.path.samestat(os.fstat(n), null) for n in range(3)]\n'
        'kept = [os.get_inheritable(n) for n in range(3)]\n'
        'open(sys.argv[1], "w").write(f"{said} {kept}")\n'
    )
    reads, writes = os.pipe()
    shell = ' '.join(['exec "$@"', *(f'{n}>&-' for n in numbers)])
    command = ['sh', '-c', shell, 'sh', sys.executable, '-c', script, f'/dev/fd/{writes}']
    done = subprocess.run(command, capture_output=True, pass_fds=[writes], cwd=ROOT, timeout=60)
    os.close(writes)
    told = os.read(reads, 1000).decode()
    os.close(reads)
    return done.returncode, done.stdout, done.stderr, told


@pytest.mark.parametrize('numbers', [(), (0,), (1,), (2,), (1, 2), (0, 1, 2)], ids=str)
def test_descriptors_that_are_closed_are_opened_before_a_file_takes_them(numbers):
    status, out, err, told = closed(*numbers)
    assert status == 0
    assert out == (b'' if 1 in numbers else b'out\n')
    assert err == (b'' if 2 in numbers else b'err\n')
    null, kept = told.split('] ')
    # Where it was open, standard input is what the tests have.
    assert null[1:].split(', ')[1:] == [str(n in numbers) for n in (1, 2)]
    assert kept == '[True, True, True]'


def train(folder, **options):
    command = [sys.executable, '-m', 'gan_jax.train', *TINY, f'--workdir={folder}']
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


@pytest.mark.slow
def test_a_run_whose_reader_goes_away_ends_as_any_other(tmp_path):
    """train | head -1"""
    process = train(tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ''
    assert process.wait(timeout=120) == 0
    process.stderr.close()
    told = workdir.read_status(tmp_path)
    assert (told['status'], told['step']) == ('done', 400)


def close_after_a_log_line(master, slave):
    """Closes a pseudo-terminal when the run that has its slave has logged."""
    os.close(slave)
    seen = b''
    while b'images/s' not in seen:
        seen += os.read(master, 1000)
    os.close(master)


@pytest.mark.slow
def test_a_run_whose_terminal_breaks_goes_on(tmp_path):
    """It is not the terminal that controls it, so that no signal comes."""
    master, slave = os.openpty()
    process = train(tmp_path, stdout=slave, stderr=slave)
    close_after_a_log_line(master, slave)
    assert process.wait(timeout=120) == 0
    assert workdir.read_status(tmp_path)['status'] == 'done'


@pytest.mark.slow
@outside_nohup
def test_a_run_whose_terminal_is_closed_saves_and_stops(tmp_path):
    master, slave = os.openpty()
    script = (
        'import fcntl, os, runpy, sys, termios\n'
        'os.setsid(); fcntl.ioctl(1, termios.TIOCSCTTY, 0)\n'
        'sys.argv[:1] = ["train"]\n'
        'runpy.run_module("gan_jax.train", run_name="__main__", alter_sys=True)\n'
    )
    flags = [*TINY, '--config.steps=100000', f'--workdir={tmp_path}']
    process = subprocess.Popen(
        [sys.executable, '-c', script, *flags], cwd=ROOT, stdout=slave, stderr=slave
    )
    close_after_a_log_line(master, slave)
    assert process.wait(timeout=120) == 129
    told = workdir.read_status(tmp_path)
    assert told['status'] == 'stopped' and told['step'] > 0
    assert (tmp_path / 'checkpoints' / str(told['step'])).is_dir()
