"""The slow tests in CI: three runs of CI in a row have them all."""

import pytest

from tests.thirds import share


@pytest.mark.parametrize('first', [0, 7])
def test_three_runs_in_a_row_have_each_case_once(first):
    cases = [*'abcdefghabcdefgh']
    shares = [share(cases, first + i) for i in range(3)]
    assert sorted(x for one in shares for x in one) == [*'abcdefgh']
    assert {len(one) for one in shares} == {2, 3}
