"""The command for devices that need not be here, with this machine's own compiler as a stand-in."""

import contextlib
import json
from pathlib import Path

import jax
import pytest

from gan_jax.benchmark import __main__ as command
from gan_jax.benchmark.compilers import printed, targets
from gan_jax.benchmark.compilers.compile import compile_for
from gan_jax.benchmark.compilers.table import table
from gan_jax.benchmark.compilers.targets import Target
from gan_jax.benchmark.planning.devices import Device
from gan_jax.benchmark.workload import form_of
from gan_jax.experiment import config
from gan_jax.runtime.errors import UserError

TINY = Path(__file__).parents[2] / 'sweeps' / 'tiny.py'
HERE = Device('here', 8e9, 1e12, 1e12, 1e11, 1, 1e9, 1e9, clock=1e9)


@pytest.fixture(scope='module', autouse=True)
def cached():
    """The tests have a cache, and use it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printed, 'uncached', contextlib.nullcontext)
        yield


def target():
    return Target('here:2', jax.devices()[:2], HERE)


def settings_of(*overrides):
    return json.loads(config.load_config(f'{TINY}:method=cr', [*overrides]).to_json())


@pytest.fixture(scope='module')
def result():
    settings = settings_of('--config.steps_per_dispatch=3', '--config.mesh.data=2')
    return compile_for(settings, form_of(settings)[0], target())


@pytest.mark.slow
def test_it_is_the_program_of_a_dispatch_on_the_devices_of_the_target(result):
    assert (result['target'], result['devices'], result['steps']) == ('here:2', 2, 3)
    assert result['fits'] and result['collectives']['all-reduce']['operations'] >= 3
    single = settings_of('--config.steps_per_dispatch=1', '--config.mesh.data=1')
    alone = compile_for(single, form_of(single)[0], target())
    assert alone['devices'] == 1 and not alone['collectives']
    assert result['work']['counted'] == 3 * alone['work']['counted']


def test_memory_is_state_data_and_the_rest(result):
    memory, data = result['memory'], form_of(settings_of())[0]
    labels = 4 * len(data.images)  # which no network of this config takes
    assert 0 <= memory['data'] - data.images.nbytes < labels
    assert memory['state'] > 0
    assert memory['peak'] >= memory['state'] + memory['data']


def test_the_result_is_json_and_the_table_says_what_is_in_it(result):
    assert json.loads(json.dumps(result))['launches'] == result['launches']
    text = table('tiny.py', result)
    assert text.startswith('tiny.py for here:2, 2 used: 3 steps in one dispatch, compiled')
    assert 'all-reduce' in text and 'largest results' in text and 'cycles' not in text
    timed = table('x', {**result, 'cycles': 4_000_000, 'seconds': 0.002, 'share': 0.25})
    assert '4,000,000 estimated' in timed and '2 ms a step, 25 % of the peak' in timed


def test_a_program_that_does_not_fit_is_an_answer(monkeypatch):
    def refuse(*_, **__):
        raise jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: needs 20G of 16G\nand more')

    monkeypatch.setattr(jax.stages.Lowered, 'compile', refuse)
    settings = settings_of()
    found = compile_for(settings, form_of(settings)[0], target())
    assert not found['fits']
    assert table('x', found).splitlines()[-1] == (
        'does not fit: RESOURCE_EXHAUSTED: needs 20G of 16G'
    )


def test_any_other_fault_of_a_compiler_is_not_hidden(monkeypatch):
    def fail(*_, **__):
        raise jax.errors.JaxRuntimeError('INTERNAL: broken')

    monkeypatch.setattr(jax.stages.Lowered, 'compile', fail)
    settings = settings_of()
    with pytest.raises(jax.errors.JaxRuntimeError, match='broken'):
        compile_for(settings, form_of(settings)[0], target())


@pytest.mark.slow
def test_the_command_prints_each_target_and_writes_all(monkeypatch, tmp_path, capsys):
    asked = []

    def read(text, path):
        asked.append((text, path))
        return [target(), target()._replace(name='there')]

    monkeypatch.setattr(command, 'read_targets', read)
    out = tmp_path / 'new' / 'compiled.json'
    flags = [f'--config={TINY}', '--compile_for=a,b', f'--out={out}', '--config.mesh.data=1']
    assert command.main(flags) == 0
    assert asked == [('a,b', targets.TABLE)]
    printed = capsys.readouterr().out
    assert 'for here:2, 1 used' in printed and 'for there, 1 used' in printed
    written = json.loads(out.read_text())
    assert [one['target'] for one in written['compiled']] == ['here:2', 'there']
    assert written['settings']['mesh']['data'] == 1 and written['versions']['jax']


@pytest.mark.parametrize('other', ['--plan=x.toml', '--against=torch'])
def test_what_measures_or_plans_does_not_go_with_it(other):
    with pytest.raises(UserError, match='--compile_for measures nothing: leave out'):
        command.main([f'--config={TINY}', '--compile_for=v5e:2x2', other])
