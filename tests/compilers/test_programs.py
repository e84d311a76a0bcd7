"""The programs that the compilers of TPUs and NVIDIA cards make of the train step.

No accelerator is needed: `make compilers` installs the compilers. Bounds are somewhat above what
the compilers give today, so that what grows by a third is noticed.
"""

import functools
import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import SingleDeviceSharding

from gan_jax.benchmark.collectives import of_program
from gan_jax.benchmark.compilers import numbers
from gan_jax.benchmark.compilers.compile import memory, peak_of
from gan_jax.benchmark.compilers.printed import compile_printed
from gan_jax.benchmark.compilers.targets import read_targets
from gan_jax.benchmark.workload import form_of, make_workload
from gan_jax.data import DataSet
from gan_jax.experiment import config
from gan_jax.experiment.feed import gather, resident_shapes
from gan_jax.sweeps.population import make_population
from tests.shipped import to_gather

pytest.importorskip('libtpu')
pytest.importorskip('jax_plugins.xla_cuda13')

pytestmark = pytest.mark.compiler
CONFIGS = Path(__file__).parents[2] / 'configs'
SHIPPED = sorted(CONFIGS.glob('*.py'))
# A conditional BigGAN of few channels, with attention, as the shipped one has it.
BIGGAN = (
    *('--config.generator.channels=8', '--config.discriminator.channels=8'),
    *('--config.batch_size=16', '--config.data.size=32'),
)


@functools.cache
def target(name):
    return read_targets(name)[0]


def workload(file, devices, *overrides):
    """The workload of a shipped config on the first devices of a target, such as 'v5e:2x2/1'."""
    name, _, count = devices.partition('/')
    found = target(name).devices
    given = [f'--config.mesh.data={count or len(found)}', *overrides]
    settings = json.loads(config.load_config(str(CONFIGS / file), given).to_json())
    return make_workload(settings, form_of(settings)[0], found)


@functools.cache
def compiled(file, devices, steps, overrides):
    """(the compiled step, its program)."""
    return made(devices, workload(file, devices, *overrides).program.lower(steps))


def made(devices, lowered):
    """(what is compiled for the devices, its program)."""
    return compile_printed(lowered, first_of(devices).platform)


def first_of(devices):
    return target(devices.partition('/')[0]).devices[0]


def data_moves(program, dataset):
    """Operations that write the resident images again, in any shape or number of pieces.

    A TPU prefetches a small data set to its fast memory, beside other work.
    """
    return [
        one
        for one in numbers.operations(program)
        if one.kind != 'prefetches' and uint8_of(one) >= dataset.images.nbytes
    ]


def uint8_of(operation):
    """The bytes of an operation's results in uint8."""
    shapes = (text.partition('[')[2].rstrip(']') for text in operation.arrays if text[:3] == 'u8[')
    return sum(math.prod(map(int, shape.split(','))) for shape in shapes)


# All shipped configs, lowered ---------------------------------------------------------------------


@pytest.mark.parametrize('file', SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_config_lowers_without_float64_and_without_the_host(file):
    """For both kinds of devices at once, since tracing takes as long as lowering."""
    lowered = workload(file.name, 'v5e:2x2').program.lower(platforms=('tpu', 'cuda'))
    text = lowered.as_text()
    assert 'stablehlo.convolution' in text
    assert 'f64' not in text and 'callback' not in text


# Compiled -----------------------------------------------------------------------------------------

# (config, devices, overrides): launches, bytes of the largest copy, bytes at the peak.
PROGRAMS = {
    ('digits.py', 'v5e:2x2/1', ()): (800, 2e6, 60e6),
    ('digits.py', 'v5e:2x2', ()): (1100, 2e6, 40e6),
    ('digits.py', 'H100', ()): (460, 4e6, 80e6),
    ('digits.py', 'H100:2', ()): (640, 4e6, 60e6),
    ('cifar10_biggan.py:method=none', 'v5e:2x2/1', BIGGAN): (3000, 4e6, 400e6),
    ('cifar10_biggan.py:method=none', 'H100:2', BIGGAN): (3000, 4e6, 400e6),
}


def compiler(name):
    """The tests of one compiler run in one process, where they share what is compiled."""
    return pytest.mark.xdist_group('tpu' if name.startswith('v') else 'cuda')


def on(*names):
    """Parametrises a test by devices."""
    return pytest.mark.parametrize('devices', [pytest.param(n, marks=compiler(n)) for n in names])


programs = pytest.mark.parametrize(
    ('program', 'bounds'),
    [
        pytest.param(*one, id='-'.join(one[0][:2]), marks=compiler(one[0][1]))
        for one in PROGRAMS.items()
    ],
)


@programs
def test_a_step_stays_within_its_bounds(program, bounds):
    file, devices, overrides = program
    launches, copied, peak = bounds
    found, text = compiled(file, devices, 1, overrides)
    operations = numbers.operations(text)
    whole = workload(file, devices, *overrides)
    counted = numbers.launches(operations)
    assert sum(counted.values()) <= launches, counted
    moved = [one.bytes for one in operations if one.kind in ('copies', 'transposes')]
    assert max(moved) <= copied
    assert memory(found, whole.program)['peak'] <= peak
    assert not data_moves(text, whole.dataset)
    assert not numbers.float64(text) and not numbers.host_calls(text)


@on('v5e:2x2', 'H100:2')
def test_a_player_sums_its_gradient_in_at_most_four_operations(devices):
    """Beside them BatchNorm's sums and the gather of Cntr, and nothing else."""
    _, text = compiled('digits.py', devices, 1, ())
    sums = sorted(one.bytes for one in of_program(text) if one.kind == 'all-reduce')
    assert sum(sums[-2 * 4 :]) >= workload('digits.py', devices).gradients()
    kinds = numbers.collectives(text)
    assert kinds.keys() <= {'all-reduce', 'all-gather', 'reduce-scatter'}
    whole = workload('digits.py', devices)
    sent = kinds['all-reduce']
    assert whole.gradients() <= sent['bytes'] <= 1.2 * whole.gradients()
    # G has four BatchNorms: each sums once in each of two passes, and once on the way back.
    assert sent['operations'] <= 2 * 4 + 3 * 4


@on('v5e:2x2', 'H100:2')
def test_of_a_sharded_state_each_kernel_is_gathered_once_in_an_update_that_reads_it(devices):
    """Beside the projections of Cntr. A TPU gathers G's in bfloat16; XLA joins gathers on a GPU."""
    count = len(target(devices).devices)
    cut = ('--config.mesh.data=1', f'--config.mesh.model={count}')
    _, text = compiled('digits.py', devices, 1, cut)
    whole = workload('digits.py', devices, *cut)
    kernels, sent = to_gather(whole.program.shapes), numbers.collectives(text)
    projections = 2 * 4 * 2 * whole.settings['batch_size'] * 128
    assert sent['all-gather']['bytes'] <= sum(kernels) + projections
    assert sent['all-gather']['operations'] <= len(kernels) + 2
    assert 'all-to-all' not in sent and 'collective-permute' not in sent


@on('v5e:2x2/1', 'H100')
def test_several_steps_of_a_dispatch_do_not_copy_the_data(devices):
    _, text = compiled('digits.py', devices, 10, ())
    assert not data_moves(text, workload('digits.py', devices).dataset)


@on('v5e:2x2/1', 'H100')
@pytest.mark.parametrize('side', [128, 256])
def test_large_images_are_gathered_where_they_lie(devices, side):
    """A TPU's compiler gathers rows of 32,768 numbers at most; longer ones it copies, in pieces."""
    place = SingleDeviceSharding(first_of(devices))
    dataset = DataSet(np.broadcast_to(np.uint8(0), (10_000, side, side, 3)), None, 0, 'large')
    rows = jax.ShapeDtypeStruct((1, 4), np.int32, sharding=place)
    given = resident_shapes(dataset, place), {'index': rows}
    lowered = jax.jit(lambda *given: gather(*given, (side, side, 3))['image'] / 255).lower(*given)
    found, text = made(devices, lowered)
    assert not data_moves(text, dataset)
    assert peak_of(found.memory_analysis()) < 1.1 * dataset.images.nbytes


@on('v5e:2x2/1', 'H100')
def test_several_steps_of_a_dispatch_are_counted(devices):
    _, text = compiled('digits.py', devices, 10, ())
    assert 10 in text.launched.values()


@pytest.mark.xdist_group('cuda')
def test_a_population_does_not_copy_the_data():
    whole = workload('digits.py', 'H100')
    hyper = whole.experiment.hyper
    population = make_population(
        whole.experiment,
        whole.dataset,
        [hyper._replace(seed=hyper.seed + i) for i in range(4)],
        batch_size=whole.settings['batch_size'],
        d_steps=whole.settings['d_steps'],
        devices=target('H100').devices,
    )
    _, text = made('H100', population.lower())
    assert not data_moves(text, whole.dataset)
    assert jax.default_backend() == 'cpu'
