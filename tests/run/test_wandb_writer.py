"""The Weights & Biases writer, on a small package that takes the same calls."""

import json
import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from gan_jax.run.wandb_writer import wandb
from gan_jax.runtime import environment, workdir
from gan_jax.runtime.errors import MISSING, USAGE, UserError
from gan_jax.runtime.writers import RunInfo
from gan_jax.sampling import pictures

SETTINGS = {'seed': 3, 'optim': {'g': {'learning_rate': 0.1}}}


class Server:
    """Runs by id, each {step: values}; of a run that is opened again the next step is known."""

    def __init__(self):
        self.runs, self.calls, self.ignored = {}, [], []

    def init(self, **given):
        self.calls.append(given)
        name = given['id'] or f'id{len(self.runs)}'
        history = self.runs.setdefault(name, {})
        return Run(self, name, history, max(history, default=-1) + 1)


class Run:
    def __init__(self, server, name, history, step):
        self.id, self.step, self.finished = name, step, False
        self._server, self._history = server, history

    def log(self, values, step):
        if step < self.step:  # the package warns and ignores the values
            self._server.ignored.append((step, values))
            return
        self.step = step
        self._history.setdefault(step, {}).update(values)

    def finish(self):
        assert not self.finished
        self.finished = True


@pytest.fixture
def server(monkeypatch):
    found, package = Server(), ModuleType('wandb')
    package.init = found.init
    package.Image = lambda data, caption: SimpleNamespace(data=data, caption=caption)
    monkeypatch.setitem(sys.modules, 'wandb', package)
    return found


def opened(folder, **keywords):
    folder.mkdir(exist_ok=True)
    return wandb(RunInfo(folder, SETTINGS, -1), **keywords)


def test_a_run_is_begun_with_its_config_and_its_name(server, tmp_path):
    writer = opened(tmp_path / 'digits', project='gans', group='cntr')
    (given,) = server.calls
    assert given == dict(
        project='gans',
        entity=None,
        group='cntr',
        name='digits',
        id=None,
        resume='allow',
        config=SETTINGS,
        allow_val_change=True,
        dir=None,
        reinit='create_new',
    )
    writer.write_scalars(0, {'eval/fid': 3.0})
    writer.write_scalars(100, {'d/hinge/real': 0.5})
    writer.write_texts(200, {'eval_failed': 'why'})
    writer.write_scalars(200, {'eval/fid': float('nan')})
    writer.close()
    history = server.runs['id0']
    assert [*history] == [0, 100, 200]
    assert history[100] == {'d/hinge/real': 0.5} and history[200]['eval_failed'] == 'why'


@pytest.mark.parametrize('channels', [1, 3])
def test_a_late_picture_is_kept_with_its_own_step_in_its_caption(channels, server, tmp_path):
    writer = opened(tmp_path)
    writer.write_scalars(300, {'a': 1.0})
    grid = pictures.grid(np.zeros((4, 2, 2, channels), np.uint8))[None]
    writer.write_images(200, {'samples': grid})
    (image,) = server.runs['id0'][300]['samples']
    assert image.caption == 'step 200' and server.ignored == []
    assert image.data.shape == grid.shape[1:3] + (() if channels == 1 else (3,))


def test_a_run_that_goes_on_is_the_same_and_writes_no_row_twice(server, tmp_path):
    first = opened(tmp_path)
    for step in (0, 100, 200):
        first.write_scalars(step, {'a': step})
    assert json.loads((tmp_path / 'wandb.json').read_text()) == {'id': 'id0'}
    again = opened(tmp_path)  # killed, and resumed from step 50
    for step in (100, 200, 300):
        again.write_scalars(step, {'a': -step})
        again.write_images(step, {'b': np.zeros((1, 4, 4, 1), np.uint8)})
    assert server.calls[1]['id'] == 'id0' and [*server.runs] == ['id0']
    assert [values['a'] for values in server.runs['id0'].values()] == [0, 100, 200, -300]
    assert 'b' in server.runs['id0'][300] and server.ignored == []


@pytest.mark.parametrize('damage', ['', '{', '[]', '{"id', '{"name": "x"}'])
def test_a_damaged_id_begins_another_run(damage, server, tmp_path):
    (tmp_path / 'wandb.json').write_text(damage)
    opened(tmp_path)
    assert server.calls[0]['id'] is None


def test_a_run_that_is_set_aside_takes_its_id_with_it(server, tmp_path):
    opened(tmp_path)
    workdir.set_aside(tmp_path)
    opened(tmp_path)
    assert [call['id'] for call in server.calls] == [None, None]


def test_the_links_of_the_package_stay_out_of_the_workdir(server, tmp_path):
    with pytest.raises(UserError, match='dir=.*in the workdir.* name a folder outside') as caught:
        opened(tmp_path, dir=str(tmp_path / 'there'))
    assert caught.value.status == USAGE and server.calls == []
    opened(tmp_path / 'run', dir=str(tmp_path))
    assert server.calls[0]['dir'] == str(tmp_path)


def test_a_package_that_is_missing_is_named_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'wandb', None)
    with pytest.raises(UserError, match=re.escape(environment.install('wandb'))) as caught:
        opened(tmp_path)
    assert caught.value.status == MISSING
    assert not (tmp_path / 'wandb.json').exists()
