"""One set-up for every test: four CPU devices, a shared compile cache, no silent broadcasting."""

import os
from pathlib import Path

# Before NumPy is loaded: pytest has a process on every core, and threads of BLAS beside them would
# spend the time waiting for each other.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import jax
import pytest

CACHE = Path(__file__).parent.parent / '.cache' / 'jax'

jax.config.update('jax_platforms', 'cpu')
jax.config.update('jax_num_cpu_devices', 4)
jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_compilation_cache_dir', str(CACHE))
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
# Subprocesses started by a test share the cache.
os.environ['JAX_COMPILATION_CACHE_DIR'] = str(CACHE)
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.5'
os.environ['JAX_PLATFORMS'] = 'cpu'


@pytest.fixture(scope='module')
def quick():
    """Half the time to compile, for a file of what runs a few times; not for what is to be fast."""
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', False)


@pytest.fixture
def x64():
    """Float64 for one test; jit caches are keyed by this flag."""
    with jax.enable_x64(True):
        yield
