"""One device and four give the same experiment, and four talk no more than they must."""

import collections
import functools
import math
import re
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np
import pytest

from gan_jax.augment.policy import OPS, needs_strength
from gan_jax.benchmark.collectives import collectives
from gan_jax.data import DataSet, sampler
from gan_jax.experiment import build
from gan_jax.experiment.program import make_program
from gan_jax.gan import Augment
from gan_jax.latents import uniform
from gan_jax.models.critic import Critic
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import UserError
from gan_jax.terms import Objective, Term
from gan_jax.views import View, augmented
from tests import small
from tests.shipped import BATCH, apart, norm, parts, program_on, to_gather

pytestmark = pytest.mark.usefixtures('quick')

ROOT = Path(__file__).parent.parent
DEVICES = 4
# Colours of ADA need images of one channel or three, and these have two.
SHOWN = tuple(op for op in OPS if op not in ('ada_bgc', 'ada_bgcfnc', 'ada_r3gan'))
# One of each kind of draw; tests/test_mesh.py shows the others.
QUICK = ('flip', 'translation', 'brightness', 'cutout', 'cutmix', 'mixup', 'random_erasing')
VIEWS = 6  # that D sees in its own update


# What goes in: bit for bit ------------------------------------------------------------------------


class Passing(nn.Module):
    """The latent as an image, so that no rounding can hide what was drawn."""

    @nn.compact
    def __call__(self, z, label, *, train):
        return z.reshape(-1, *small.SHAPE) + self.param('bias', nn.initializers.zeros, ())


def witness(policies):
    """A term that keeps images, labels and reals' rows of every view that it asks for."""
    views = {'real': View('real'), 'fake': View('fake')}
    for policy in policies:
        views[policy] = View('real', augmented, policy)
    record = {
        'image': np.zeros((BATCH, *small.SHAPE), np.float32),
        'label': np.zeros(BATCH, np.int32),
    }
    first = {
        name: record if view.source == 'fake' else {**record, 'index': record['label']}
        for name, view in views.items()
    }

    def loss(out, state, key):
        kept = {name: {key: out[name][key] for key in state[name]} for name in state}
        return {'real': out['real']['logit'].mean()}, kept, {}

    def g_loss(out, state, key):
        return {'fake': out['fake']['logit'].mean()}, state, {}

    moves_g = Objective({'fake': View('fake')}, g_loss)
    return Term(d=Objective(views, loss), g=moves_g, init=lambda: first)


DATA = DataSet(
    images=np.random.default_rng(0).integers(0, 256, (50, *small.SHAPE), dtype=np.uint8),
    labels=np.arange(50, dtype=np.int32) % small.CLASSES,
    num_classes=small.CLASSES,
    name='noise',
)


@functools.cache
def witnessed_on(count, batch=BATCH, shown=QUICK):
    """The state before and after a step of a small game on so many devices."""
    policies = [f'{op}(0.3)' if needs_strength(op) else op for op in shown]
    terms = {'witness': witness(policies)}
    latent = math.prod(small.SHAPE)
    gan = small.make_gan(terms, generator=Passing(), latent_dim=latent, augment=Augment())
    parts = build.Experiment(gan, terms, {'witness': 1}, small.make_hyper({'witness': 1.0}, seed=3))
    mesh = sharding.make_mesh(count, batch)
    program = make_program(parts, DATA, mesh, batch_size=batch, d_steps=1)
    before = small.start(program)
    start = jax.device_get(before)
    return start, jax.device_get(program.update(before, 5, parts.hyper))


def seen_on(count, batch=BATCH, shown=QUICK):
    """The images and labels that D is given in the step, by view."""
    return witnessed_on(count, batch, shown)[1].terms['witness']


def agree(one, other):
    """True if two runs showed D the same bits, but for AugMix.

    XLA contracts AugMix's weighted sums by the size of a device's batch: their last bit may change.
    """
    exact = {name for name in one if not name.startswith('augmix')}
    return all(
        small.same(one[name], other[name])
        if name in exact
        else small.distance(one[name], other[name]) < 2e-7
        for name in one
    )


@pytest.mark.slow
def test_inputs_latents_labels_and_draws_are_bit_equal():
    one, four = seen_on(1), seen_on(DEVICES)
    assert len(one) == 2 + len(QUICK)
    assert all(small.same(one[name], four[name]) for name in one)


def test_the_images_are_those_of_the_sampler():
    rows = sampler.indices(3, 5, BATCH, len(DATA.images))
    real = seen_on(DEVICES)['real']
    np.testing.assert_allclose(real['image'], DATA.images[rows] / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(real['label'], DATA.labels[rows])
    for view in seen_on(DEVICES).keys() - {'fake'}:
        np.testing.assert_array_equal(seen_on(DEVICES)[view]['index'], rows, err_msg=view)


class Pixels(nn.Module):
    """The pixels that D is shown as its features."""

    @nn.compact
    def __call__(self, image, *, train):
        return image.reshape(len(image), -1)


def paired():
    """A term that keeps what both players meet, and the pixels that D is shown."""
    views = {name: View(name) for name in ('real', 'fake')}
    keys = {
        'real': ('image', 'label', 'index', 'features'),
        'fake': ('z', 'image', 'label', 'features'),
    }
    flat = np.zeros((BATCH, math.prod(small.SHAPE)), np.float32)
    like = {
        'image': flat.reshape(-1, *small.SHAPE),
        **dict.fromkeys(('label', 'index'), np.zeros(BATCH, np.int32)),
        **dict.fromkeys(('z', 'features'), flat),
    }
    first = {name: {key: like[key] for key in keys[name]} for name in views}

    def loss(side, out, state, key):
        kept = {name: {key: out[name][key] for key in keys[name]} for name in views}
        return {'fake': out['fake']['logit'].mean()}, {**state, side: kept}, {}

    d, g = (Objective(views, functools.partial(loss, side)) for side in 'dg')
    return Term(d=d, g=g, init=lambda: {'d': first, 'g': first})


@functools.cache
def paired_on(count):
    """The records that both players meet in a step of R3GAN's kind on so many devices."""
    terms = {'paired': paired()}
    gan = small.make_gan(
        terms,
        generator=Passing(),
        critic=Critic(Pixels(), {}, small.PlainLogit()),
        latent_dim=math.prod(small.SHAPE),
        latent=uniform(),
        paired_labels=True,
        g_reals='own',
        augment=Augment(critic='cutout(0.5)', shared=True),
    )
    parts = build.Experiment(gan, terms, {'paired': 1}, small.make_hyper({'paired': 1.0}, seed=3))
    program = make_program(
        parts, DATA, sharding.make_mesh(count, BATCH), batch_size=BATCH, d_steps=1
    )
    return jax.device_get(program.update(small.start(program), 5, parts.hyper)).terms['paired']


@pytest.mark.slow
def test_latents_own_reals_paired_labels_and_shared_draws_are_bit_equal():
    one, four = paired_on(1), paired_on(DEVICES)
    assert small.same(one, four)
    rows = sampler.of_step(3, 5, 2, BATCH, len(DATA.images))
    for row, side in zip(rows, 'dg', strict=True):
        real, fake = (one[side][name] for name in ('real', 'fake'))
        np.testing.assert_array_equal(real['index'], row)
        np.testing.assert_array_equal(real['label'], DATA.labels[row])
        np.testing.assert_array_equal(fake['label'], DATA.labels[row])
        assert -1 <= fake['z'].min() < -0.99 and 0.99 < fake['z'].max() <= 1
        # One box is cut out of the real and of the fake of an index, another of the next ones.
        cut = [x['features'].reshape(x['image'].shape) != x['image'] for x in (real, fake)]
        boxes = [one.any(axis=-1) for one in cut]
        np.testing.assert_array_equal(*boxes)
        assert len({box.tobytes() for box in boxes[0]}) > BATCH / 2


# What comes out: to rounding ----------------------------------------------------------------------


@pytest.mark.parametrize('side', ['d', 'g'])
def test_a_small_game_moves_by_the_same_gradients(side):
    (start, one), (_, four) = (witnessed_on(count) for count in (1, DEVICES))
    before, after, other = (getattr(state, side).params for state in (start, one, four))
    assert small.distance(before, after) > 1e-3
    assert small.distance(after, other) < 1e-6


@functools.cache
def step_on(count):
    program = program_on(count)
    return jax.device_get(program.update(small.start(program), 0, parts().hyper))


@pytest.mark.slow
@pytest.mark.parametrize('side', ['d', 'g'])
def test_gradients_and_weights_after_plain_sgd(side):
    one, four = (getattr(step_on(count), side) for count in (1, DEVICES))
    gradient, other = one.opt[0].trace, four.opt[0].trace
    assert norm(gradient) > 1e-2
    assert apart(gradient, other) < 1e-6 * norm(gradient)
    assert small.distance(one.params, four.params) < 1e-6
    assert small.distance(one.stats, four.stats) < 1e-6


@pytest.mark.slow
def test_metrics():
    one, four = (step_on(count).metrics for count in (1, DEVICES))
    assert small.distance(one, four) < 1e-5


# What they say to each other ----------------------------------------------------------------------


@functools.cache
def text(count=DEVICES, model=1):
    """XLA's program of one of so many devices."""
    return program_on(count, model).lower().compile().as_text()


@functools.cache
def instructions():
    """(opcode, result shapes, operand shapes) of everything in it."""
    lines = re.findall(r'(%[\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*?)\)[,\n]', text())
    shapes = {name: dimensions(result) for name, result, *_ in lines}
    return [
        (
            opcode,
            dimensions(result),
            [s for n in re.findall(r'%[\w.-]+', operands) for s in shapes[n]],
        )
        for _, result, opcode, operands in lines
    ]


def dimensions(result):
    """'(f32[2,3]{1,0}, f32[])' -> [(2, 3), ()]"""
    return [
        tuple(int(n) for n in inside.split(',') if n)
        for inside in re.findall(r'\w+\[([\d,]*)\]', result)
    ]


def results_of(*opcodes):
    """The shapes that these operations make, asynchronous or not."""
    wanted = {opcode + suffix for opcode in opcodes for suffix in ('', '-start')}
    return [shape for opcode, result, _ in instructions() if opcode in wanted for shape in result]


def without_ones(shape):
    """In any order, since XLA transposes and reshapes what it sends."""
    return tuple(sorted(n for n in shape if n != 1))


PROJECTIONS = (2 * BATCH, 128)


@pytest.mark.slow
def test_only_projections_are_gathered():
    """NT-Xent's negatives are the whole batch: all 2N rows of the reals, all of the fakes."""
    gathered = [without_ones(shape) for shape in results_of('all-gather')]
    assert gathered == [PROJECTIONS, PROJECTIONS]


@pytest.mark.slow
def test_only_sums_are_reduced():
    """Gradients of weights, BatchNorm's means, losses, and the gradient at the gathered rows.

    A kernel's gradient [a, b, C, O] is summed as a matrix [O, a*b*C] where it is made as one.
    """
    nets = (program_on(DEVICES).shapes.g, program_on(DEVICES).shapes.d)
    leaves = jax.tree.leaves([(n.params, n.stats) for n in nets])
    expected = {without_ones(x.shape) for x in leaves}
    expected |= {(x.shape[3], math.prod(x.shape[:3])) for x in leaves if x.ndim == 4}
    reduced = {without_ones(shape) for shape in results_of('all-reduce')}
    assert reduced <= expected | {(), PROJECTIONS}
    # The last convolution of D, a BatchNorm of G, and the losses are among them.
    assert reduced >= {(), (3, 3, 64, 64), (32,)}


@pytest.mark.slow
def test_nothing_else_is_sent():
    """An image that changed its device would show up here."""
    assert not results_of(
        *('all-to-all', 'collective-permute', 'reduce-scatter', 'collective-broadcast'),
        *('ragged-all-to-all', 'send', 'recv'),
    )


@pytest.mark.slow
def test_the_bytes_are_those_of_the_gradients_and_of_the_gather():
    """To the byte, but for single numbers: losses, their metrics, the bias of the logit.

    BatchNorm's moments are two sums a channel in each pass of G, and two on the way back, of which
    one is the gradient of its bias.
    """
    shapes = program_on(DEVICES).shapes
    channels = sum(x.size for x in jax.tree.leaves(shapes.g.stats)) // 2
    projections = 2 * math.prod(PROJECTIONS)  # of the reals, of the fakes
    params = jax.tree.leaves((shapes.d.params, shapes.g.params))
    sums = sum(x.size for x in params if x.size > 1) + (2 * 2 + 2 - 1) * channels
    sent, single = collections.Counter(), 0
    for one in collectives(text()):
        numbers = sum(shape in ('f32[]', 'f32[1]') for shape in one.shapes)
        sent[one.kind] += one.bytes - 4 * numbers
        single += numbers
    assert sent == {'all-gather': 4 * projections, 'all-reduce': 4 * (sums + projections)}
    assert 0 < single < 20


@pytest.mark.slow
def test_with_a_sharded_state_each_kernel_is_gathered_once_in_an_update_that_reads_it():
    """To the byte, beside NT-Xent's negatives; and neither images nor feature maps are sent."""
    sent = collections.Counter()
    for one in collectives(text(1, DEVICES)):
        sent[one.kind] += one.bytes
    kernels = to_gather(program_on(1, DEVICES).shapes)
    assert len(kernels) == 2 + 4 + 2
    assert sent['all-gather'] == sum(kernels) + 4 * 2 * math.prod(PROJECTIONS)
    assert sent.keys() == {'all-gather', 'all-reduce'}


@pytest.mark.slow
def test_no_device_works_on_the_whole_batch():
    """Latents come from no array that is spread already: unconstrained, all make all images."""
    share = BATCH // DEVICES
    convolutions = [shapes for opcode, *shapes in instructions() if opcode == 'convolution']
    assert len(convolutions) > 30
    for result, operands in convolutions:
        sizes = {n for shape in (*result, *operands) for n in shape}
        assert not [n for n in sizes if n % BATCH == 0], (result, operands)
        assert sizes & {share, share * VIEWS}, (result, operands)


@pytest.mark.slow
def test_no_device_holds_images_of_the_whole_batch():
    """Nor feature maps: what is as large as that has two dimensions (the small maps' patches)."""
    for opcode, result, _ in instructions():
        for shape in result:
            assert len(without_ones(shape)) < 3 or all(n % BATCH for n in shape), (opcode, shape)


# The mesh -----------------------------------------------------------------------------------------


def test_mesh_takes_all_devices_or_as_many_as_asked():
    assert [sharding.make_mesh(count, 8).size for count in (-1, 1, 2)] == [4, 1, 2]


def test_mesh_errors():
    with pytest.raises(UserError, match=r'mesh\.data=5, .* asks for 5 devices, there are 4'):
        sharding.make_mesh(5, 20)
    with pytest.raises(UserError, match=r'batch_size 6 does not divide among 4 devices'):
        sharding.make_mesh(-1, 6)
    with pytest.raises(UserError, match=r'batch_size 8 in 4 parts .* does not divide among 4 dev'):
        sharding.make_mesh(-1, 8, 4)
