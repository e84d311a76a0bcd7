"""One set-up for every test: four CPU devices, a shared compile cache, JAX's strict modes.

No silent broadcasting, no silent promotion of types, no random key that is used twice.
"""

import contextlib
import functools
import gc
import logging
import os
import sys
from pathlib import Path

# Before NumPy is loaded: pytest has a process on every core, and threads of BLAS beside them would
# spend the time waiting for each other.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import clu.metrics
import jax
import optax
import pytest

from gan_jax.testing import small
from tests import strictness
from tests.thirds import share

ROOT = Path(__file__).parent.parent
CACHE = ROOT / '.cache' / 'jax'
# tests/accelerator/run.sh empties it: JAX then chooses, and takes a GPU where there is one.
PLATFORM = os.environ.get('GAN_JAX_TEST_PLATFORM', 'cpu')

jax.config.update('jax_platforms', PLATFORM)
jax.config.update('jax_num_cpu_devices', 4)
jax.config.update('jax_numpy_rank_promotion', 'raise')
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_debug_key_reuse', True)
jax.config.update('jax_compilation_cache_dir', str(CACHE))
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
# Subprocesses started by a test share the cache.
os.environ['JAX_COMPILATION_CACHE_DIR'] = str(CACHE)
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.5'
os.environ['JAX_PLATFORMS'] = PLATFORM

# As the commands do. Orbax leaves tasks with errors behind; asyncio logs their tracebacks whenever
# the memory is collected, and Python 3.11 fails if that happens within an `ast.parse`.
logging.getLogger('asyncio').setLevel(logging.CRITICAL)


def promoting(function):
    """The function, within which arrays of different types may meet."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        with jax.numpy_dtype_promotion('standard'):
            return function(*args, **kwargs)

    return call


# Adam raises its decay, a float, to the power of its counter; a mean divides by its count.
optax.tree.bias_correction = promoting(optax.tree.bias_correction)
clu.metrics.Average.compute = promoting(clu.metrics.Average.compute)


@contextlib.contextmanager
def option(name, value):
    """An option of JAX for a while, in every thread."""
    before = jax.config.values[name]
    jax.config.update(name, value)
    try:
        yield
    finally:
        jax.config.update(name, before)


def pytest_addoption(parser):
    parser.addoption('--third', type=int, help='run a third of the slow tests: that of this number')


def pytest_collection_modifyitems(config, items):
    """Leaves out the slow tests of other runs; the tests of a case, in a file, go together."""
    third = config.getoption('--third')
    if third is None:
        return
    slow = {item: case(item) for item in items if item.get_closest_marker('slow')}
    kept = share([*slow.values()], third)
    others = {item for item, name in slow.items() if name not in kept}
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


def case(item):
    """The file and parameters of a test."""
    callspec = getattr(item, 'callspec', None)
    return f'{item.path}[{callspec.id if callspec else ""}]'


def pytest_collection_finish():
    """The modules of JAX never become garbage, and little of what it traces does."""
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope='module', autouse=True)
def strict(request):
    """The strict modes, less the exceptions of the file."""
    file = request.path.relative_to(ROOT).as_posix()
    with contextlib.ExitStack() as options:
        if file in strictness.PROMOTION:
            options.enter_context(option('jax_numpy_dtype_promotion', 'standard'))
        if file in strictness.KEY_REUSE:
            options.enter_context(option('jax_debug_key_reuse', False))
        yield


def forgotten_modules(tmp_path_factory):
    """Modules from the folders of tests go with the test, or file, that imported them.

    Another test may write a module of the same name.
    """
    folder, before = tmp_path_factory.getbasetemp(), set(sys.modules)
    yield
    for name in sys.modules.keys() - before:
        file = getattr(sys.modules[name], '__file__', None)
        if file and folder in Path(file).parents:
            del sys.modules[name]


forgotten_after_a_test = pytest.fixture(autouse=True)(forgotten_modules)
forgotten_after_a_file = pytest.fixture(scope='module', autouse=True)(forgotten_modules)


@pytest.fixture(scope='module')
def quick():
    """Half the time to compile, for a file of what runs a few times; not for what is to be fast."""
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', False)
    jax.clear_caches()  # other files must not run these programs, which round otherwise


@pytest.fixture(scope='module')
def compiled_once():
    """One set of programs and metrics for a file's runs that differ in numbers only, as in a sweep.

    Runs in processes of their own, each with programs of its own: tests/test_kill.py.
    """
    # Here, since most files train nothing, and a mutant's trial runs a single one.
    from gan_jax import train
    from gan_jax.sweeps import shared

    build, setup_of = train.build_setup, shared.shared_setups()

    def shared_setup(settings, *, outline):
        return build(settings, outline=True) if outline else setup_of(settings)[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, 'build_setup', shared_setup)
        patch.setattr(train, 'make_evaluator', lambda setup, progress: setup_of(setup.settings)[1])
        yield


@pytest.fixture
def mixed_types():
    """Promotion for one test; in half precision Flax's layers have float32 beside bfloat16."""
    with jax.numpy_dtype_promotion('standard'):
        yield


@pytest.fixture
def module_of(tmp_path, monkeypatch):
    """(name, source) -> a module of somebody's that the test can import."""
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name, source: (tmp_path / f'{name}.py').write_text(source)


@pytest.fixture
def x64():
    """Float64 for one test; Flax's parameters stay float32, so promotion is allowed."""
    with small.float64():
        yield
