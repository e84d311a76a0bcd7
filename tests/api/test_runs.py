"""`gan_jax.load_run` and `gan_jax.train`: arrays, callbacks, interrupts, silence."""

import json
import os
import shutil
import signal
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gan_jax
from gan_jax import train
from gan_jax.api.display import in_notebook, page
from gan_jax.api.quiet import quiet
from gan_jax.experiment import config
from gan_jax.runtime import output, workdir
from gan_jax.runtime.errors import MISSING, UserError

pytestmark = pytest.mark.usefixtures('quick')
TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'


def settings(**changed):
    """The tiny config without metrics, four steps and a row at each other step."""
    flags = {'steps': 4, 'every.checkpoint': 2, 'every.log': 2, **changed}
    bare = ['--config.evaluate.metrics=', '--config.evaluate.full=']
    flags = [f'--config.{name}={value}' for name, value in flags.items()]
    return config.load_config(f'{TINY}:method=none', [*flags, *bare])


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A run by the library, what its callbacks had, and what was printed meanwhile."""
    folder = tmp_path_factory.mktemp('trained') / 'run'
    rows = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def callback(step, row):
        assert threading.current_thread() is threading.main_thread()
        rows.append((step, dict(row)))

    found = gan_jax.train(settings(), folder, [callback])
    assert {number: signal.getsignal(number) for number in before} == before
    return found, rows


def test_a_run_by_the_library_is_the_run_of_the_command(trained, tmp_path):
    found, _ = trained
    bare = ['--config.evaluate.metrics=', '--config.evaluate.full=']
    flags = ['--config.steps=4', '--config.every.checkpoint=2', '--config.every.log=2', *bare]
    command = [f'--config={TINY}:method=none', *flags, f'--workdir={tmp_path}']
    assert train.main(command) == 0
    rows = [json.loads(line) for line in (tmp_path / 'metrics.jsonl').read_text().splitlines()]
    for name in ('d/adversarial/real', 'g/adversarial/fake'):
        np.testing.assert_array_equal(found.rows[name], [row[name] for row in rows])
    assert found.config == workdir.read_config(tmp_path)


def test_a_run_is_loaded_as_arrays(trained):
    found, rows = trained
    assert found.rows['step'].tolist() == [2, 4]
    assert (found.checkpoints, found.best, found.status['status']) == ((2, 4), None, 'done')
    assert [step for step, _ in rows] == [2, 4]
    steps, values = found.series('d/adversarial/real')
    assert steps.tolist() == [2, 4]
    np.testing.assert_array_equal(values, [row['d/adversarial/real'] for _, row in rows])
    with pytest.raises(KeyError, match="'d/nothing' is in no row of .*: .*d/adversarial/real"):
        found.series('d/nothing')


def test_rows_without_a_number_have_nan(trained, tmp_path):
    workdir.write_json(tmp_path / 'config.json', {})
    lines = ['{"step": 1, "a": 1}', '{"step": 2, "a": null, "b": 3, "why": "text"}', 'damaged']
    (tmp_path / 'metrics.jsonl').write_text('\n'.join([*lines, '']))
    found = gan_jax.load_run(tmp_path)
    assert {*found.rows} == {'step', 'a', 'b'} and found.rows['step'].dtype == np.int64
    np.testing.assert_array_equal(found.rows['a'], [1, np.nan])
    np.testing.assert_array_equal(found.rows['b'], [np.nan, 3])
    assert found.series('b')[0].tolist() == [2]


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match='config.json does not exist') as caught:
        gan_jax.load_run(tmp_path)
    assert caught.value.status == MISSING


def test_a_callback_ends_a_run_which_the_same_call_goes_on_with(trained, tmp_path, capsys):
    first = gan_jax.train(settings(), tmp_path, [lambda step, row: step == 2])
    assert (first.status['status'], first.checkpoints) == ('stopped', (2,))
    assert not (tmp_path / 'report.html').exists()
    second = gan_jax.train(settings(), tmp_path)
    assert (second.status['status'], second.checkpoints) == ('done', (2, 4))
    assert (tmp_path / 'report.html').is_file()
    expected = trained[0].series('d/adversarial/real')
    np.testing.assert_array_equal(second.series('d/adversarial/real'), expected)
    assert capsys.readouterr() == ('', '')


def test_the_report_is_written_while_a_run_goes_on(tmp_path):
    """A run that is stopped has none but those of config.every.report."""
    often = settings(**{'every.report': 1})
    found = gan_jax.train(often, tmp_path, [lambda step, row: step == 2])
    assert found.status['status'] == 'stopped' and (tmp_path / 'report.html').is_file()


@pytest.fixture
def interruptible():
    """Python's handler of SIGINT, which a shell ignores for what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('interruptible')
@pytest.mark.parametrize('after', [0, 0.2])
def test_an_interrupt_saves_and_returns(after, tmp_path):
    """SIGINT, as a kernel sends it, in a callback and while none is called."""
    sent = []

    def interrupt(step, row):
        if not sent:
            sent.append(step)
            kill = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
            kill.start()
            if not after:
                kill.join()

    found = gan_jax.train(settings(steps=2000), tmp_path, [interrupt])
    assert found.status['status'] == 'stopped' and 2 <= found.status['step'] < 2000
    assert found.checkpoints[-1] == found.status['step']


def test_the_exception_of_a_callback_is_the_callers(tmp_path):
    def fails(step, row):
        raise LookupError('of the callback')

    with pytest.raises(LookupError, match='of the callback'):
        gan_jax.train(settings(), tmp_path, [fails])


def test_faults_of_a_config_are_told_before_anything_is_written(tmp_path):
    wrong = settings().to_dict() | {'steps': 0, 'sedd': 1}
    with pytest.raises(UserError, match="config has no use for 'sedd'") as caught:
        gan_jax.train(wrong, tmp_path / 'run')
    assert 'config.steps is 0' in str(caught.value) and not (tmp_path / 'run').exists()


@pytest.mark.slow
def test_another_config_is_refused_and_restart_begins_again(trained, tmp_path):
    gan_jax.train(settings(steps=2), tmp_path)
    with pytest.raises(UserError, match='holds a run of another config'):
        gan_jax.train(settings(steps=2, seed=5), tmp_path)
    found = gan_jax.train(settings(steps=2, seed=5), tmp_path, restart=True)
    assert found.config['seed'] == 5 and (tmp_path / 'earlier' / 'run').exists()


# Silence and display -----------------------------------------------------------------------------


def test_what_others_print_is_printed_and_remarks_are_warnings(capsys):
    with pytest.warns(UserWarning, match='^a checkpoint is damaged$'), quiet():
        print('of a user')
        output.say('ours')
        output.note('a checkpoint is damaged')
    output.say('of a command')
    assert capsys.readouterr() == ('of a user\nof a command\n', '')


def test_remarks_go_to_the_innermost_call_that_is_under_way():
    with pytest.warns(UserWarning, match='^of the outer$'), quiet():
        with pytest.warns(UserWarning, match='^of the inner$'), quiet():
            output.note('of the inner')
        output.note('of the outer')


def test_a_resumed_run_warns_of_a_damaged_checkpoint(trained, tmp_path, capsys):
    folder = tmp_path / 'run'
    shutil.copytree(trained[0].workdir, folder)
    (folder / 'checkpoints' / '4' / 'state' / 'manifest.ocdbt').unlink()
    with pytest.warns(UserWarning, match='^the checkpoint of step 4 is damaged; .* from step 2$'):
        found = gan_jax.train(settings(), folder)
    assert found.checkpoints == (2, 4) and capsys.readouterr() == ('', '')


def test_silence_without_remarks_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with quiet():
            pass


def test_a_notebook_gets_a_display_and_other_programs_none(tmp_path, monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    shell = SimpleNamespace(kernel=object())
    fakes = {
        'IPython': SimpleNamespace(get_ipython=lambda: shell),
        'IPython.display': SimpleNamespace(
            HTML=str, display=lambda text, display_id: shown.append(text) or handle
        ),
    }
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, name, module)
    callback = in_notebook(tmp_path, 10)
    callback(4, {'d/loss': 0.5})
    assert ['step 0 of 10' in shown[0], 'step 4 of 10' in shown[1], len(shown)] == [True, True, 2]
    monkeypatch.delattr(shell, 'kernel')  # IPython in a terminal
    assert in_notebook(tmp_path, 10) is None
    monkeypatch.delitem(sys.modules, 'IPython')
    assert in_notebook(tmp_path, 10) is None


def test_the_display_shows_the_step_the_numbers_and_the_newest_picture(tmp_path):
    (tmp_path / 'samples').mkdir()
    (tmp_path / 'samples' / '00000002.png').write_bytes(b'png')
    text = page(tmp_path, 10, 4, {'d/a<b': 0.25, 'time/seconds_per_step': 3.0})
    assert 'step 4 of 10' in text and 'd/a&lt;b' in text and '0.25' in text
    assert 'seconds_per_step' not in text and 'samples of 00000002' in text
    assert '<img' not in page(tmp_path / 'none', 10, 0, {})
