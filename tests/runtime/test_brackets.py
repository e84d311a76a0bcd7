"""Lists whose items have brackets."""

import pytest

from gan_jax.runtime.brackets import split


@pytest.mark.parametrize(
    ('text', 'items'),
    [
        ('', ['']),
        ('a,b', ['a', 'b']),
        ('a,,b', ['a', '', 'b']),
        (
            'fd,leak@one_of(a,b(0.2)|n_of(2,c,d,e)),kid',
            ['fd', 'leak@one_of(a,b(0.2)|n_of(2,c,d,e))', 'kid'],
        ),
        ('p(0.5, a', ['p(0.5, a']),
        ('a),b', ['a)', 'b']),
    ],
)
def test_marks_in_brackets_do_not_count(text, items):
    assert split(text, ',') == items
