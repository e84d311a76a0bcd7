"""A user's Python file: what it gives, and what it raises as a sentence with the line."""

import pytest

from gan_jax.runtime import python_file
from gan_jax.runtime.errors import UserError


def test_a_function_of_a_file_is_called(tmp_path):
    (tmp_path / 'a.py').write_text('x = 3\ndef get(y=1):\n    return x + y\n')
    assert python_file.call(tmp_path / 'a.py', 'get') == 4
    assert python_file.call(tmp_path / 'a.py', 'get', 5) == 8


def test_a_fault_of_the_arguments_names_the_file_as_its_user_does(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('def get(x):\n    if x:\n        raise ValueError("x is 1")\n    1 / x\n')
    with pytest.raises(UserError, match=r"^config 'a': x is 1\Z"):
        python_file.call(path, 'get', 1, called="config 'a'")
    with pytest.raises(UserError, match=f'^{path}, line 4: ZeroDivisionError'):
        python_file.call(path, 'get', 0, called="config 'a'")


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x = 1', ' defines no function get()'),
        ('get = 1', ' defines no function get()'),
        ('def get(:', ', line 1: SyntaxError: '),
        ('\n\n1 / 0', ', line 3: ZeroDivisionError: division by zero'),
        ('import nothing_of_that_name', ", line 1: ModuleNotFoundError: No module named 'nothing"),
        ('open("/nowhere")', ', line 1: FileNotFoundError: [Errno 2] No such file or directory'),
        ('def get():\n    return {}[3]', ', line 2: KeyError: 3'),
        ('def get():\n    raise ValueError("take another")', ': take another'),
        ('def get():\n    raise ValueError', ': ValueError: ValueError'),
        ('def get():\n    raise SystemExit(0)', ', line 2: SystemExit: 0'),
        ('def get():\n    return get()', ', line 2: RecursionError: '),
        ('def get(x):\n    return x', ': get() missing 1 required'),
    ],
)
def test_what_it_raises_is_a_sentence(tmp_path, text, said):
    path = tmp_path / 'a.py'
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        python_file.call(path, 'get')
    assert str(caught.value).startswith(f'{path}{said}')
    assert caught.value.status == 2 and '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('from elsewhere.configs import get', 'looked for in the current folder and in those of'),
        ('get = lambda: open("configs/mine.txt")', 'a path begins in the current folder, unless'),
    ],
)
def test_what_is_elsewhere_is_said_with_the_place_where_it_is_looked_for(tmp_path, text, said):
    """As where a config takes another one by a path, and is run from another folder."""
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(UserError) as caught:
        python_file.call(tmp_path / 'a.py', 'get')
    assert said in str(caught.value) and caught.value.status == 2
