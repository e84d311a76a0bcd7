"""TFRecord frames: the checksum against published values, and every way a file can be damaged."""

import struct

import pytest
from tensorboardX.record_writer import RecordWriter

from gan_jax.data.tfds import tfrecord

RECORDS = [b'', b'a', b'abc', bytes(range(256)) * 9, b'last']


@pytest.mark.parametrize(
    ('data', 'crc'),
    [
        # The first is the check value of catalogues of CRCs, the others are RFC 3720's, B.4.
        (b'123456789', 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b'\xff' * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(32))[::-1], 0x113FDB5C),
    ],
)
def test_the_checksum_is_the_masked_crc32c_of_published_examples(data, crc):
    unmasked = (tfrecord.masked_crc32c(data) - 0xA282EAD8) & 0xFFFFFFFF
    assert (unmasked << 15 | unmasked >> 17) & 0xFFFFFFFF == crc


@pytest.fixture
def file(tmp_path):
    """`RECORDS`, written by another project's writer."""
    path = tmp_path / 'file.tfrecord'
    writer = RecordWriter(str(path))
    for record in RECORDS:
        writer.write(record)
    writer.close()
    return path


def test_frames_are_the_records(file):
    assert [*tfrecord.frames(file)] == RECORDS


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / 'empty').touch()
    assert [*tfrecord.frames(tmp_path / 'empty')] == []


@pytest.mark.parametrize('cut', [1, 4, 5, 8, 9, 12, 19])
def test_a_file_that_was_cut_off(file, cut):
    content = file.read_bytes()
    file.write_bytes(content[:-cut])
    frames = tfrecord.frames(file)
    assert [next(frames) for _ in RECORDS[:-1]] == RECORDS[:-1]
    with pytest.raises(ValueError, match='ends in the middle'):
        next(frames)


@pytest.mark.parametrize('place', [12, 13, -8])  # checksum of the empty record, 'a', 'last'
def test_a_changed_byte(file, place):
    content = bytearray(file.read_bytes())
    content[16 + place if place > 0 else place] ^= 4
    file.write_bytes(content)
    with pytest.raises(ValueError, match='does not fit its checksum'):
        [*tfrecord.frames(file)]


@pytest.mark.parametrize(
    ('length', 'message'),
    [(1, 'checksum'), (17, 'checksum'), (2**62, 'middle'), (2**64 - 16, 'middle')],
)
def test_a_changed_length_is_found_without_reading_that_much(file, length, message):
    content = file.read_bytes()
    file.write_bytes(struct.pack('<Q', length) + content[8:])
    with pytest.raises(ValueError, match=message):
        [*tfrecord.frames(file)]


def test_a_record_that_is_far_too_large_is_not_read(tmp_path, monkeypatch):
    writer = RecordWriter(str(tmp_path / 'x'))
    writer.write(b'x' * 100)
    writer.close()
    monkeypatch.setattr(tfrecord, 'LARGEST_FILE', 99)
    with pytest.raises(ValueError, match='a record has more than 99 bytes'):
        list(tfrecord.frames(tmp_path / 'x'))
    monkeypatch.setattr(tfrecord, 'LARGEST_FILE', 100)
    assert list(tfrecord.frames(tmp_path / 'x')) == [b'x' * 100]
