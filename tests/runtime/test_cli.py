"""How a fault reaches the user: a sentence, a status, no traceback unless asked for."""

import logging as std_logging
import sys
from pathlib import Path

import jax
import pytest
from absl import logging

from gan_jax.experiment.flags import config_parser, parse_config
from gan_jax.flags import benchmark, evaluate, prepare, report, sample, sweep, train
from gan_jax.runtime import cli, distributed
from gan_jax.runtime.errors import DATA, DISK, MISSING, UserError
from gan_jax.runtime.ranges import Choice, Integer, Number


def status(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, 'argv', ['command', *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.run(main)
    return caught.value.code


def test_a_missing_file_of_flags_for_xla_is_said_before_a_device_is_used(monkeypatch, capsys):
    """At which XLA would end the process with a core dump."""
    monkeypatch.setenv('XLA_FLAGS', '/nowhere/flags')
    assert status(monkeypatch, raising(ZeroDivisionError())) == MISSING
    assert capsys.readouterr().err.startswith('gan_jax: $XLA_FLAGS is /nowhere/flags, which ')


def raising(error):
    def main(arguments):
        raise error

    return main


# Flags -------------------------------------------------------------------------------------------


def parser():
    made = cli.Parser('gan_jax.some', 'Does something.')
    made.add_argument('--workdir', required=True, metavar='DIR', type=cli.path, help='of the run')
    made.add_argument('--num', type=cli.within(Integer(1, 9)), default=3)
    made.add_argument('--rate', type=cli.within(Number(0, 1)))
    made.add_argument('--quick', action='store_true')
    made.add_argument('--mode', type=cli.within(Choice(('a', 'b'))))
    made.add_argument('--metrics', type=cli.named)
    return made


def test_what_is_missing_is_named_with_its_form_and_its_meaning():
    made = parser()
    made.add_argument('--out', required=True, metavar='FILE', help='a new one')
    with pytest.raises(UserError) as caught:
        made.parse_args(['--workdri=x', '--num=3', '--config.steps=3'])
    assert str(caught.value).splitlines() == [
        '--workdir=DIR is missing: of the run',
        '--out=FILE is missing: a new one',
        "unknown argument --workdri=x; did you mean '--workdir'?",
    ]


def test_flags_are_values():
    flags = parser().parse_args(['--workdir=x y', '--num=7', '--rate=1', '--quick'])
    assert (flags.workdir, flags.num, flags.rate, flags.quick) == (Path('x y'), 7, 1.0, True)
    assert type(flags.rate) is float and flags.mode is None


@pytest.mark.parametrize(
    ('flag', 'said'),
    [
        ('--num=x', "--num is 'x': give an integer from 1 to 9"),
        ('--num=0', '--num is 0: give an integer from 1 to 9'),
        ('--num=1.5', "--num is '1.5': give an integer from 1 to 9"),
        ('--num=', "--num is '': give an integer from 1 to 9"),
        ('--num', '--num has no value: write --num=VALUE'),
        ('--rate=nan', '--rate is nan: give a number from 0 to 1'),
        ('--mode=c', "--mode is 'c': give 'a' or 'b'"),
        ('--quick=yes', '--quick takes no value'),
        ('--workdir=', '--workdir names nothing: give it a value, or leave it out'),
        ('--metrics=', '--metrics names nothing: give it a value, or leave it out'),
        ('--wrokdir=x', "unknown argument --wrokdir=x; did you mean '--workdir'?"),
        ('--work=x', "unknown argument --work=x; did you mean '--workdir'?"),
        ('file.png', 'unknown argument file.png; known: '),
    ],
)
def test_a_flag_that_is_wrong_is_a_sentence_with_its_name(flag, said):
    with pytest.raises(UserError) as caught:
        parser().parse_args(['--workdir=x', flag])
    assert str(caught.value).startswith(said) and caught.value.status == 2


@pytest.mark.parametrize('out', ['.', '/', 'new/', 'there', '/dev/null'])
def test_what_is_no_file_is_refused_before_the_work(out, tmp_path, monkeypatch):
    """A folder has no name that could be written to; a device would be replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'there').mkdir()
    taken = {
        evaluate: ['--images=a', '--against=b', '--metrics=c'],
        report: ['--workdir=x'],
        benchmark: ['--config=c'],
    }
    for command, flags in taken.items():
        with pytest.raises(UserError, match=f'^--out is {out}, which is no file: give'):
            command.parse([*flags, f'--out={out}'])
        (tmp_path / 'old.json').touch()
        for accepted in ('old.json', 'new/x.json'):
            command.parse([*flags, f'--out={accepted}'])


def test_words_that_a_blank_has_cut_off_are_quoted():
    """As the shell hands over --config=folder:path=My photos of May,size=64 without quotes."""
    made = config_parser('train', '')
    given = ['--config=folder:path=My', 'photos', 'of', 'May,size=64', '--workdir=x']
    quoted = "'--config=folder:path=My photos of May,size=64'"
    with pytest.raises(UserError) as caught:
        parse_config(made, given)
    assert str(caught.value).splitlines()[0] == (
        'unknown argument photos; if it belongs to the value before it, put quotes around it all: '
        f'{quoted}'
    )
    with pytest.raises(UserError) as caught:
        parser().parse_args(['photos', '--workdir=x'])
    assert 'quotes' not in str(caught.value)


def test_a_flag_that_is_missing_is_named(monkeypatch, capsys):
    assert status(monkeypatch, parser().parse_args) == 2
    said = capsys.readouterr().err
    assert said.startswith('gan_jax: ') and '--workdir' in said and 'usage' not in said


def test_overrides_are_apart_from_flags_and_a_missing_config_is_suggested():
    made = config_parser('train', '')
    flags, overrides = parse_config(made, ['--config=c.py', '--config.a=1', '--noconfig.b'])
    assert (flags.config, overrides) == ('c.py', ['--config.a=1', '--noconfig.b'])
    with pytest.raises(
        UserError, match="unknown argument --steps=3; did you mean '--config.steps'"
    ):
        parse_config(made, ['--config=c.py', '--steps=3'])


def test_a_home_is_a_home_in_every_path_of_every_command(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert cli.path('~/x') == tmp_path / 'x'
    assert cli.paths('~/x,y') == [f'{tmp_path}/x', 'y']
    taken = {
        train: ['--config=c', '--workdir=~/x'],
        sample: ['--workdir=~/x', '--out=~/x'],
        evaluate: ['--workdir=~/x', '--data_dir=~/x', '--unaugmented=~/x'],
        sweep: ['--sweep=~/x', '--workdir=~/x'],
        prepare: ['--dataset=mine', '--source=x', '--data_dir=~/x'],
        benchmark: ['--config=c', '--plan=~/x', '--share=~/x'],
    }
    for command, flags in taken.items():
        found = command.parse(flags)
        found = found[0] if isinstance(found, tuple) else found
        for name in (flag.split('=')[0][2:] for flag in flags if '~' in flag):
            assert str(getattr(found, name)) == f'{tmp_path}/x', (command, name)


def test_a_home_of_nobody_is_a_sentence():
    with pytest.raises(UserError, match='in the home of nobody who is known here'):
        parser().parse_args(['--workdir=~nobody_of_that_name/x'])


# Ends --------------------------------------------------------------------------------------------


def test_success(monkeypatch):
    assert status(monkeypatch, lambda arguments: 0) == 0
    assert status(monkeypatch, lambda arguments: 143) == 143


def test_arguments_are_passed_without_debug(monkeypatch):
    seen = []
    assert status(monkeypatch, lambda arguments: seen.extend(arguments) or 0, '--a', '--debug') == 0
    assert seen == ['--a']


def test_a_user_error_is_its_sentence_and_status(monkeypatch, capsys):
    assert status(monkeypatch, raising(UserError('mend this', DATA))) == DATA
    assert capsys.readouterr().err == 'gan_jax: mend this\n'


def test_what_a_sentence_quotes_moves_no_cursor_and_begins_no_line(monkeypatch, capsys):
    """It may be a key of somebody else's config, or the name of a file."""
    error = UserError("no 'é\x1b[2J\x9b\r\x07\u2028\u202e'\nand more", DATA)
    assert status(monkeypatch, raising(error)) == DATA
    said = capsys.readouterr().err
    assert said == "gan_jax: no 'é\\x1b[2J\\x9b\\r\\x07\\u2028\\u202e'\ngan_jax: and more\n"
    error = OSError(28, 'No space left on device', '/some\x1b[2J\nwhere')
    assert status(monkeypatch, raising(error)) == DISK
    assert '\x1b' not in capsys.readouterr().err


def test_a_failing_disk_is_a_sentence(monkeypatch, capsys):
    error = OSError(28, 'No space left on device', '/somewhere/metrics.jsonl')
    assert status(monkeypatch, raising(error)) == DISK
    assert capsys.readouterr().err == (
        'gan_jax: No space left on device: /somewhere/metrics.jsonl; make room and run the same '
        'command again\n'
    )


def test_debug_keeps_the_traceback(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['command', '--debug'])
    with pytest.raises(UserError):
        cli.run(raising(UserError('mend this')))


def test_what_a_library_logs_of_its_errors_is_for_those_who_debug(monkeypatch):
    def main(arguments):
        loggers = logging.get_absl_logger(), std_logging.getLogger('asyncio')
        enabled.extend(logger.isEnabledFor(std_logging.ERROR) for logger in loggers)

    enabled = []
    before, level = logging.get_verbosity(), std_logging.getLogger('asyncio').level
    status(monkeypatch, main)
    status(monkeypatch, main, '--debug')
    logging.set_verbosity(before)
    std_logging.getLogger('asyncio').setLevel(level)
    assert enabled == [False, False, True, True]


def test_our_own_defects_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['command'])
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()))


def test_a_defect_in_one_of_several_processes_is_shown_and_waits_for_nobody(monkeypatch, capsys):
    left = []
    monkeypatch.setattr(jax.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(distributed, 'exit', left.append)
    assert status(monkeypatch, raising(ZeroDivisionError('mine'))) == 1
    assert left == [1] and 'ZeroDivisionError: mine' in capsys.readouterr().err
    assert status(monkeypatch, lambda arguments: 0) == 0 and left == [1]
