"""A generator from wherever it lies; tests/exported/ and test_trained_generator.py read some."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_reads_an_exported_generator_imports_no_orbax():
    """Checkpoints are read where a folder is found to be a run's."""
    code = (
        'import sys, gan_jax.run.generators, gan_jax.sample, gan_jax.project, gan_jax.api\n'
        'print("orbax" in {name.partition(".")[0] for name in sys.modules})'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ('False\n', '')
