"""The command that tries the tests: what its operators make of a source, and what is drawn."""

import ast
import textwrap
import tomllib

import pytest

from tests.edited import ROOT
from tests.mutants import report
from tests.mutants.draw import Mutant, drawn, mutants_of
from tests.mutants.modules import MODULES, sources, suite_of
from tests.mutants.operators import OPERATORS
from tests.mutants.trial import KILLED, SURVIVED, TIMED_OUT, UNUSABLE, Outcome, tried, unedited
from tests.mutants.written import WRITTEN, mutant_of


def made(source, operator):
    """What the operator makes of the source: of each mutant the lines that it touches."""
    return [m.new for m in mutants_of('a.py', source) if m.operator == operator]


# The operators ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('operator', 'source', 'expected'),
    [
        ('comparison turned', 'a < b', ['(a <= b)', '(a >= b)']),
        ('comparison turned', 'x = a is None', ['x = (a is not None)']),
        ('comparison turned', 'a not in b', ['(a in b)']),
        ('comparison turned', '0 < a < b', []),
        ('condition negated', 'x = a if b else c', ['x = a if (not b) else c']),
        ('condition negated', 'a and b or c', ['((a and b) and c)', '(a or b) or c']),
        ('condition negated', 'f(not a, True)', ['f(a, True)', 'f(not a, False)']),
        ('guard removed', 'if a > b:\n    raise ValueError(a)', ['if False:']),
        ('guard removed', 'def f():\n    if a:\n        return 1', ['if False:']),
        ('guard removed', 'if a:\n    b()', []),
        ('guard removed', 'if a:\n    raise b\nelse:\n    c()', []),
        ('statement deleted', 'check(a)', ['pass']),
        ('statement deleted', 'a += b', ['pass']),
        ('statement deleted', 'a = f(a)\nb = f(a)\nc.d = a\nc[0] = a', ['pass'] * 3),
        ('arguments swapped', 'f(a, b, c)', ['f(b, a, c)']),
        ('arguments swapped', 'f(a, *b), max(a, b), a + b, named(a, b)', []),
        ('arguments swapped', 'x = a @ b', ['x = (b @ a)']),
        ('arguments swapped', 'x = a / str(b)', []),
        ('arguments swapped', 'x = a | b.keys() | {c}', []),
        ('arguments swapped', 'x = {**a} | b', ['x = (b | {**a})']),
        ('number ± 1', 'f(2)', ['f(3)', 'f(1)']),
        ('number ± 1', 'x = 0.5', ['x = 1.5', 'x = -0.5']),
        ('number ± 1', 'f(True)', []),
        ('sign flipped', 'a - b', ['(a + b)']),
        ('sign flipped', 'f(-a * b)', ['f((-a / b))', 'f(a * b)']),
        ('sign flipped', "a + f'{b}', a + [b], a / 'name' / b", []),
        ('sign flipped', 'a -= b', ['a += b']),
        ('key reused', "named(key, 'a', i)", ['named(key, i)', "named(key, 'a')"]),
        ('key reused', "f(named(key, 'a'))", ['f(key)']),
        ('key reused', 'k = jax.random.fold_in(key, i)', ['k = key']),
        ('other value returned', 'def f():\n    return jnp.mean(a)', ['return a']),
        ('other value returned', 'def f():\n    return g(a).sum(b)', ['return g(a)']),
        ('other value returned', 'def f():\n    return a, b', ['return (b, a)']),
        ('other value returned', 'def f():\n    return a * b', ['return a']),
        ('other value returned', 'def f():\n    return a if b else c', ['return a', 'return c']),
        ('keyword dropped', 'f(a, b=1, **c)', ['f(a, **c)']),
        ('keyword dropped', 'zip(a, b, strict=True)', []),
        (
            'sibling called',
            'jnp.mean(x) + min(a, b)',
            ['jnp.sum(x) + min(a, b)', 'jnp.mean(x) + max(a, b)'],
        ),
    ],
)
def test_what_an_operator_makes(operator, source, expected):
    assert made(source, operator) == expected


def test_every_operator_is_tried_above():
    tried_above = test_what_an_operator_makes.pytestmark[0].args[1]
    assert {operator for operator, *_ in tried_above} == set(OPERATORS)


def test_what_only_speaks_is_left_alone():
    source = '''
        """A module of 1 line."""
        import a.b

        class C(Base[1], meta=2):
            """A class of 2."""
            x: Literal[3]

        @decorated(4, 5)
        def f(a: Literal[6]) -> Literal[7]:
            """Returns 8."""
            print('said', 9)
            warnings.warn('said', stacklevel=10)
            x = f'{a + 11}'
            isinstance(x, int | str)
            raise ValueError(f'{12}', 13)

        if __name__ == '__main__':
            f(14, 15)
    '''
    assert [m.new for m in mutants_of('a.py', textwrap.dedent(source))] == ['pass']  # isinstance


def test_an_edit_changes_its_lines_alone_and_says_where_it_is():
    source = 'class Ä:\n    def f(self):\n        a = "ä", 1; b = g(\n            2)  # why\n'
    mutant = [*mutants_of('a.py', source)][-1]
    assert mutant.source == source.replace('2)', '1)')
    assert (mutant.line, mutant.function) == (4, 'Ä.f')
    assert mutant.text == ('a.py', 'Ä.f', '2) # why', '1) # why')
    one, two, *_ = mutants_of('a.py', source)
    assert one.source == source.replace('1;', '2;')
    assert two.source == source.replace('1;', '0;')


def test_python_reads_every_mutant():
    path = 'gan_jax/views.py'
    for mutant in mutants_of(path, (ROOT / path).read_text()):
        ast.parse(mutant.source)


def test_an_edit_that_changes_nothing_is_none():
    assert made('f(a, a)', 'arguments swapped') == []


# The draw -----------------------------------------------------------------------------------------


def test_the_draw_is_a_function_of_the_seed_and_the_module():
    path = 'gan_jax/views.py'
    mutants = [*mutants_of(path, (ROOT / path).read_text())]
    first, again, other_seed, other_module = (
        [*drawn(mutants, *draw)] for draw in ((0, 'a'), (0, 'a'), (1, 'a'), (0, 'b'))
    )
    assert first == again
    assert first != other_seed and first != other_module
    assert sorted(first) == sorted(other_seed) == sorted(mutants)


def test_who_is_drawn_depends_on_the_text_alone():
    path = 'gan_jax/views.py'
    source = (ROOT / path).read_text()
    longer = f'MORE = 3\n{source}\n\ndef more(a, b):\n    return a < b\n'
    before, after = ([*drawn(mutants_of(path, text), 0, 'a')] for text in (source, longer))
    known = {mutant.text for mutant in before}
    assert len(after) > len(before) > 100
    for operator in OPERATORS:
        mine = [m.text for m in before if m.operator == operator]
        assert [m.text for m in after if m.operator == operator and m.text in known] == mine


def test_every_operator_takes_its_turn():
    path = 'gan_jax/step.py'
    mutants = [*mutants_of(path, (ROOT / path).read_text())]
    operators = {mutant.operator for mutant in mutants}
    assert {m.operator for m in [*drawn(mutants, 0, 'step')][: len(operators)]} == operators


@pytest.mark.parametrize('module', MODULES)
def test_every_module_has_enough_mutants_and_tests_that_speak_for_it(module):
    files = sources(module)
    assert sum(1 for path in files for _ in mutants_of(path, files[path])) >= 30
    for path in files:
        assert suite_of(path)
        assert all((ROOT / test).is_file() for test in suite_of(path))


# What becomes of a mutant -------------------------------------------------------------------------

SAMPLER = 'gan_jax/data/sampler.py'
ONE = Mutant(SAMPLER, '', 1, 'an operator', 'a', 'b', '')
TESTS = 'tests/data/test_sampler.py'


@pytest.mark.slow
@pytest.mark.parametrize(
    ('old', 'new', 'test', 'limit', 'verdict'),
    [
        ('(batch + 1)', '(batch + 2)', TESTS, 300, KILLED),
        ('(batch + 1)', '(batch + 2)', 'tests/evaluate/test_interpolate.py', 300, SURVIVED),
        ('import functools', 'import functools, nothing_of_that_name', TESTS, 300, UNUSABLE),
        ('import functools', 'import functools\nwhile True: pass', TESTS, 1, TIMED_OUT),
    ],
)
def test_what_becomes_of_a_mutant(old, new, test, limit, verdict):
    source = (ROOT / SAMPLER).read_text().replace(old, new)
    outcome = tried(ONE._replace(source=source), [test], limit)
    assert outcome.verdict == verdict
    if verdict == KILLED:
        assert outcome.by == f'{TESTS}::test_type_shape_and_range'


@pytest.mark.slow
def test_without_a_mutant_the_tests_pass_or_the_reason_is_told():
    seconds, said = unedited(['tests/evaluate/test_interpolate.py'], 300)
    assert seconds > 0 and said == ''
    assert 'no_such_file' in unedited(['tests/no_such_file.py'], 300)[1]


# What is said of them -----------------------------------------------------------------------------

LIVING, ARGUED = ONE._replace(old='living'), ONE._replace(old='argued')
EQUIVALENT = {ARGUED.text: 'because'}


def trial(mutant, verdict, module='step'):
    return report.Trial(module, mutant, Outcome(verdict, 'a test', 1.0))


def test_the_table_counts_every_trial_once():
    trials = [
        *(trial(ONE, verdict) for verdict in (KILLED, TIMED_OUT)),
        *(trial(mutant, SURVIVED) for mutant in (LIVING, ARGUED)),
        trial(ONE, KILLED, 'views'),
    ]
    assert report.table(trials, EQUIVALENT).splitlines()[2:] == [
        '| step | 4 | 2 | 1 | 1 | 1 |',
        '| views | 1 | 1 | 0 | 0 | 0 |',
        '| all | 5 | 3 | 1 | 1 | 1 |',
    ]


def test_the_tests_hold_when_all_is_killed_or_argued():
    trials = [trial(ONE, KILLED), trial(ARGUED, SURVIVED)]
    assert report.faults(trials, EQUIVALENT, 2) == []


@pytest.mark.parametrize(
    ('trials', 'asked', 'sentence'),
    [
        ([trial(LIVING, SURVIVED)], 1, '1 survived'),
        ([trial(ARGUED, KILLED)], 1, 'is called equivalent, and a test noticed it'),
        ([trial(ARGUED, SURVIVED)] * 2 + [trial(ONE, KILLED)] * 17, 19, '2 of 19 are called'),
        ([trial(ONE, KILLED)], 2, '2 were to be tried and there are only 1'),
    ],
)
def test_what_the_tests_lack_is_told(trials, asked, sentence):
    (said,) = report.faults(trials, EQUIVALENT, asked)
    assert sentence in said


def test_two_of_twenty_may_be_called_equivalent():
    trials = [trial(ARGUED, SURVIVED)] * 2 + [trial(ONE, KILLED)] * 18
    assert report.faults(trials, EQUIVALENT, 20) == []


def test_a_survivor_is_shown_with_the_entry_that_would_excuse_it():
    path = 'gan_jax/data/sampler.py'
    (mutant, *_) = mutants_of(path, (ROOT / path).read_text())
    said = report.described(mutant)
    assert said.startswith(f'{path}:{mutant.line}: {mutant.operator}')
    assert any(line.startswith('-') for line in said.splitlines())
    (entry,) = tomllib.loads(said[said.index('[[equivalent]]') :])['equivalent']
    assert tuple(entry.values()) == mutant.text


def test_whoever_is_called_equivalent_is_still_a_mutant_and_has_an_argument():
    for text, why in report.argued().items():
        assert text in {m.text for m in mutants_of(text[0], (ROOT / text[0]).read_text())}
        assert len(why.split()) > 5


@pytest.mark.parametrize('fault', WRITTEN, ids=lambda fault: fault.what)
def test_a_fault_that_was_written_down_still_fits_the_code(fault):
    mutant = mutant_of(fault)
    assert fault.new in mutant.source and ast.parse(mutant.source)
    assert all((ROOT / test).is_file() for test in fault.tests)
