"""The command: python -m gan_jax.report."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from gan_jax import report
from gan_jax.reports import build, page
from gan_jax.runtime.errors import MISSING, UNWRITABLE, UserError
from tests.launched import ROOT
from tests.reports import made


@pytest.fixture
def no_library(monkeypatch):
    monkeypatch.setattr(page, 'library', lambda: '')


@pytest.fixture
def run(tmp_path, no_library):
    return made.run(tmp_path / 'run')


def test_a_run_gets_a_report_in_its_workdir(run, capsys):
    assert report.main([f'--workdir={run}']) == 0
    content = (run / 'report.html').read_bytes()
    assert content.startswith(b'<!doctype html>') and b'Samples over time' in content
    assert capsys.readouterr().out == f'{len(content) / 1e6:.1f} MB: {run}/report.html\n'
    assert [path.name for path in run.glob('report*')] == ['report.html']


def test_several_runs_are_given_in_any_way(run, tmp_path, monkeypatch):
    made.run(tmp_path / 'other', pictures_at=())
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ['--workdir=run', 'other'],
        ['--workdir', 'run', 'other'],
        ['--workdir=run', '--workdir=other'],
    ):
        assert report.main([*arguments, '--out=new/both.html']) == 0
        content = (tmp_path / 'new' / 'both.html').read_text()
        assert 'Keys in which' in content or 'The runs have the same config.' in content
    assert report.main(['--workdir=run', 'other']) == 0
    assert (tmp_path / 'report.html').exists() and not (run / 'report.html').exists()


def test_an_exported_generator_is_no_run_and_stays_as_it_is(tmp_path, no_library):
    (tmp_path / 'config.json').write_text('{"format": "gan_jax generator"}')
    with pytest.raises(UserError, match='is an exported generator, and this needs a run'):
        report.main([f'--workdir={tmp_path}'])
    assert [file.name for file in tmp_path.iterdir()] == ['config.json']


def test_a_sweep_s_folder_gets_the_report_of_a_sweep(tmp_path, no_library):
    folder = made.sweep(tmp_path / 'sweep', seeds=2)
    assert report.main([f'--workdir={folder}']) == 0
    assert 'Paired differences' in (folder / 'report.html').read_text()


@pytest.mark.parametrize(
    ('arguments', 'status', 'said'),
    [
        ([], 2, '--workdir'),
        (['--workdir=nowhere'], MISSING, 'nowhere/config.json does not exist'),
        (['--workdir=run', '--out=run/config.json/x.html'], UNWRITABLE, 'cannot write --out='),
        (['--workdir=run', '--out=x.html', '--watch'], 2, 'leave out --out'),
        (['--workdir=run', '--wacth'], 2, "did you mean '--watch'"),
        (['--workdir', *['run'] * 13], 2, 'compares 12 at most'),
    ],
)
def test_what_is_wrong_is_a_sentence(run, tmp_path, monkeypatch, arguments, status, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        report.main(arguments)
    assert caught.value.status == status


def test_the_data_of_an_unknown_run_are_not_shown(run):
    """Its config could name any folder of this machine; a checkpoint knows the images' digest."""
    assert report.main([f'--workdir={run}']) == 0
    content = (run / 'report.html').read_text()
    assert 'Real images are missing: there is no checkpoint yet' in content
    assert 'Real images of the training data' not in content


@pytest.mark.slow
def test_a_watched_run_is_served_until_ctrl_c(tmp_path):
    made.run(tmp_path / 'run')
    command = [sys.executable, '-m', 'gan_jax.report', f'--workdir={tmp_path / "run"}', '--watch']
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        address = re.match(r'http://127\.0\.0\.1:\d+/', process.stdout.readline())[0]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert b'Samples over time' in answer.read()
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and 'Traceback' not in errors
    assert not (tmp_path / 'run' / build.NAME).exists()
