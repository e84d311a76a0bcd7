"""Names of devices that need not be here, and a sentence for each that cannot be compiled for."""

import importlib.util
import re

import pytest

from gan_jax.benchmark.compilers import targets
from gan_jax.benchmark.planning.devices import read_device
from gan_jax.runtime import environment
from gan_jax.runtime.errors import MISSING, UserError


@pytest.fixture(params=[True, False], ids=['installed', 'not installed'])
def compilers(request, monkeypatch):
    """True if the compilers seem to be installed, and the options that they are given."""
    found, asked = importlib.util.find_spec, []
    spec = found('jax') if request.param else None
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda name: spec if name in ('libtpu', 'jax_plugins') else found(name),
    )

    def describe(**options):
        asked.append(options)
        return type('Description', (), {'devices': ['device']})

    monkeypatch.setattr(targets.topologies, 'get_topology_desc', describe)
    return request.param, asked


@pytest.mark.parametrize(
    ('text', 'extra'), [('v5e:2x2', 'tpu_compiler'), ('H100', 'cuda_compiler')]
)
def test_a_compiler_that_is_not_installed_is_named_with_its_extra(text, extra, compilers):
    installed, _ = compilers
    if installed:
        (target,) = targets.read_targets(text)
        assert target.devices == ['device']
        return
    with pytest.raises(UserError, match=re.escape(environment.install(extra))) as caught:
        targets.read_targets(text)
    assert caught.value.status == MISSING


def test_each_target_is_described_to_its_compiler(compilers):
    installed, asked = compilers
    if not installed:
        return
    found = targets.read_targets('v5p:2x2x1,H100:2,v5e:2x2')
    assert [(one.name, one.peak.name) for one in found] == [
        ('v5p:2x2x1', 'v5p'),
        ('H100:2', 'H100'),
        ('v5e:2x2', 'v5e'),
    ]
    tpu, card, _ = asked
    assert tpu == {'platform': 'tpu', 'topology_name': 'v5p:2x2x1'}
    assert (card['platform'], card['topology']) == ('cuda', '1x1x2')
    lines = card['target_config'].splitlines()
    assert lines[0] == 'gpu_device_info {' and '  ' not in card['target_config']
    end = lines.index('device_description_str: "NVIDIA H100 80GB HBM3"')
    assert lines[end - 1] == '}'
    assert {'core_count: 132', 'cuda_compute_capability {', 'major: 9'} <= {*lines[:end]}
    assert {'platform_name: "CUDA"', 'dnn_version_info {'} <= {*lines[end:]}
    assert lines.count('}') == sum(line.endswith('{') for line in lines)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('v5e', 'has no shape: write the shape of a slice, v5e:2x2'),
        ('H100:1x2', 'has the shape of a slice: cards have a number, H100:2'),
        ('v5e:', "names 'v5e:': write a device and its shape"),
        ('', "names '': write a device and its shape"),
        ('v5e:2x2,X100', "has no device 'X100'; did you mean 'H100'"),
    ],
)
def test_what_cannot_be_a_target_is_refused(text, message, compilers):
    installed, _ = compilers
    if installed:
        with pytest.raises(UserError) as caught:
            targets.read_targets(text)
        assert message in str(caught.value)


def test_a_shape_that_the_compiler_refuses_is_one_sentence(compilers, monkeypatch):
    def refuse(**options):
        raise RuntimeError('INVALID_ARGUMENT: no such topology\nand much more')

    monkeypatch.setattr(targets.topologies, 'get_topology_desc', refuse)
    if compilers[0]:
        with pytest.raises(UserError) as caught:
            targets.read_targets('v5e:7x3')
        assert str(caught.value) == (
            '--compile_for=v5e:7x3 is refused: INVALID_ARGUMENT: no such topology'
        )


def test_the_shipped_table_has_the_numbers_of_every_card():
    cards = [device for device in read_device(f'{targets.TABLE}') if not device.clock]
    assert {card.name for card in cards} == {'A100', 'H100'}
    for card in cards:
        numbers = card.compiler
        # The same card in the table's two places.
        assert numbers['memory_bandwidth'] == pytest.approx(card.bandwidth, rel=0.01)
        assert numbers['device_memory_size'] == pytest.approx(card.memory, rel=0.1)
        # FLOP/s of float32 without tensor cores: below those of TF32, by the same order.
        plain = numbers['core_count'] * numbers['fpus_per_core'] * numbers['clock_rate_ghz'] * 2e9
        assert 0.1 < plain / card.float32 < 0.2


def test_the_clock_of_a_tpu_gives_its_peak():
    """Units of 128 x 128 multiply and add in each cycle: four in a v5e, eight in the others."""
    for device in read_device(f'{targets.TABLE}:v4,v5e,v5p'):
        units = 4 if device.name == 'v5e' else 8
        peak = 2 * 128 * 128 * units * device.clock
        assert peak == pytest.approx(device.bfloat16, rel=0.01)
