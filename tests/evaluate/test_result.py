"""Result files: values as JSON, and a folder that cannot be written to."""

import json

import pytest

from gan_jax.evaluate import result
from gan_jax.runtime.errors import UNWRITABLE, UserError


def test_what_is_not_finite_is_null_and_named(capsys):
    found = result.values_of({'a': 1.25, 'b': float('nan'), 'c': float('inf')})
    assert found == {
        'metrics': {'a': 1.25, 'b': None, 'c': None},
        'not_finite': {'b': 'nan', 'c': 'inf'},
    }
    json.dumps(found, allow_nan=False)
    assert result.values_of({'a': 1.0}) == {'metrics': {'a': 1.0}}
    result.show_values(found)
    assert capsys.readouterr().out == 'a: 1.25\nb: not finite\nc: not finite\n'


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    result.write(tmp_path / 'a' / 'b' / 'x', lambda: (tmp_path / 'a' / 'b' / 'x').write_text(''))
    assert (tmp_path / 'a' / 'b' / 'x').exists()
    with pytest.raises(UserError, match='printed and not kept') as caught:
        result.write(tmp_path / 'a' / 'b' / 'x' / 'y', lambda: None)
    assert caught.value.status == UNWRITABLE
