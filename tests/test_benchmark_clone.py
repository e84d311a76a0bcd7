"""The benchmark of a first clone, with a `make` that does nothing but wait and write."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import benchmark_clone
from tests.pages import ROOT

DEMO = """#!/bin/sh
[ "$1" = demo ] && [ -f Makefile ] && [ -z "$XDG_CACHE_HOME$JAX_PLATFORMS" ] || exit 3
[ "$(ls -A "$HOME")" = '' ] || exit 4
mkdir -p .venv workdirs/demo/samples
sleep 0.2; touch .venv/gan_jax.stamp
sleep 0.2; touch workdirs/demo/samples/00000000.png
sleep 0.2
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """(folder of the stubs, a repository of one commit); `make` is a stub, caches are set."""
    stubs, source = tmp_path / 'stubs', tmp_path / 'a repository'
    stubs.mkdir()
    source.mkdir()
    (source / 'Makefile').write_text('demo:\n')
    git = ['git', '-C', str(source), '-c', 'user.name=x', '-c', 'user.email=x@y']
    for words in (['init', '--quiet'], ['add', '.'], ['commit', '--quiet', '-m', 'one']):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setenv('PATH', f'{stubs}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    stub(stubs, DEMO)
    return stubs, source


def stub(folder, text):
    (folder / 'make').write_text(text)
    (folder / 'make').chmod(0o755)


def test_a_newcomer_s_commands_are_timed_in_a_clone_without_caches(place, tmp_path):
    (tmp_path / 'empty').mkdir()
    seconds = benchmark_clone.measured(benchmark_clone.typed(place[1]), tmp_path / 'empty')
    assert [*seconds] == ['environment', 'first picture', 'end']
    first, second, end = seconds.values()
    assert 0.2 <= first <= second - 0.1 <= end - 0.2 < 5
    heads, _, row = benchmark_clone.table('abc', 2, seconds).splitlines()
    assert heads == '| commit | date | cores | environment, s | first picture, s | end, s |'
    assert row.startswith('| abc | ') and row.count('|') == heads.count('|')


@pytest.mark.parametrize(('script', 'words'), [('exit 7', 'status 7'), ('exit 0', 'status 0')])
def test_a_demo_that_fails_or_draws_nothing_is_no_measurement(place, tmp_path, script, words):
    stub(place[0], f'#!/bin/sh\necho said; {script}\n')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit, match=f'said\n\nthe commands ended with {words}'):
        benchmark_clone.measured(benchmark_clone.typed(place[1]), tmp_path / 'empty')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_folder_and_no_process(place, tmp_path, number):
    told = tmp_path / 'told'
    stub(place[0], f'#!/bin/sh\nsleep 600 & echo $! > {shlex.quote(str(told))}; wait\n')
    code = (
        'import signal\nfrom tests import benchmark_clone, pages\nfrom pathlib import Path\n'
        f'typed = benchmark_clone.typed\n'
        f'benchmark_clone.typed = lambda _: typed(Path({str(place[1])!r}))\n'
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'  # ignored after a shell's &
        'benchmark_clone.main()'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    folder = Path(process.stderr.readline().removeprefix('in ').strip())
    while not (told.exists() and told.read_text().endswith('\n')):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode and not folder.exists()
    state = Path(f'/proc/{told.read_text().strip()}/stat')
    assert not state.exists() or state.read_text().rpartition(')')[2].split()[0] == 'Z'
