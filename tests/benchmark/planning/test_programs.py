"""Files of --compile_for: what a plan reads of them, and a sentence for all that may be wrong."""

import copy
import json

import pytest

from gan_jax.benchmark.planning.programs import CompiledStep, read_compiled
from gan_jax.runtime.errors import MISSING, USAGE, UserError

SETTINGS = {
    'batch_size': 64,
    'steps_per_dispatch': 10,
    'terms': {'cr': {'weight': 1.0}},
    'mesh': {'data': -1, 'model': 1},
}
FITS = {
    'target': 'v5e:2x2',
    'device': 'v5e',
    'devices': 1,
    'steps': 10,
    'fits': True,
    'memory': {'peak': 2_000, 'state': 500},
    'cycles': 40_000,
}
REFUSED = {
    'target': 'H100:2',
    'device': 'H100',
    'devices': 2,
    'steps': 10,
    'fits': False,
    'why': 'RESOURCE_EXHAUSTED: needs 90G',
}
RESULT = {
    'settings': {**SETTINGS, 'mesh': {'data': 1, 'model': 1}},
    'versions': {'jax': '0.10.2'},
    'commit': 'b298932',
    'time': '2026-11-28T20:00:00Z',
    'compiled': [FITS, REFUSED],
}


@pytest.fixture
def written(tmp_path):
    """Writes a file, and returns its path."""

    def write(result, name='compiled.json'):
        path = tmp_path / name
        path.write_text(result if isinstance(result, str) else json.dumps(result))
        return str(path)

    return write


def test_a_step_has_its_share_of_the_cycles_of_a_dispatch(written):
    path = written(RESULT)
    one, two = read_compiled([path], SETTINGS)
    source = f'{path}, jax 0.10.2, commit b298932, 2026-11-28T20:00:00Z'
    assert one == CompiledStep('v5e:2x2', 'v5e', 1, '', 2_000, 4_000.0, source)
    why = 'RESOURCE_EXHAUSTED: needs 90G'
    assert two == CompiledStep('H100:2', 'H100', 2, why, None, None, source)


def test_numbers_that_a_compiler_does_not_give(written):
    blind = {**FITS, 'memory': None, 'cycles': None}
    path = written({**RESULT, 'commit': None, 'compiled': [blind]})
    (one,) = read_compiled([path], SETTINGS)
    assert (one.refusal, one.peak, one.cycles) == ('', None, None)
    assert one.source == f'{path}, jax 0.10.2, 2026-11-28T20:00:00Z'


def test_several_files_are_read_in_their_order(written):
    paths = [
        written({**RESULT, 'compiled': [REFUSED]}, 'cards.json'),
        written({**RESULT, 'compiled': [FITS]}, 'tpus.json'),
    ]
    assert [step.device for step in read_compiled(paths, SETTINGS)] == ['H100', 'v5e']
    assert read_compiled([], SETTINGS) == []


@pytest.mark.parametrize(
    ('block', 'key', 'value', 'said'),
    [
        (None, 'batch_size', 32, 'batch_size: 32 -> 64 here'),
        (None, 'steps_per_dispatch', 1, 'steps_per_dispatch: 1 -> 10 here'),
        ('mesh', 'model', 2, 'mesh.model: 2 -> 1 here'),
        ('terms', 'r1', {'weight': 1.0}, 'terms.r1.weight: 1.0 -> '),
    ],
)
def test_a_file_of_another_config_names_the_first_difference(written, block, key, value, said):
    result = copy.deepcopy(RESULT)
    (result['settings'][block] if block else result['settings'])[key] = value
    with pytest.raises(UserError) as stopped:
        read_compiled([written(result)], SETTINGS)
    assert f'compiled.json is of another config, {said}' in str(stopped.value)
    assert stopped.value.status == USAGE and '\n' not in str(stopped.value)


def test_no_file_of_that_name(tmp_path):
    with pytest.raises(UserError, match='cannot read --compiled=.*x.json: No such file') as stopped:
        read_compiled([str(tmp_path / 'x.json')], SETTINGS)
    assert stopped.value.status == MISSING


@pytest.mark.parametrize('text', ['', 'no JSON', '{"compiled": ['])
def test_a_file_that_is_no_json(written, text):
    with pytest.raises(UserError, match='compiled.json is no JSON file: ') as stopped:
        read_compiled([written(text)], SETTINGS)
    assert stopped.value.status == USAGE


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / 'x.json').write_bytes(b'\xff\xfe')
    with pytest.raises(UserError, match='x.json is no JSON file: '):
        read_compiled([str(tmp_path / 'x.json')], SETTINGS)


@pytest.mark.parametrize('result', [[1], {}, {**RESULT, 'compiled': []}, {'measured': {}}])
def test_a_file_without_compiled_programs(written, result):
    with pytest.raises(UserError, match='has no compiled programs: write it with python -m gan'):
        read_compiled([written(result)], SETTINGS)


@pytest.mark.parametrize(
    'change',
    [
        {'settings': 3},
        {'settings': None},
        {'versions': {}},
        {'compiled': 3},
        {'compiled': [3]},
        {'compiled': [{**FITS, 'memory': {}}]},
        {'compiled': [{**FITS, 'memory': 5}]},
        {'compiled': [{**FITS, 'devices': 'one'}]},
        {'compiled': [{**FITS, 'cycles': 'many'}]},
        {'compiled': [{**FITS, 'devices': 0}]},
        {'compiled': [{**FITS, 'cycles': 0}]},
        {'compiled': [{**FITS, 'memory': {'peak': -1}}]},
        {'compiled': [{**FITS, 'steps': 0}]},
        {'compiled': [{key: FITS[key] for key in FITS if key != 'fits'}]},
    ],
)
def test_a_file_of_another_form(written, change):
    with pytest.raises(UserError, match='is not what python -m gan_jax.* writes') as stopped:
        read_compiled([written({**RESULT, **change})], SETTINGS)
    assert '\n' not in str(stopped.value)
