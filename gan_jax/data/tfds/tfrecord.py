"""Reading TFRecord files without TensorFlow, every record checked against its checksum.

A file is a sequence of frames, all numbers little-endian: the length of the data (8 bytes), its
checksum (4), the data, and the data's checksum (4). A checksum is a masked CRC-32C.
"""

from collections.abc import Iterator
from pathlib import Path

import google_crc32c

from gan_jax.data.pictures.decode import LARGEST_FILE
from gan_jax.runtime.paths import opened


def frames(path: Path) -> Iterator[bytes]:
    """The data of every record of the file, in order.

    The checksum of a length is not looked at: data of a wrong length has a wrong checksum.

    Raises:
        ValueError: the file is cut off, or a record does not fit its checksum; the message is half
            a sentence about the file, 'it ends in the middle of a record'.
        OSError: the file cannot be read.
    """
    left = path.stat().st_size
    with opened(path) as file:
        while left:
            header = file.read(12)
            size = int.from_bytes(header[:8], 'little')
            left -= 16 + size
            if left < 0:  # asked before reading, or a damaged length would ask for all the memory
                raise ValueError('it ends in the middle of a record')
            if size > LARGEST_FILE:
                raise ValueError(f'a record has more than {LARGEST_FILE} bytes')
            data, checksum = file.read(size), file.read(4)
            if masked_crc32c(data) != int.from_bytes(checksum, 'little'):
                raise ValueError('a record does not fit its checksum')
            yield data


def masked_crc32c(data: bytes) -> int:
    """The checksum that TFRecord stores: CRC-32C rotated right by 15 bits, plus a constant."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
