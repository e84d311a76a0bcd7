"""Writers by the path of their functions: what they get, and that none of them ends a run."""

import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from gan_jax import train
from gan_jax.experiment import config
from gan_jax.run.own_writers import Guarded, own_writers
from gan_jax.runtime import distributed, workdir
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.writers import RunInfo, Writer, Writers
from tests import hostile

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
SOURCE = '''
import json

from gan_jax.runtime.errors import UserError
from gan_jax.runtime.writers import Writer

SEEN = []


def lines(run, name: str = 'lines.jsonl') -> Writer:
    """Rows as lines of a file beside the workdir."""
    SEEN.append(run)
    file = open(run.folder.parent / name, 'a')

    def write(step, values):
        print(json.dumps([step, values]), file=file, flush=True)

    def write_images(step, images):
        write(step, {name: list(batch.shape) for name, batch in images.items()})

    return Writer(write_scalars=write, write_images=write_images, close=file.close)


def broken(run) -> Writer:
    def write(step, values):
        SEEN.append(step)
        raise ValueError('no luck')

    return Writer(write_scalars=write, close=lambda: SEEN.append('closed'))


def unopened(run) -> Writer:
    raise ConnectionError('nobody answers')


def refused(run) -> Writer:
    raise UserError('config.writers needs a letter')


def other(run):
    return print
'''


@pytest.fixture(autouse=True)
def writing(module_of):
    """The module of somebody's writers."""
    module_of('writing', SOURCE)


def of(folder, since=-1, **blocks):
    settings = {'writers': {n: {'fn': f'writing.{fn}'} for n, fn in blocks.items()}}
    return own_writers(settings, RunInfo(folder, settings, since))


def test_a_writer_is_given_the_run_and_the_rows(tmp_path):
    (mine,) = of(tmp_path / 'run', 7, mine='lines')
    assert sys.modules['writing'].SEEN[0].since == 7
    both = Writers([mine])
    both.write_scalars(8, {'a': 1.5})
    both.write_images(8, {'samples': np.zeros((1, 4, 4, 3), np.uint8)})
    both.write_texts(8, {'why': 'left out'})  # it has no use for these
    both.sync()
    both.close()
    both.close()
    lines = (tmp_path / 'lines.jsonl').read_text().splitlines()
    assert [*map(json.loads, lines)] == [[8, {'a': 1.5}], [8, {'samples': [1, 4, 4, 3]}]]


def test_a_writer_that_raises_is_told_of_once_and_left_alone(tmp_path, capsys):
    (mine,) = of(tmp_path, mine='broken')
    for step in (1, 2):
        mine.write_scalars(step, {})
    mine.close()
    assert sys.modules['writing'].SEEN == [1, 'closed']
    assert capsys.readouterr().err == (
        'gan_jax: config.writers.mine stops here, and the run goes on without it: no luck\n'
    )


def test_no_error_of_a_writer_gets_out_once_it_is_open():
    def fail(*arguments):
        raise UserError('as it happens')

    guarded = Guarded('a', lambda: Writer(write_scalars=fail, close=fail))
    guarded.write_scalars(1, {})
    guarded.close()
    Guarded('b', lambda: Writer(close=fail)).close()


def test_a_writer_that_cannot_be_opened_ends_no_run_but_a_mistake_does(tmp_path, capsys):
    (mine,) = of(tmp_path, mine='unopened')
    mine.write_scalars(1, {})
    assert 'without it: ConnectionError: nobody answers' in capsys.readouterr().err
    with pytest.raises(UserError, match='^config.writers needs a letter'):
        of(tmp_path, mine='refused')
    with pytest.raises(UserError, match='config.writers.mine: writing.other makes a builtin_fun'):
        of(tmp_path, mine='other')


def test_calls_come_one_at_a_time():
    inside, most = [], []

    def write(*arguments):
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.01)
        inside.pop()

    guarded = Guarded('a', lambda: Writer(write_scalars=write, write_images=write))
    threads = [threading.Thread(target=guarded.write_images, args=(1, {})) for _ in range(4)]
    for thread in threads:
        thread.start()
    guarded.write_scalars(1, {})
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_the_main_process_alone_opens_them(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, 'is_leader', lambda: False)
    assert of(tmp_path, mine='refused') == []


# Configs and runs --------------------------------------------------------------------------------


def faults(blocks, allow=None):
    return config.faults(hostile.changed(hostile.settings(), {'writers': blocks}), allow)


def test_a_config_without_the_block_is_one_of_an_earlier_version():
    settings = hostile.settings()
    del settings['writers']
    assert config.faults(settings) == [] and own_writers(settings, RunInfo('', settings, 0)) == []


@pytest.mark.parametrize(
    ('blocks', 'sentence'),
    [
        (dict(a=dict(fn='writing.line')), "config.writers.a.fn: 'writing' has no 'line'; did you"),
        (dict(a=dict(fn='writing.lines', nam='x')), "takes no 'nam'; did you mean 'name'"),
        (dict(a=dict(fn='writing.lines', name=3)), 'config.writers.a.name is 3: give a text'),
        (dict(a=dict(fn='writing.lines', run=3)), "writing.lines takes no 'run'"),
        (dict(a={}), 'config.writers.a.fn: give the path of a function'),
        (dict(a=3), 'config.writers.a is 3: give a block of values'),
        (3, 'config.writers is 3: give a block of values'),
    ],
)
def test_a_wrong_block_is_refused_with_its_key(blocks, sentence):
    (fault,) = faults(blocks)
    assert sentence in fault


def test_somebody_else_s_config_opens_no_writer_of_theirs():
    (fault,) = faults(dict(a=dict(fn='evil_module.f')), ())
    assert '--allow=evil_module' in fault
    assert faults(dict(a=dict(fn='gan_jax.run.wandb_writer.wandb', project='x')), ()) == []


def run(tmp_path, *flags, fns=('lines', 'broken')):
    blocks = ''.join(f"    c.writers.{fn} = dict(fn='writing.{fn}')\n" for fn in fns)
    (tmp_path / 'mine.py').write_text(
        'import runpy\n\n\ndef get_config(text=""):\n'
        f'    c = runpy.run_path({str(TINY)!r})["get_config"](text)\n{blocks}    return c\n'
    )
    return train.main([f'--config={tmp_path}/mine.py', f'--workdir={tmp_path}/run', *flags])


@pytest.mark.slow
def test_a_run_writes_to_them_too_and_goes_on_where_it_stopped(tmp_path, capsys):
    assert run(tmp_path, '--config.steps=6') == 0
    assert capsys.readouterr().err.count('config.writers.broken stops here') == 1
    assert run(tmp_path, fns=('lines',)) == 0  # writers may change
    seen = [one for one in sys.modules['writing'].SEEN if isinstance(one, RunInfo)]
    assert [one.since for one in seen] == [-1, 6]
    assert seen[0].folder == tmp_path / 'run' and seen[0].settings['steps'] == 6
    found = [json.loads(x) for x in (tmp_path / 'lines.jsonl').read_text().splitlines()]
    mine = [[step, values] for step, values in found if 'samples' not in values]
    rows = [json.loads(x) for x in (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()]
    assert [[row.pop('step'), row] for row in rows] == mine
    pictures = {step for step, values in found if 'samples' in values}
    assert pictures == {int(p.stem) for p in (tmp_path / 'run' / 'samples').glob('0*')}
    assert workdir.read_status(tmp_path / 'run')['status'] == 'done'
