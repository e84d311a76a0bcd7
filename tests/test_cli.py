"""How a fault reaches the user: a sentence, a status, no traceback unless asked for."""

import logging as std_logging
import sys

import jax
import pytest
from absl import logging

from gan_jax import cli, cluster
from gan_jax.errors import DATA, DISK, UserError


def status(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, 'argv', ['command', *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.run(main)
    return caught.value.code


def raising(error):
    def main(arguments):
        raise error

    return main


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
    before = logging.get_verbosity()
    status(monkeypatch, main)
    status(monkeypatch, main, '--debug')
    logging.set_verbosity(before)
    std_logging.getLogger('asyncio').setLevel(std_logging.NOTSET)
    assert enabled == [False, False, True, True]


def test_our_own_defects_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['command'])
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()))


def test_a_defect_in_one_of_several_processes_is_shown_and_waits_for_nobody(monkeypatch, capsys):
    left = []
    monkeypatch.setattr(jax.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(cluster, 'leave', left.append)
    assert status(monkeypatch, raising(ZeroDivisionError('mine'))) == 1
    assert left == [1] and 'ZeroDivisionError: mine' in capsys.readouterr().err
    assert status(monkeypatch, lambda arguments: 0) == 0 and left == [1]
