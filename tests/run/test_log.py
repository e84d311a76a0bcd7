"""Rows outlive an interruption, damage and a loss of power; what is lost is said."""

import hashlib
import json
from contextlib import closing
from types import SimpleNamespace

import pytest

from gan_jax.run import log
from gan_jax.run.log import Log

STEPS = (0, 4, 8, 12, 16)
ROWS = [{'step': s, 'd/adversarial/real': s / 7, 'time/rate': 2.0 * s} for s in STEPS]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'metrics.jsonl'


@pytest.fixture
def mark(path):
    """That of a log with ROWS, which has been written."""
    with closing(Log(path, -1)) as writer:
        for row in ROWS:
            writer.write_scalars(row['step'], {k: v for k, v in row.items() if k != 'step'})
        return writer.mark


def said(capsys):
    """The one sentence on stderr, or ''."""
    text = capsys.readouterr().err
    assert text.count('\n') <= 1
    return text


def test_a_row_starts_with_its_step(path):
    with closing(Log(path, -1)) as writer:
        writer.write_scalars(3, {'a': 0.1, 'b': 2})
        assert path.read_text() == '{"step": 3, "a": 0.1, "b": 2}\n'  # flushed


def test_numbers_that_are_not_finite_are_null(path):
    with closing(Log(path, -1)) as writer:
        writer.write_scalars(0, {'a': float('nan'), 'b': float('inf')})
    assert lines(path) == [{'step': 0, 'a': None, 'b': None}]


def test_texts_stand_in_the_row_of_their_step_and_in_no_other(path):
    with closing(Log(path, -1)) as writer:
        writer.write_texts(4, {'why': 'so'})
        writer.write_scalars(4, {'a': float('nan')})
        writer.write_scalars(8, {'a': 1.0})
    assert lines(path) == [{'step': 4, 'a': None, 'why': 'so'}, {'step': 8, 'a': 1.0}]


@pytest.mark.parametrize(
    ('since', 'kept'), [(-1, []), (0, [0]), (5, [0, 5]), (7, [0, 5]), (9, [0, 5, 9])]
)
def test_rows_after_the_checkpoint_are_dropped(since, kept, path, capsys):
    path.write_text('{"step": 0}\n{"step": 5}\n{"step": 9}\n')
    Log(path, since).close()
    assert [row['step'] for row in lines(path)] == kept
    assert not said(capsys)


@pytest.mark.parametrize('torn', ['{"step": 6, "a', '{"step": 6}', '\x00\x00\x00'])
def test_a_torn_last_line_is_no_damage(torn, path, capsys):
    path.write_text('{"step": 5}\n' + torn)
    with closing(Log(path, 100)) as writer:
        writer.write_scalars(6, {'a': 1})
    assert lines(path) == [{'step': 5}, {'step': 6, 'a': 1}]
    assert not said(capsys)


def test_a_mark_is_the_count_and_the_digest_of_the_rows(path, mark):
    assert mark == {'rows': 5, 'sha256': hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_log_that_agrees_with_its_mark_is_left_as_it_is(path, mark, capsys):
    before = path.read_bytes()
    with closing(Log(path, 16, mark)) as writer:
        assert writer.mark == mark
    assert path.read_bytes() == before
    assert not said(capsys) and len(list(path.parent.iterdir())) == 1


def test_a_resumed_log_goes_on_from_the_rows_of_its_checkpoint(path, mark):
    """The mark of three rows is that of a run that was never stopped."""
    content = path.read_bytes()
    of_three = b''.join(content.splitlines(keepends=True)[:3])
    three = {'rows': 3, 'sha256': hashlib.sha256(of_three).hexdigest()}
    with closing(Log(path, 8, three)) as writer:
        assert writer.mark == three
        for row in ROWS[3:]:
            writer.write_scalars(row['step'], {k: v for k, v in row.items() if k != 'step'})
        assert writer.mark == mark
    assert path.read_bytes() == content


@pytest.mark.parametrize('bit', [0, 5, 7])
def test_no_flipped_bit_loses_another_row_or_goes_unsaid(bit, path, mark, capsys):
    """Every byte of the third row, its newline too."""
    content = path.read_bytes()
    begin, end = (content.index(f'{{"step": {s},'.encode()) for s in (8, 12))
    for place in range(begin, end):
        damaged = content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        path.write_bytes(damaged)
        Log(path, 16, mark).close()
        text = said(capsys)
        kept = [row for row in log.read_rows(path) if row in ROWS]
        assert len(kept) >= len(ROWS) - 1 - (place == end - 1)
        assert 'is not as the run has written it' in text
        aside = list(path.parent.glob('metrics.damaged*.jsonl'))
        assert [p.read_bytes() for p in aside] == [damaged]
        aside[0].unlink()


@pytest.mark.parametrize('place', [-2, 1, 3, 14])
def test_a_bit_that_only_one_row_can_have_lost_is_turned_back(place, path, mark, capsys):
    """The closing brace, a quote, a key's letter and a space of the row in the middle."""
    rows = path.read_bytes().splitlines(keepends=True)
    spoilt = bytearray(rows[2])
    spoilt[place] ^= 0x80  # no text that JSON allows is left
    path.write_bytes(b''.join([*rows[:2], bytes(spoilt), *rows[3:]]))
    with closing(Log(path, 16, mark)) as writer:
        assert writer.mark == mark
    assert path.read_bytes() == b''.join(rows)
    assert '5 of the 5 rows up to step 16 are there (1 of them mended, by one bit)' in said(capsys)


def test_a_newline_that_is_gone_costs_no_row(path, mark):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\n{"step": 8,', b'*{"step": 8,'))
    Log(path, 16, mark).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ('damage', 'left'),
    [
        (lambda rows: [*rows[:2], b'\xff\xfe\n', *rows[3:]], 4),
        (lambda rows: [*rows[:2], b'null\n', b'[]\n', b'{}\n', b'{"step": "8"}\n', *rows[3:]], 4),
        (lambda rows: rows[:3] + rows[4:], 4),
        (lambda rows: [*rows[:4], rows[4][:9]], 4),
        (lambda rows: [], 0),
        (lambda rows: [b'[' * 100_000 + b'\n', *rows], 5),
    ],
)
def test_rows_that_can_be_read_are_kept_and_the_loss_is_said(damage, left, path, mark, capsys):
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(damaged := b''.join(damage(before)))
    Log(path, 16, mark).close()
    assert [row for row in lines(path) if row in ROWS] == lines(path)
    assert len(lines(path)) == left
    assert f'{left} of the 5 rows up to step 16 are there' in said(capsys)
    if damaged:
        assert (path.parent / 'metrics.damaged.jsonl').read_bytes() == damaged


def test_a_log_that_is_gone_is_said(path, mark, capsys):
    path.unlink()
    Log(path, 16, mark).close()
    assert '0 of the 5 rows up to step 16 are there' in said(capsys)
    assert [p.name for p in path.parent.iterdir()] == ['metrics.jsonl']


def test_damage_is_said_where_no_mark_is_known(path, mark, capsys):
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b''.join([*rows[:2], b'?' * 30 + b'\n', *rows[3:]]))
    Log(path, 16).close()
    assert [row['step'] for row in lines(path)] == [0, 4, 12, 16]
    assert '4 rows up to step 16 are there' in said(capsys)


def test_a_second_damaged_log_takes_a_name_of_its_own(path, mark):
    for text in (b'first\n', b'second\n'):
        path.write_bytes(text)
        Log(path, 16, mark).close()
    kept = {p.name: p.read_bytes() for p in path.parent.glob('*damaged*')}
    assert kept == {'metrics.damaged.jsonl': b'first\n', 'metrics.damaged-2.jsonl': b'second\n'}


def test_what_is_left_of_a_damaged_log_is_not_put_aside_again(path, mark, capsys):
    """A run that is done saves nothing more, so that its mark never agrees again."""
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b''.join([*rows[:2], b'?' * 30 + b'\n', *rows[3:]]))
    for _ in range(3):
        Log(path, 16, mark).close()
        assert '4 of the 5 rows up to step 16 are there' in said(capsys)
    assert {p.name for p in path.parent.iterdir()} == {'metrics.jsonl', 'metrics.damaged.jsonl'}


def test_a_file_of_many_damaged_lines_is_read_soon(path):
    path.write_bytes(b'{"step": 1}\n' + b'{"step" 2}\n' * 200_000)
    Log(path, 5).close()
    assert lines(path)[0] == {'step': 1}


def test_readers_meet_what_can_be_read(path, mark):
    with path.open('ab') as file:
        file.write(b'\xff\n{"step": 20}\n{"step": 24')
    assert [row['step'] for row in log.read_rows(path)] == [*STEPS, 20]
    assert log.read_rows(path.with_name('none')) == []


def test_a_row_that_finds_the_disk_full_names_the_log(path, monkeypatch):
    """The system says of a write only that it failed."""

    def full(line):
        raise OSError(28, 'No space left on device')

    with closing(Log(path, -1)) as writer, monkeypatch.context() as patch:
        patch.setattr(writer, '_file', SimpleNamespace(name=str(path), write=full))
        with pytest.raises(OSError, match='No space left') as caught:
            writer.write_scalars(4, {'a': 1.0})
    assert caught.value.filename == str(path)
