"""An exported generator where what only training needs is missing, on other devices."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gan_jax
from gan_jax import export, train
from tests import distribution
from tests.exported import elsewhere

ROOT = Path(__file__).parents[2]
TINY = ROOT / 'tests' / 'sweeps' / 'tiny.py'
NETWORK = ('fn=gan_jax.models.dcgan.Generator', 'width=0.125', 'num_classes=10')
SHORT = (
    'data.size=16',
    'steps=40',
    'optim.g.learning_rate=0.01',
    'evaluate.full=',
    'evaluate.metrics=',
)
# Of the packages in setup.py, those that docs/export.md names for drawing, and what these need.
DRAWING = {'jax', 'flax', 'optax', 'ml-collections', 'absl-py', 'pillow', 'safetensors'}
THEIRS = {'numpy', 'scipy', 'rich'}
BEHIND = {'tensorflow', 'tensorstore'}  # what the others bring
DRAW = """
import contextlib, dataclasses
import jax, numpy as np
import gan_jax
with contextlib.suppress(ImportError):
    import orbax.checkpoint
    raise SystemExit('Orbax can be imported')
folder, out = sys.argv[1:]
found = gan_jax.load_generator(folder)
spread = dataclasses.replace(found, devices=jax.devices())
np.savez(out, default=found.generate(range(220)), spread=spread.generate(range(220)),
         labelled=found.generate(range(20), '2'))
print(len(jax.devices()))
"""


def missing() -> set[str]:
    """Modules of all packages that setup.py names, the extras' too, but for what drawing needs."""
    given = distribution.metadata()
    wanted = [given['install_requires'], *given['extras_require'].values()]
    names = {canonicalize_name(Requirement(text).name) for texts in wanted for text in texts}
    names = (names | BEHIND) - DRAWING - THEIRS
    installed = importlib.metadata.packages_distributions().items()
    return {m for m, packages in installed if names & {*map(canonicalize_name, packages)}}


def test_the_page_names_what_drawing_needs():
    text = (ROOT / 'docs' / 'export.md').read_text()
    (line,) = re.findall('are enough to load and draw: ([^.]+)\\.', ' '.join(text.split()))
    assert {*re.findall('`([^`]+)`', line)} == DRAWING


@pytest.mark.slow
def test_the_bytes_are_the_run_s_without_what_training_needs(tmp_path):
    run, folder = tmp_path / 'run', tmp_path / 'away' / 'mine'
    flags = [f'--config.{x}' for x in (*SHORT, *(f'generator.{x}' for x in NETWORK))]
    assert train.main([f'--config={TINY}:method=none', *flags, f'--workdir={run}']) == 0
    assert export.main([f'--workdir={run}', f'--out={folder}', '--allow=tests']) == 0
    one = gan_jax.load_generator(run, allow='tests')
    expected, labelled = one.generate(range(220)), one.generate(range(20), '2')
    run.rename(tmp_path / 'gone')
    blocked = missing()
    assert {'orbax', 'clu', 'tensorflow_datasets', 'tensorboardX', 'matplotlib'} <= blocked
    found = drawn(folder, tmp_path / 'found.npz', blocked, devices=3)
    np.testing.assert_array_equal(found['default'], expected)
    np.testing.assert_array_equal(found['spread'], expected)
    np.testing.assert_array_equal(found['labelled'], labelled)
    assert expected.std() > 10 and (labelled != expected[:20]).any()


def drawn(folder, out, blocked, *, devices):
    """Images by name of a new process, which has so many CPU devices and no data or caches."""
    home = folder.parent
    env = {k: v for k, v in os.environ.items() if k not in ('JAX_COMPILATION_CACHE_DIR', 'HOME')}
    env |= {'HOME': str(home), 'GAN_JAX_DATA': str(home / 'none')}
    env |= {'JAX_NUM_CPU_DEVICES': str(devices), 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, '-c', elsewhere.without(blocked) + DRAW, str(folder), str(out)]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f'{devices}\n'), done.stderr
    with np.load(out) as images:
        return {**images}
