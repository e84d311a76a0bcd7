"""The strict modes under which all tests run: each refuses what it is there for."""

import ast
import importlib
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.errors import KeyReuseError

from gan_jax.augment import draws
from gan_jax.augment.operation import OPEN, op
from gan_jax.testing import small
from gan_jax.testing.ops import check_op
from tests import strictness

ROOT = Path(__file__).parent.parent


def test_a_key_that_is_used_twice_is_refused():
    key = small.new_key(0)
    jax.random.normal(key)
    with pytest.raises(KeyReuseError):
        jax.random.normal(key)


def test_a_key_that_is_used_twice_in_a_compiled_function_is_refused():
    def twice(key):
        return jax.random.normal(key) + jax.random.uniform(key)

    with pytest.raises(KeyReuseError):
        jax.jit(twice)(small.new_key(0))


def test_an_op_that_uses_its_key_twice_is_refused():
    """No promise of an op is broken by it, and every draw would depend on another."""

    @op(OPEN)
    def twice(key, images, strength):
        first, second = (draws.uniform(key, images, 1)[0, :, None, None, None] for _ in range(2))
        return images * (1 - strength * (first + second) / 4)

    with pytest.raises(KeyReuseError):
        check_op(twice)
    with jax.debug_key_reuse(False):
        check_op(twice)


def test_arrays_of_different_types_do_not_meet():
    for other in (jnp.int32(1), jnp.bfloat16(1)):
        with pytest.raises(jax.dtypes.TypePromotionError):
            jnp.float32(1) + other
    assert (jnp.bfloat16(1) + 1.0).dtype == jnp.bfloat16  # a Python number has no type of its own


def test_float64_meets_flaxs_float32(x64):
    assert (jnp.float32(1) + jnp.float64(1)).dtype == np.float64


def test_the_exceptions_are_files_with_a_reason():
    for file, reason in {**strictness.PROMOTION, **strictness.KEY_REUSE}.items():
        assert (ROOT / file).is_file() and len(reason.split()) > 3, file


def test_no_other_file_switches_a_strict_mode_off():
    """Exceptions stand in tests/strictness.py, or are fixtures of conftest.py."""
    own = {Path(__file__), ROOT / 'tests' / 'conftest.py'}
    own |= {ROOT / 'gan_jax' / 'testing' / name for name in ('small.py', 'promises.py')}
    names = {'debug_key_reuse', 'numpy_dtype_promotion'}
    for folder in ('tests', 'gan_jax'):
        for file in {*(ROOT / folder).rglob('*.py')} - own:
            nodes = ast.walk(ast.parse(file.read_text('utf-8')))
            used = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
            assert not used & names, file


@pytest.mark.parametrize('value', [1, 2])
def test_a_module_of_one_test_is_not_that_of_another(value, module_of):
    module_of('somebodys', f'VALUE = {value}\n')
    import somebodys

    assert value == somebodys.VALUE


@pytest.fixture(scope='module')
def of_a_file(tmp_path_factory):
    """A module that a fixture of the whole file imports."""
    folder = tmp_path_factory.mktemp('of_a_file')
    (folder / 'of_many.py').write_text('')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        importlib.import_module('of_many')
        yield
    assert 'of_many' in sys.modules  # not forgotten after its first test


@pytest.mark.parametrize('time', [1, 2])
def test_a_module_of_a_file_stays_for_its_tests(time, of_a_file):
    assert 'of_many' in sys.modules
