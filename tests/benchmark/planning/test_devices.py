"""Tables of devices: what is read, and a sentence for all that may be wrong."""

import re
from pathlib import Path

import pytest

from gan_jax.benchmark.planning.devices import KEYS, Device, read_device
from gan_jax.runtime.errors import MISSING, USAGE, UserError

SHIPPED = Path(__file__).parents[3] / 'configs' / 'devices.toml'
TINY = """
[one]
memory = 1e9
float32 = 100
bfloat16 = 200.5
bandwidth = 50
node = 4
link = 10
network = 5
"""


@pytest.fixture
def table(tmp_path):
    """Writes a table and returns its path."""

    def write(text=TINY):
        path = tmp_path / 'table.toml'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_table_is_read_in_its_order(table):
    path = table(TINY + TINY.replace('one', '"another one"'))
    one, another = read_device(f'{path}')
    assert one == Device('one', 1e9, 100, 200.5, 50, 4, 10, 5)
    assert another == one._replace(name='another one')
    assert read_device(f'{path}:another one,one') == [another, one]


def test_the_shipped_table_has_a_source_for_every_number():
    devices = read_device(f'{SHIPPED}')
    names = {device.name for device in devices}
    assert names == {'A100', 'H100', 'v4', 'v5e', 'v5p'}
    text = SHIPPED.read_text()
    lines = re.findall(r'^\w+ = .*$', text, flags=re.M)
    blocks = re.split(r'^(?=\[)', text, flags=re.M)[1:]
    cards = [block for block in blocks if block.startswith('[') and '.compiler]' in block]
    lines = [line for line in lines if not any(line in card for card in cards)]
    assert len(lines) == len(KEYS) * len(devices) + sum(device.clock > 0 for device in devices)
    assert all(re.search(r' # .*(https://|page|sheet)', line) for line in lines)
    for entry in re.split(r'^\[', text, flags=re.M)[1:]:
        assert 'https://' in entry


def test_the_shipped_numbers_are_of_one_order():
    """A wrong power of ten would stand out."""
    for device in read_device(f'{SHIPPED}'):
        assert 10e9 < device.memory < 1e12
        assert 1e14 <= device.float32 <= device.bfloat16 < 2e15
        assert 5e11 < device.bandwidth < 1e13
        assert device.bandwidth > device.link > device.network > 1e9


def test_an_unknown_device_is_told_the_nearest():
    message = "has no device 'H10'; did you mean 'H100'"
    with pytest.raises(UserError, match=message):
        read_device(f'{SHIPPED}:A100,H10')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('link = 10\n', ''), "one has no 'link': give bytes/s to the others of its node, one way"),
        (('link = 10', 'lnik = 10'), "one has a 'lnik', which means nothing; did you mean 'link'"),
        (('link = 10', 'link = 0'), 'one has link = 0: give bytes/s .*, above 0'),
        (('link = 10', 'link = "fast"'), "one has link = 'fast'"),
        (('link = 10', 'link = inf'), 'one has link = inf'),
        (('link = 10', 'link = true'), 'one has link = True'),
        (('node = 4', 'node = 4.0'), 'one has node = 4.0: give the number of devices'),
        (('[one]', ''), 'memory stands above all devices: put it under a heading'),
        (('[one]', '[one'), r'table.toml is no TOML file: .*line 2'),
    ],
)
def test_what_is_wrong_with_a_table_is_a_sentence(table, change, message):
    with pytest.raises(UserError, match=message) as raised:
        read_device(f'{table(TINY.replace(*change))}')
    assert raised.value.status == USAGE


def test_all_that_is_wrong_is_said_at_once(table):
    path = table(TINY.replace('link = 10\n', '').replace('node = 4\n', ''))
    with pytest.raises(UserError) as raised:
        read_device(f'{path}:two')
    assert len(str(raised.value).splitlines()) == 3


def test_no_table_is_a_sentence(table, tmp_path):
    with pytest.raises(UserError, match='cannot read the table of devices .*: No such') as raised:
        read_device(f'{tmp_path / "nothing.toml"}')
    assert raised.value.status == MISSING
    with pytest.raises(UserError, match='has no devices: see configs/devices.toml'):
        read_device(f'{table("# nothing")}')
    with pytest.raises(UserError, match='is no TOML file'):
        read_device(f'{table(b"[one]" + bytes([255]))}')
