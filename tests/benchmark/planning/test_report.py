"""--plan: what it prints, and what it says where it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest

from gan_jax.benchmark import __main__ as command
from gan_jax.benchmark.planning.report import ASSUMED, Share, _resident, share_of
from gan_jax.benchmark.workload import images_of
from gan_jax.experiment import config
from gan_jax.runtime.errors import MISSING, UserError

ROOT = Path(__file__).parents[3]
TINY = ROOT / 'tests' / 'sweeps' / 'tiny.py'
TABLE = ROOT / 'configs' / 'devices.toml'


def planned(capsys, *flags):
    assert command.main([f'--config={TINY}:method=cr', *flags]) == 0
    return capsys.readouterr().out


def test_it_prints_a_table_for_each_device(capsys):
    text = planned(capsys, f'--plan={TABLE}:H100,v5e', '--config.mesh.data=512')
    head, _, *rows = text[text.index('H100') :].splitlines()
    assert head.startswith('H100: 80 GB, 494.7 TFLOP/s, 3.35 TB/s; links 450 GB/s among 8')
    assert [row.split()[0] for row in rows[:4]] == ['1', '2', '4', '8']  # of a batch of 8
    assert all(' yes ' in row for row in rows[:4])
    assert 'v5e: 16 GB, 197 TFLOP/s' in text and 'A100' not in text
    assert '0.3 of the peak: an assumption' in text
    assert 'for less memory' not in text
    assert max(map(len, text.splitlines()[1:])) < 120


def test_a_state_in_parts_is_planned_for_multiples_of_its_devices(capsys):
    where = [f'--plan={TABLE}:H100', '--config.latent.dim=64', '--config.data.size=16']
    text = planned(capsys, *where, '--config.mesh.model=4')
    # What is cut is 65.54 kB in four places, and a fourth of it is on each.
    assert 'the state: 291.1 kB; 94.49 kB on each of 4 devices, and 65.54 kB of weights' in text
    assert 'put together 2 times a step' in text
    *_, first, second = text[: text.index('\n\nwithout')].splitlines()
    assert [row.split()[0] for row in (first, second)] == ['4', '8']
    assert 'put together' not in planned(capsys, *where)


@pytest.mark.parametrize(
    ('model', 'said'),
    [
        (0, 'config.mesh.model is 0: give an integer from 1'),
        (3, 'config.batch_size 8 does not divide among 3 devices: change it, or use fewer'),
        (16, 'config.batch_size 8 does not divide among 16 devices: change it, or use fewer'),
    ],
)
def test_a_state_that_cannot_be_in_so_many_parts(model, said, capsys):
    with pytest.raises(UserError) as raised:
        planned(capsys, f'--plan={TABLE}', f'--config.mesh.model={model}')
    assert str(raised.value).startswith(said) and '\n' not in str(raised.value)


def test_what_does_not_fit_is_told_what_to_do(capsys, tmp_path):
    small = tmp_path / 'small.toml'
    small.write_text(TABLE.read_text().replace('memory = 80e9', 'memory = 1e3'))
    text = planned(capsys, f'--plan={small}:H100')
    assert ' no ' in text
    assert 'for less memory, one after another: --config.accumulate=2; ' in text


@pytest.fixture
def compiled(tmp_path):
    """Writes what --compile_for would, of the tiny config with some changes; returns the flag."""

    def write(*entries, name='compiled.json', overrides=()):
        settings = json.loads(config.load_config(f'{TINY}:method=cr', [*overrides]).to_json())
        about = {'versions': {'jax': '0.10.2'}, 'commit': 'abc', 'time': '2026-11-28T20:00:00Z'}
        (tmp_path / name).write_text(
            json.dumps({'settings': settings, **about, 'compiled': entries})
        )
        return f'--compiled={tmp_path / name}'

    return write


def entry(target, devices, **more):
    device, memory = target.partition(':')[0], {'peak': 3_210_000_000}
    known = {'target': target, 'device': device, 'devices': devices, 'steps': 1, 'fits': True}
    return {**known, 'memory': memory, 'cycles': None, **more}


def rows_of(text, device):
    """The words of each row of a device's table, by the number of devices."""
    _, _, *rows = text[text.index(f'\n{device}:') :].strip().split('\n\n')[0].splitlines()
    return {int(row.split()[0]): row.split()[1:] for row in rows}


def test_a_plan_takes_the_numbers_of_compilers_where_they_are(capsys, compiled):
    """The config of the file may differ in the number of devices."""
    tpu, card = entry('v5e:2x2', 1, cycles=3_000_000), entry('H100', 2)
    flag = compiled(tpu, card, overrides=['--config.mesh.data=1'])
    text = planned(capsys, f'--plan={TABLE}:v5e,H100,A100', flag)
    v5e, h100, a100 = (rows_of(text, name) for name in ('v5e', 'H100', 'A100'))
    assert v5e[1][:7] == ['3.21', 'GB', 'yes', '2', 'ms', 'cycles', '500']
    assert v5e[1][7:] == ['100', '%', '6.67e-06', 'all']
    assert h100[2][:3] == ['3.21', 'GB', 'yes'] and h100[2][-1] == 'memory'
    plain = planned(capsys, f'--plan={TABLE}:v5e,H100,A100')
    assert 'by compiler' not in plain
    assert v5e[2][:-1] == rows_of(plain, 'v5e')[2]
    assert {row[-1] for row in (v5e[2], v5e[4], v5e[8], h100[1], *a100.values())} == {'nothing'}
    path = flag.partition('=')[2]
    assert f'v5e:2x2, 1 used: {path}, jax 0.10.2, commit abc, 2026-11-28T20:00:00Z' in text
    assert 'H100, 2 used: ' in text and 'an efficiency compares two steps by formulas' in text
    assert max(len(row) for row in text.splitlines()[1:] if path not in row) < 125


def test_several_files_and_programs_of_no_row(capsys, compiled):
    """Of two for the same devices the last counts; a batch of 8 does not divide among 16."""
    old = compiled(entry('v5e:2x2', 1, cycles=1_500_000), entry('v5e:4x4', 16), name='old.json')
    new = compiled(entry('v5e:1x1', 1, cycles=3_000_000), entry('v4:2x2x1', 1), name='new.json')
    text = planned(capsys, f'--plan={TABLE}:v5e', f'{old},{new.partition("=")[2]}')
    assert rows_of(text, 'v5e')[1][3:6] == ['2', 'ms', 'cycles']
    assert 'v5e:1x1, 1 used: ' in text
    for unused in ('v5e:2x2, 1', 'v5e:4x4, 16', 'v4:2x2x1, 1'):
        assert f'{unused} used, in no row above: ' in text


def test_what_a_compiler_refuses_does_not_fit(capsys, compiled):
    flag = compiled(entry('v5e:2x2', 1, fits=False, why='RESOURCE_EXHAUSTED: 20G of 16G'))
    text = planned(capsys, f'--plan={TABLE}:v5e', flag)
    row = rows_of(text, 'v5e')[1]
    assert row[-1] == 'fits' and 'no' in row
    assert '\n  does not fit: RESOURCE_EXHAUSTED: 20G of 16G\n' in text
    assert 'for less memory, one after another: ' in text


def test_numbers_of_another_config_are_refused(capsys, compiled):
    flag = compiled(entry('v5e:2x2', 1), overrides=['--config.batch_size=4'])
    with pytest.raises(UserError, match='is of another config, batch_size: 4 -> 8 here'):
        planned(capsys, f'--plan={TABLE}:v5e', flag)


def test_the_share_is_an_assumption_a_number_or_a_measurement(tmp_path):
    assert share_of(None).value == ASSUMED and 'assumption' in share_of(None).source
    assert share_of('0.45') == Share(0.45, 'given by --share')
    measured = {
        'config': 'configs/digits.py',
        'settings': {'dtype': 'float32'},
        'versions': {'device': 'cpu: cpu x 1'},
        'measured': {'roofline': {'share': {'median': 0.74}}},
    }
    file = tmp_path / 'benchmark.json'
    file.write_text(json.dumps(measured))
    source = 'measured with configs/digits.py in float32 on cpu: cpu x 1'
    assert share_of(str(file)) == Share(0.74, source)


@pytest.mark.parametrize('text', ['{"measured": {}}', '[1]', 'no JSON', ''])
def test_a_file_that_no_benchmark_wrote(tmp_path, text):
    file = tmp_path / 'other.json'
    file.write_text(text)
    with pytest.raises(UserError, match='other.json is neither a number nor what python -m gan'):
        share_of(str(file))


@pytest.mark.parametrize('text', ['0', '30', '-0.3', 'nan', 'inf'])
def test_a_share_that_is_none(text):
    with pytest.raises(UserError, match=f'--share is {text}: give a number above 0, at most 1'):
        share_of(text)


def test_no_file_of_that_name(tmp_path):
    with pytest.raises(UserError, match='cannot read --share=.*: No such file') as raised:
        share_of(str(tmp_path / 'benchmark.json'))
    assert raised.value.status == MISSING


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        ([f'--plan={TABLE}', '--out=plan.json'], '--plan measures nothing'),
        ([f'--plan={TABLE}', '--against=torch'], '--plan measures nothing'),
        (['--share=0.3'], '--share is for --plan=TABLE'),
        (['--compiled=x.json'], '--compiled is for --plan=TABLE'),
        (['--compiled=x.json', '--compile_for=v5e:2x2'], '--compiled is for --plan=TABLE'),
        (['--devices=x.toml'], '--devices is for --compile_for=DEVICE'),
        (['--devices=x.toml', f'--plan={TABLE}'], '--devices is for --compile_for=DEVICE'),
    ],
)
def test_flags_that_do_not_go_together(flags, said):
    with pytest.raises(UserError) as stopped:
        command.main([f'--config={TINY}', *flags])
    assert stopped.value.status == 2
    assert said in str(stopped.value)


def test_data_count_as_they_stay_on_a_device(tmp_path):
    """Those of a published set that is not prepared as 50,000 images, of a fraction as that."""
    where = [
        '--config.data.name=cifar10',
        '--config.data.size=32',
        f'--config.data.dir={tmp_path}',
    ]
    settings = config.load_config(str(TINY), [*where, '--config.data.fraction=0.1']).to_dict()
    dataset, real = images_of(settings)
    assert not real
    assert _resident(settings, dataset, real) == 5000 * (32 * 32 * 3 + 4)
    digits, real = images_of(config.load_config(str(TINY)).to_dict())
    assert real and _resident({'data': {'fraction': 1.0}}, digits, real) == 1437 * (8 * 8 + 4)
    path = tmp_path / 'images.npy'
    np.save(path, digits.images)
    streamed = digits._replace(images=np.load(path, mmap_mode='r'))
    assert _resident(settings, streamed, real) == 0
