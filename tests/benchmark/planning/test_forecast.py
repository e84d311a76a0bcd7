"""The formulas of a plan: numbers worked out by hand, and a config's need beside its benchmark."""

from pathlib import Path

import jax
import pytest

from gan_jax.benchmark.planning import forecast as module
from gan_jax.benchmark.planning.devices import Device
from gan_jax.benchmark.planning.forecast import Amount, Need, all_reduce, counts, forecast, need
from gan_jax.benchmark.planning.programs import CompiledStep
from gan_jax.benchmark.workload import images_of, make_workload
from gan_jax.experiment import config
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import UserError
from gan_jax.state import nbytes

TINY = Path(__file__).parents[2] / 'sweeps' / 'tiny.py'
DEVICE = Device('tiny', 1000, 100, 200, 50, 4, 10, 5)
NEED = Need(
    flops=Amount(10, 80),
    products=Amount(10, 30),
    kept=Amount(0, 400),
    state=Amount(0, 0),
    data=200,
    gradients=60,
    sharded=0,
    updates=2,
    model=1,
)
SHARDED = NEED._replace(state=Amount(40, 160), data=7, sharded=24, updates=3, model=4)
CLOCKED = DEVICE._replace(clock=10)
STEP = CompiledStep('tiny:4', 'tiny', 1, refusal='', peak=700, cycles=30, source='')
near = pytest.approx


def on(count, need=NEED, device=DEVICE, dtype='float32', compiled=()):
    compiled = {step.devices: step for step in compiled}
    return forecast(need, device, count, reached=0.5, dtype=dtype, steps=100, compiled=compiled)


def test_one_device_is_as_slow_as_its_products_or_its_memory():
    one = on(1)
    assert one.seconds == near(90 / (0.5 * 100)) and one.limit == 'products'
    assert one.efficiency == 1
    assert one.device_hours == near(100 * 1.8 / 3600)
    slow = on(1, device=DEVICE._replace(bandwidth=10))
    assert slow.seconds == near(40 / 10) and slow.limit == 'memory'


def test_bfloat16_has_a_speed_of_its_own():
    assert on(1, dtype='bfloat16').seconds == near(90 / (0.5 * 200))


def test_devices_of_a_node_share_the_batch_and_sum_gradients_over_the_link():
    two = on(2)
    assert two.seconds == near(50 / 50 + 2 * (1 / 2) * 60 / 10)
    assert two.limit == 'links'
    assert two.efficiency == near(1.8 / (2 * 7.0))
    assert two.device_hours == near(2 * 100 * 7.0 / 3600)


def test_several_nodes_sum_over_the_network_too():
    """Two nodes of four: each of four devices sums a quarter of 60 bytes with its counterpart."""
    eight = on(8)
    assert eight.seconds == near(20 / 50 + 2 * (3 / 4) * 60 / 10 + 2 * (1 / 2) * (60 / 4) / 5)
    assert all_reduce(60, DEVICE, 1) == 0
    # Devices that each stand alone have one ring, over the network.
    assert all_reduce(60, DEVICE._replace(node=1), 8) == near(2 * (7 / 8) * 60 / 5)


def test_devices_that_hold_a_state_together_put_it_together_in_each_update():
    fast = DEVICE._replace(bandwidth=1e9)
    four, gather = on(4, need=SHARDED, device=fast), (3 / 4) * 24 / 10
    assert four.seconds == near(30 / 50 + 2 * (3 / 4) * 60 / 10 + 3 * gather)
    # Another four share the batch with them, and the sum of the gradient only.
    both = 20 / 50 + 2 * (3 / 4) * 60 / 10 + 2 * (1 / 2) * (60 / 4) / 5
    assert on(8, need=SHARDED, device=fast).seconds == near(both + 3 * gather)
    # Over two nodes: half of a state's parts come from the counterparts in the other one.
    apart = gather + (1 / 2) * (24 / 4) / 5
    eight = on(8, need=SHARDED._replace(model=8), device=fast)
    assert eight.seconds == near(both + 3 * apart)
    # The devices of one state against one that would hold all of it.
    assert four.efficiency == near((90 / 50) / (4 * four.seconds))


def test_a_state_goes_through_memory_twice_the_part_of_a_device():
    assert SHARDED.bytes(4, 4) == 10 + 30 / 4 + 2 * (40 + 160 / 4)
    slow = on(4, need=SHARDED, device=DEVICE._replace(bandwidth=10, link=1e9))
    assert slow.seconds == near(SHARDED.bytes(4, 4) / 10) and slow.limit == 'memory'
    assert slow.efficiency == near(SHARDED.bytes(1, 1) / (4 * SHARDED.bytes(4, 4)))


def test_memory_of_a_part_of_a_state(monkeypatch):
    """The part, the parameters of an update whole, and the data."""
    monkeypatch.setattr(module, 'ROOM', (1.0, 0.5, 2.0))
    held = 40 + 160 / 4 + 24 + 7
    assert on(4, need=SHARDED).memory == (held + 100, held + 50, held + 200)
    assert on(8, need=SHARDED).memory == (held + 50, held + 25, held + 100)


def test_memory_is_the_state_and_what_a_part_of_the_batch_keeps(monkeypatch):
    monkeypatch.setattr(module, 'ROOM', (1.0, 0.5, 2.0))
    assert on(1).memory == (600, 400, 1000)
    assert on(4).memory == (300, 250, 400)


@pytest.mark.parametrize(
    ('held', 'fits'),
    [(750, 'yes'), (751, 'perhaps'), (1000, 'perhaps'), (1001, 'no')],
)
def test_what_fits(held, fits):
    assert on(1, need=NEED._replace(data=held, kept=Amount(0, 0))).fits == fits


def test_what_may_or_may_not_fit_is_perhaps(monkeypatch):
    monkeypatch.setattr(module, 'ROOM', (1.0, 0.5, 2.0))
    assert [on(n).fits for n in (1, 2, 4)] == ['perhaps', 'yes', 'yes']  # 1000, 600, 400 of 750


def test_without_compiled_steps_all_is_by_formulas():
    assert on(2).compiled == ()
    assert on(2, compiled=[STEP]) == on(2)


def test_a_compiled_step_takes_its_cycles_and_its_peak():
    one = on(1, device=CLOCKED, compiled=[STEP])
    assert (one.memory, one.fits) == ((700,), 'yes')
    assert (one.seconds, one.limit, one.efficiency) == (30 / 10, 'cycles', 1)
    assert one.device_hours == near(100 * 3.0 / 3600)
    assert one.compiled == ('memory', 'step', 'efficiency')


def test_cycles_have_no_links_so_the_formula_adds_them():
    """On two devices: 20 cycles, and 60 bytes summed at 10 bytes/s; shared weights as well."""
    two = on(2, device=CLOCKED, compiled=[STEP, STEP._replace(devices=2, cycles=20)])
    assert two.seconds == near(2 + 6) and two.limit == 'links'
    assert two.efficiency == near(3 / (2 * 8)) and 'efficiency' in two.compiled
    four = STEP._replace(devices=4, cycles=20)
    both = 2 * (3 / 4) * 60 / 10 + 3 * (3 / 4) * 24 / 10
    assert on(4, need=SHARDED, device=CLOCKED, compiled=[four]).seconds == near(2 + both)


@pytest.mark.parametrize('of', [1, 2])
def test_an_efficiency_has_both_steps_by_formulas_unless_both_have_cycles(of):
    compiled = [STEP._replace(devices=of)]
    two = on(2, device=CLOCKED, compiled=compiled)
    assert two.efficiency == on(2).efficiency == near(1.8 / (2 * 7.0))
    assert 'efficiency' not in two.compiled
    assert two.seconds == near(3 + 6 if of == 2 else 7.0)


@pytest.mark.parametrize(
    ('step', 'device'),
    [(STEP, DEVICE), (STEP._replace(cycles=None), CLOCKED)],
)
def test_without_cycles_or_a_clock_a_step_takes_its_time_by_the_formula(step, device):
    one = on(1, device=device, compiled=[step])
    assert (one.seconds, one.limit) == (on(1).seconds, 'products')
    assert (one.memory, one.compiled) == ((700,), ('memory',))


def test_a_step_that_the_compiler_refuses_does_not_fit():
    refused = STEP._replace(refusal='RESOURCE_EXHAUSTED', peak=None, cycles=None)
    one = on(1, need=NEED._replace(data=0, kept=Amount(0, 0)), compiled=[refused])
    assert (one.memory, one.fits, one.compiled) == ((0, 0, 0), 'no', ('fits',))


def test_without_a_peak_the_formula_says_what_fits():
    one = on(1, compiled=[STEP._replace(peak=None)])
    assert (one.memory, one.fits, one.compiled) == (on(1).memory, on(1).fits, ())


@pytest.mark.parametrize(
    ('peak', 'tpu', 'card'),
    [
        (750, 'yes', 'yes'),
        (751, 'yes', 'perhaps'),
        (1000, 'yes', 'perhaps'),
        (1001, 'no', 'no'),
    ],
)
def test_a_peak_fits_a_tpu_and_the_share_of_a_card_that_jax_takes(peak, tpu, card):
    step = STEP._replace(peak=peak)
    assert on(1, compiled=[step]).fits == tpu
    assert on(1, device=DEVICE._replace(compiler={'a': 1}), compiled=[step]).fits == card


def test_devices_are_counted_while_the_parts_of_a_batch_divide():
    assert counts({'batch_size': 64, 'accumulate': 1}, 1) == [1, 2, 4, 8, 16, 32, 64]
    assert counts({'batch_size': 64, 'accumulate': 16}, 1) == [1, 2, 4]
    assert counts({'batch_size': 12, 'accumulate': 1}, 1) == [1, 2, 4]
    assert counts({'batch_size': 9, 'accumulate': 3}, 1) == [1]
    assert counts({'batch_size': 64, 'accumulate': 1}, 4) == [4, 8, 16, 32, 64]
    assert counts({'batch_size': 12, 'accumulate': 1}, 3) == [3, 6, 12]
    assert counts({'batch_size': 12, 'accumulate': 4}, 3) == [3]


def whole(*overrides):
    flags = [f'--config.{override}' for override in overrides]
    settings = config.load_config(f'{TINY}:method=bcr', flags).to_dict()
    return make_workload(settings, images_of(settings)[0])


def test_the_work_of_one_device_is_the_benchmarks():
    one = whole('d_steps=2')
    found, work = need(one, 0, 1), one.work()
    assert (found.flops.on(1), found.bytes(1, 1)) == (work.needed, work.bytes)


def test_twice_the_devices_do_half_of_what_grows_with_the_batch():
    one = whole()
    found = need(one, 0, 1)
    half = one._replace(settings={**one.settings, 'batch_size': 4}).work()
    assert found.flops.on(2) == half.needed and found.bytes(2, 1) == half.bytes


def test_three_devices_do_a_third():
    one = whole('batch_size=9')
    found = need(one, 0, 3)
    third = one._replace(settings={**one.settings, 'batch_size': 3}).work()
    assert found.flops.on(3) == near(third.needed) and found.bytes(3, 1) == near(third.bytes)


def test_state_and_gradients_are_counted_by_hand():
    one = whole('d_steps=2')
    found, state = need(one, 1000, 1), one.program.shapes
    assert (found.state, found.data) == (Amount(one.state_bytes(), 0), 1000)
    assert (found.sharded, found.updates, found.model) == (0, 3, 1)
    sizes = {
        side: sum(x.size for x in jax.tree.leaves(net.params))
        for side, net in (('d', state.d), ('g', state.g))
    }
    assert sizes == {'g': 4 * 64 + 64, 'd': 64 * 8 + 8 + 8 + 1}
    assert found.gradients == 4 * (2 * sizes['d'] + sizes['g'])


def test_gradients_of_networks_of_terms_are_counted_too():
    settings = config.load_config(f'{TINY}:method=bigan').to_dict()
    settings['terms']['adversarial']['size'] = 4
    settings['d_steps'] = 2
    one = make_workload(settings, images_of(settings)[0])
    state = one.program.shapes
    (encoder,) = state.nets.values()
    d, g, e = (nbytes(net.params) for net in (state.d, state.g, encoder))
    assert one.gradients() == 2 * d + g + e and e > 0


def test_the_part_of_a_state_is_what_its_devices_hold():
    """G's kernel, 64 x 256 numbers, in its weights, its average, and Adam's two."""
    one = whole('latent.dim=64', 'data.size=16')
    found, kernel = need(one, 0, 4), 4 * 64 * 256
    assert (found.sharded, found.state) == (
        kernel,
        Amount(one.state_bytes() - 4 * kernel, 4 * kernel),
    )
    mesh = sharding.make_mesh(1, 8, model=4)
    where = sharding.state_sharding(one.program.shapes, mesh)
    parts = jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(s.shard_shape(x.shape), x.dtype),
        one.program.shapes,
        where,
    )
    assert found.state.on(4) == nbytes(parts)
    assert need(one, 0, 1).state == Amount(one.state_bytes(), 0)


def test_a_batch_that_its_devices_cannot_share_is_refused():
    with pytest.raises(UserError, match='batch_size 8 does not divide among 3 devices: .*=M'):
        need(whole(), 0, 3)


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_planned_for_one_device():
    found = need(whole('batch_size=9'), 0, 1)
    assert found.flops == Amount(whole('batch_size=9').work().needed, 0)


@pytest.mark.slow
def test_parts_of_a_batch_keep_less():
    assert need(whole('accumulate=4'), 0, 1).kept.on(1) < need(whole(), 0, 1).kept.on(1)
