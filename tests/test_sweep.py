"""python -m gan_jax.sweep, whole: two methods, three strengths, two seeds on digits."""

import csv
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import jax
import pytest

from gan_jax import sweep, train
from gan_jax.runtime import environment, workdir
from gan_jax.runtime.errors import BUSY, DATA, DISK, DIVERGED, UserError
from gan_jax.sweeps import shared
from gan_jax.sweeps.runner import Outcome
from tests.sweeps.made import TINY, write

GRID = {'method': ['none', 'bcr'], 'strength': [0.1, 0.2, 0.4]}
PAIR = {'method': ['none'], 'strength': [0.1, 0.2]}  # two runs of one program
TABLES = ('table.csv', 'table.md')


def run(path, folder, *flags):
    return sweep.main([f'--sweep={path}', f'--workdir={folder}', *flags])


def tables(folder):
    return [(folder / name).read_text() for name in TABLES]


def rows(folder):
    with (folder / 'table.csv').open() as file:
        return list(csv.DictReader(file))


def statuses(folder):
    return [row['status'] for row in rows(folder)]


def metrics(folder):
    """metrics.jsonl without the wall times."""
    lines = (folder / 'metrics.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k[:5] != 'time/'} for x in lines]


@pytest.fixture(scope='module')
def asked(tmp_path_factory):
    return write(tmp_path_factory.mktemp('asked'), grid=GRID, seeds=2)


class Counted(logging.Handler):
    """The names of what jax compiles."""

    def __init__(self):
        super().__init__()
        self.names = []

    def emit(self, record):
        found = re.match(r'Compiling jit\((\w+)\)', record.getMessage())
        self.names += [found[1]] if found else []


@pytest.fixture(scope='module', autouse=True)
def compiled_once():
    """The first sweep, whose compilations are counted, compiles for all: same networks."""
    prepared = shared.shared_setups()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, 'shared_setups', lambda progress: prepared)
        yield


@pytest.fixture(scope='module')
def finished(asked, compiled_once, tmp_path_factory):
    """(folder of an uninterrupted sweep, names of what was compiled for it); tests only read it."""
    folder, handler = tmp_path_factory.mktemp('finished') / 'new', Counted()
    logging.getLogger('jax').addHandler(handler)
    with jax.log_compiles(True):
        assert run(asked, folder) == 0
    logging.getLogger('jax').removeHandler(handler)
    return folder, handler.names


def counting(monkeypatch, before=lambda number, parts: parts):
    """Counts the runs that are trained; `before` may change the parts of each, or raise."""
    trained = []
    real = train.train

    def counted(setup, evaluator, folder):
        trained.append(f'{folder.parent.name}/{folder.name}')
        return real(before(len(trained), setup), evaluator, folder)

    monkeypatch.setattr(train, 'train', counted)
    return trained


def signalled(parts, number=signal.SIGTERM):
    """Parts of a run that is sent a signal in its third step."""

    def update(state, step, *rest):
        if step == 2:
            os.kill(os.getpid(), number)
        return parts.program.update(state, step, *rest)

    return parts._replace(program=parts.program._replace(update=update))


def test_the_sweep_leaves_a_workdir_a_run_and_tables(finished):
    folder, _ = finished
    names = {str(path.parent.relative_to(folder)) for path in folder.rglob('status.json')}
    assert names == {
        f'method={m},strength={s}/seed={i}' for m in GRID['method'] for s in (0.1, 0.2, 0.4)
        for i in (0, 1)
    }  # fmt: skip
    assert {row['run'] for row in rows(folder)} == names
    assert set(statuses(folder)) == {'done'}
    assert len({row['fd_digits'] for row in rows(folder) if row['method'] == 'bcr'}) == 6
    assert not [*folder.glob('*.part')]


def test_the_step_compiles_once_a_method(finished):
    _, compiled = finished
    assert [compiled.count(name) for name in ('update', 'init_generator', 'init_others')] == [
        2,
        2,
        2,
    ]
    assert compiled.count('batch') <= 1  # the generator, which both methods have; other tests too


@pytest.mark.slow
def test_a_run_of_the_sweep_is_the_run_that_train_makes(finished, tmp_path):
    """The program was assembled for another strength and seed."""
    folder, _ = finished
    config = f'--config={TINY}:method=bcr,strength=0.4'
    assert train.main([config, '--config.seed=1', f'--workdir={tmp_path}']) == 0
    assert metrics(tmp_path) == metrics(folder / 'method=bcr,strength=0.4' / 'seed=1')


def test_the_final_numbers_are_those_of_the_last_row(finished):
    folder, _ = finished
    row = rows(folder)[3]
    last = metrics(folder / row['run'])[-1]
    assert (row['run'], row['step']) == ('method=bcr,strength=0.1/seed=0', '12')
    assert float(row['fd_digits']) == last['eval/fd_digits']
    assert float(row['modes']) == last['eval/modes']
    seen = [r['eval/fd_digits'] for r in metrics(folder / row['run']) if 'eval/fd_digits' in r]
    assert float(row['fd_digits_best']) == min(seen)


def test_what_is_done_is_skipped_and_the_tables_written_again(
    asked, finished, tmp_path, monkeypatch, capsys
):
    folder = all_but(finished[0], tmp_path / 'copy')
    trained = counting(monkeypatch)
    assert run(asked, folder) == 0
    assert trained == []
    assert tables(folder) == tables(finished[0])
    assert '12 runs, programs to compile: 2, to do: 0' in capsys.readouterr().out


def all_but(folder, copy, *lost):
    """A copy of a finished sweep without some of its runs and without tables."""
    shutil.copytree(folder, copy)
    for name in lost:
        shutil.rmtree(copy / name)
    for name in TABLES:
        (copy / name).unlink()
    return copy


def test_a_signal_stops_after_saving_and_the_sweep_goes_on_to_the_same_tables(
    asked, finished, tmp_path, monkeypatch, capsys
):
    lost = ['method=bcr,strength=0.2/seed=1', 'method=bcr,strength=0.4/seed=1']
    folder = all_but(finished[0], tmp_path / 'sweep', *lost)
    with monkeypatch.context() as patch:
        trained = counting(patch, lambda number, parts: signalled(parts))
        assert run(asked, folder) == 143
        assert trained == lost[:1]
    assert statuses(folder) == ['done'] * 10 + ['unfinished', 'missing']
    assert (rows(folder)[10]['run'], rows(folder)[10]['step']) == (lost[0], '3')
    assert 'the same command goes on' in capsys.readouterr().out
    trained = counting(monkeypatch)
    assert run(asked, folder) == 0
    assert trained == lost
    assert tables(folder) == tables(finished[0])


def test_ctrl_c_between_runs_stops_before_the_next(tmp_path, monkeypatch):
    trained = counting(monkeypatch)
    written = sweep._write_tables

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return written(*arguments)

    monkeypatch.setattr(sweep, '_write_tables', interrupted)
    # A job in a shell's background is started deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # The last tables are written when the sweep no longer listens.
        with pytest.raises(KeyboardInterrupt):
            run(write(tmp_path, grid=PAIR), tmp_path / 'sweep')
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(trained) == 1


def test_a_shard_does_its_part_and_the_tables_are_of_all_that_is_done(
    asked, finished, tmp_path, monkeypatch
):
    lost = ['method=none,strength=0.4/seed=1', 'method=bcr,strength=0.4/seed=1']
    folder = all_but(finished[0], tmp_path / 'sweep', *lost)
    trained = counting(monkeypatch)
    assert run(asked, folder, '--shard=1/2') == 0
    assert trained == lost[1:]
    assert statuses(folder).count('done') == 11
    assert run(asked, folder, '--shard=0/2') == 0
    assert trained == lost[::-1]
    assert tables(folder) == tables(finished[0])


@pytest.mark.parametrize(
    ('count', 'index'),
    [
        ('SLURM_STEP_NUM_TASKS', 'SLURM_PROCID'),
        ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'),
    ],
)
def test_the_tasks_of_each_shard_share_its_runs(count, index, asked, tmp_path, monkeypatch):
    taken = []

    def run_all(folder, todo, members, tabulate):
        taken.append([run.name for run in todo])
        return Outcome(0, {}, [])

    monkeypatch.setattr(sweep, 'run_all', run_all)
    monkeypatch.setenv(count, '3')
    for part in ('0/2', '1/2'):
        for task in '012':
            monkeypatch.setenv(index, task)
            assert run(asked, tmp_path, f'--shard={part}') == 0
    assert [len(names) for names in taken] == [2] * 6
    assert len({name for names in taken for name in names}) == 12


@pytest.mark.parametrize('text', ['2/2', '1', '-1/2', 'a/b', '1/0'])
def test_a_shard_that_is_none_is_refused(text, asked, tmp_path):
    with pytest.raises(UserError) as caught:
        run(asked, tmp_path, f'--shard={text}')
    assert caught.value.status == 2
    assert 'give i/n with i from 0 to n-1' in str(caught.value)


def test_another_config_in_a_runs_folder_is_named_before_anything_runs(asked, finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / 'copy')
    name = 'method=bcr,strength=0.1/seed=1'
    settings = workdir.read_config(folder / name)
    workdir.write_json(folder / name / 'config.json', {**settings, 'batch_size': 16})
    with pytest.raises(UserError) as caught:
        run(asked, folder)
    assert str(caught.value) == (
        f'{folder}/{name} holds a run of another config (batch_size: 16 -> 8): '
        'remove it, or choose another --workdir'
    )


def test_the_workdir_of_a_run_takes_no_sweep(asked, tmp_path):
    workdir.write_json(tmp_path / 'config.json', {})
    with pytest.raises(UserError) as caught:
        run(asked, tmp_path)
    assert str(caught.value).startswith(f'{tmp_path} is the workdir of a run, and a sweep has its')
    assert [path.name for path in tmp_path.iterdir()] == ['config.json']


@pytest.mark.parametrize('name', ['method=bcr,strength=0.1', 'method=bcr,strength=0.1/seed=1'])
def test_no_run_is_written_through_a_link(asked, name, tmp_path):
    (tmp_path / 'outside').mkdir()
    link = tmp_path / 'sweep' / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / 'outside')
    with pytest.raises(UserError, match=f'{name}.* is reached by a link'):
        run(asked, tmp_path / 'sweep')
    assert not [*(tmp_path / 'outside').iterdir()]


def test_more_steps_go_on_with_what_is_done(finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished[0], tmp_path / 'copy')
    grid = {'method': ['none'], 'strength': [0.1], 'steps': [14]}
    trained = counting(monkeypatch)
    assert run(write(tmp_path, grid=grid), folder) == 0
    assert trained == ['method=none,strength=0.1/seed=0']
    assert [r['step'] for r in metrics(folder / trained[0])][-2:] == [12, 14]


def test_runs_that_the_sweep_does_not_have_are_mentioned(finished, tmp_path, capsys):
    folder = shutil.copytree(finished[0], tmp_path / 'copy')
    assert run(write(tmp_path, grid=GRID), folder) == 0
    assert 'holds 6 runs that this sweep does not, as ' in capsys.readouterr().out


DIVERGING = {'method': ['none'], 'optim.d.learning_rate': [1e38, 0.01]}


def test_a_run_that_diverges_is_noted_and_the_others_go_on(tmp_path, monkeypatch):
    path, folder = write(tmp_path, grid=DIVERGING), tmp_path / 'sweep'
    with pytest.raises(UserError, match='1 of 2 runs failed\nmethod=none,optim.*1e.38') as caught:
        run(path, folder)
    assert caught.value.status == DIVERGED
    assert statuses(folder) == ['failed', 'done']
    assert 'the run has diverged' in (folder / 'table.md').read_text()
    # It would diverge again: it is not tried, and still said.
    trained = counting(monkeypatch)
    with pytest.raises(UserError, match='1 of 2 runs failed'):
        run(path, folder)
    assert trained == []


def test_another_failure_is_tried_again(tmp_path, monkeypatch):
    path, folder = write(tmp_path, grid=PAIR), tmp_path / 'sweep'

    def failing(number, parts):
        if number == 1:
            raise UserError('the data are damaged', DATA)
        return parts

    with monkeypatch.context() as patch:
        counting(patch, failing)
        with pytest.raises(
            UserError, match='1 of 2.*\n.*strength=0.1/seed=0: the data are'
        ) as caught:
            run(path, folder)
    assert caught.value.status == DATA
    assert statuses(folder) == ['missing', 'done']
    assert run(path, folder) == 0
    assert statuses(folder) == ['done', 'done']


def test_a_full_disk_ends_the_sweep(tmp_path, monkeypatch):
    def failing(number, parts):
        raise UserError('the disk is full', DISK)

    trained = counting(monkeypatch, failing)
    with pytest.raises(UserError, match='the disk is full'):
        run(write(tmp_path, grid=PAIR), tmp_path / 'sweep')
    assert len(trained) == 1


def test_a_run_that_another_process_holds_is_left_to_it(tmp_path, monkeypatch, capsys):
    path, folder = write(tmp_path, grid=PAIR), tmp_path / 'sweep'
    trained, first = counting(monkeypatch), 'method=none,strength=0.1/seed=0'
    with workdir.locked(folder / first):
        assert run(path, folder) == BUSY
    # Tried, passed by, and tried once more.
    assert trained == [first, 'method=none,strength=0.2/seed=0', first]
    assert capsys.readouterr().out.count('is in use by process') == 2
    assert statuses(folder) == ['missing', 'done']


def test_a_run_that_is_free_again_is_trained_at_the_end(tmp_path, monkeypatch):
    path, folder = write(tmp_path, grid=PAIR), tmp_path / 'sweep'
    held = ExitStack()
    held.enter_context(workdir.locked(folder / 'method=none,strength=0.1' / 'seed=0'))

    def releasing(number, parts):
        if number == 2:
            held.close()
        return parts

    counting(monkeypatch, releasing)
    assert run(path, folder) == 0
    assert statuses(folder) == ['done', 'done']


def test_without_matplotlib_one_line_says_how_to_get_it(
    asked, finished, tmp_path, monkeypatch, capsys
):
    folder = shutil.copytree(finished[0], tmp_path / 'copy')
    (folder / 'figure.png').unlink(missing_ok=True)
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    assert run(asked, folder) == 0
    assert environment.install('plots') in capsys.readouterr().out
    assert not (folder / 'figure.png').exists()


def test_a_metric_that_no_run_has_is_named(finished, tmp_path, capsys):
    folder = shutil.copytree(finished[0], tmp_path / 'copy')
    assert run(write(tmp_path, grid=GRID, seeds=2, metric='fd_digit'), folder) == 0
    said = capsys.readouterr().out
    assert "no run has the metric 'fd_digit'; did you mean 'fd_digits'?" in said


def test_rewriting_tables_loads_nothing_that_trains(asked, finished, tmp_path):
    script = (
        'import sys\n'
        'from gan_jax import sweep\n'
        f'sweep.main(["--sweep={asked}", "--workdir={finished[0]}"])\n'
        'print("imported:", sorted({"orbax", "tensorboardX", "gan_jax.train"} & {*sys.modules}))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], cwd=Path(__file__).parent.parent, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == 'imported: []', done.stderr
