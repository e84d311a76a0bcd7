"""The last lines of `train`, typed into a shell as they are printed."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
CONFIG = f'--config={ROOT}/tests/sweeps/tiny.py:method=none'
# The network is a module of the folder in which the run is started.
OWN = 'from tests.sweeps.tiny import Generator'
SHORT = (
    *('steps=4', 'evaluate.metrics=spectrum100_test', 'evaluate.full='),
    'generator.fn=of_the_folder.Generator',
)
RUN = 'Läufe/der erste'
NAMES = ['pictures', 'report', 'numbers', 'curves', 'more images', 'evaluation']
BOUND = 120  # seconds, on a machine with other work


def shell(command, folder, **options):
    """A shell that runs one line in a folder, as a process."""
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding='utf-8')
    return subprocess.Popen(['sh', '-c', command], cwd=folder, env=env, **pipes, **options)


def typed(command, folder):
    """The output of a line, which has to succeed."""
    with shell(command, folder) as process:
        out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 0, (command, err)
    return out


@pytest.fixture(scope='module')
def started(tmp_path_factory):
    """(the folder in which a run was started, its last lines by their names)."""
    here = tmp_path_factory.mktemp('hier')
    (here / 'of_the_folder.py').write_text(OWN)
    flags = ' '.join(f'--config.{one}' for one in SHORT)
    said = typed(f'{sys.executable} -m gan_jax train {CONFIG} {flags} --workdir="{RUN}"', here)
    _, _, last = said.partition('\ndone: 4 steps')
    lines = last.splitlines()[1:]
    return here, {line[2:14].strip(): line[14:].strip() for line in lines}


def check(lines, run, folder):
    """Types every line into a shell in a folder, and looks at what each has done."""
    assert [*lines] == NAMES
    for name, file in (('pictures', 'samples'), ('report', 'report.html')):
        assert Path(folder, typed(f'ls -d {lines[name]}', folder).strip()).samefile(run / file)
    rows = typed(f'cat {lines["numbers"]}', folder).splitlines()
    assert json.loads(rows[-1])['step'] == 4
    typed(lines['more images'], folder)
    assert np.asarray(Image.open(run / 'grid.png')).std() > 10
    (run / 'grid.png').unlink()
    assert 'spectrum' in typed(lines['evaluation'], folder)
    (result,) = run.glob('results/*.json')
    assert 'spectrum100_test' in json.loads(result.read_text())['metrics']
    result.unlink()
    assert 'http://' in first_lines_of_a_server(lines['curves'], folder)


def first_lines_of_a_server(command, folder):
    """The standard error of a server until it names its address; it is then ended."""
    process, said = shell(command, folder, start_new_session=True), ''
    killer = threading.Timer(BOUND, os.killpg, (process.pid, signal.SIGKILL))
    killer.start()
    try:
        for line in process.stderr:
            said += line
            if 'http://' in line:
                break
    finally:
        killer.cancel()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return said


@pytest.mark.slow
@pytest.mark.parametrize('folder', ['where the run was started', 'elsewhere'])
def test_they_work(started, tmp_path, folder):
    here, lines = started
    check(lines, here / RUN, tmp_path if folder == 'elsewhere' else here)
