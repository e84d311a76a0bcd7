"""A run in bfloat16: what stays float32, and that it goes where the float32 run goes."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from gan_jax import data
from gan_jax.data import sampler
from gan_jax.experiment import build, config, presets
from gan_jax.models import conv
from gan_jax.running_means import empty, merge_metrics
from gan_jax.state import Ema, Net, TrainState, average, create
from gan_jax.step import make_train_step
from gan_jax.terms import Objective, Term
from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.views import View
from tests import small
from tests.jaxprs import equations, scope
from tests.terms import family

HALF, LATENT, CLASSES = jnp.dtype('bfloat16'), 20, 3
# For each network: the side of its images, what makes it small, and the logit that goes with it.
NETS = {
    'sndcgan': (16, {'width': 0.125}, {'width': 0.125}, {'fn': 'gan_jax.models.critic.Logit'}),
    'resnet': (
        *(32, {'width': 0.0625, 'num_classes': CLASSES}, {'width': 0.0625}),
        {'fn': 'gan_jax.models.critic.ProjectionLogit', 'num_classes': CLASSES},
    ),
    'biggan': (
        *(32, {'channels': 8, 'num_classes': CLASSES, 'shared': 8}, {'channels': 8}),
        {'fn': 'gan_jax.models.critic.ProjectionLogit', 'num_classes': CLASSES},
    ),
}
# Networks of which some maps are float32 in such a run: the smallest, and what a mapping makes.
STYLE = {'base': 64, 'most': 8}
MIXED = {
    'ladagan': (
        *(16, {'widths': (16, 8, 4), 'hidden': 8, 'heads': 2}),
        {'widths': (8,), 'out': (8, 8), 'hidden': 8, 'heads': 2},
        {'fn': 'gan_jax.models.patches.PatchLogit', 'side': 8, 'normalised': False},
    ),
    'r3gan2': (
        *(16, {'widths': (8, 8), 'group_size': 8, 'blocks': 1, 'num_classes': CLASSES}),
        {'widths': (8, 8), 'group_size': 8, 'blocks': 1},
        {'fn': 'gan_jax.models.r3gan2.discriminator.Logit', 'num_classes': CLASSES},
    ),
    'stylegan3': (
        *(16, {**STYLE, 'units': 8, 'depth': 3, 'num_classes': CLASSES}, {**STYLE, 'group': 0}),
        {'fn': 'gan_jax.models.stylegan2.discriminator.Logit', 'num_classes': CLASSES},
    ),
    'progan': (
        *(16, STYLE, {**STYLE, 'group': 0}),
        {'fn': 'gan_jax.models.stylegan2.discriminator.Logit'},
    ),
}
PLACE = {  # of the generator and the trunk, where they are not in one module
    'r3gan2': ('r3gan2.generator', 'r3gan2.discriminator'),
    'stylegan3': ('stylegan3.generator', 'stylegan2.discriminator'),
}


def read(net, dtype):
    """bCR + Cntr over a small network, as a config, and the shape of its images."""
    side, generator, trunk, logit = {**NETS, **MIXED}[net]
    of_g, of_d = PLACE.get(net, (net, net))
    c = config.load_config('tests/smoke.py').to_dict() | {'dtype': dtype, 'logit': logit}
    c |= presets.method('bcr_cntr', 'translation', 0.2)
    c['latent']['dim'] = LATENT
    c['generator'] = {'fn': f'gan_jax.models.{of_g}.Generator', **generator}
    c['discriminator'] = {'fn': f'gan_jax.models.{of_d}.Trunk', **trunk}
    return c, (side, side, 3)


def built(net, dtype='bfloat16'):
    c, shape = read(net, dtype)
    return build.build_experiment(c, shape=shape, num_classes=CLASSES), shape


def first(gan, terms, shape):
    return create(
        *(gan.generator, gan.critic, terms, gan.optimizers),
        **{'seed': 0, 'latent_dim': LATENT, 'shape': shape, 'averaged': gan.averages},
    )


def make_batch(shape, size):
    """Images of 4×4 coloured squares, which the networks tell apart."""
    rng = np.random.default_rng(0)
    squares = rng.integers(0, 256, (1, size, 4, 4, 3), dtype=np.uint8)
    factor = shape[0] // 4
    return {
        'image': squares.repeat(factor, 2).repeat(factor, 3),
        'label': rng.integers(0, CLASSES, (1, size), dtype=np.int32),
    }


# What is asked for --------------------------------------------------------------------------------

# A kernel has 4×4 places at most: a sum over as many is no reduction of a loss, norm or gradient.
PLACES = 16
PRODUCTS = ('conv_general_dilated', 'dot_general')
SUMS = ('reduce_sum', 'cumsum', 'reduce_window_sum')
FUNCTIONS = re.compile('rsqrt|sqrt|cbrt|exp|exp2|expm1|log|log1p|tanh|logistic|erf.*|pow|div')


def faults(jaxpr):
    """What is computed in bfloat16 though it must not be, and where."""
    for equation in equations(jaxpr):
        name, result = equation.primitive.name, equation.outvars[0].aval
        if result.dtype != HALF:
            continue
        # The gradient of a maximum over 2×2 is shared between at most four equal values.
        shared = name == 'div' and scope(equation).endswith('attention')
        if FUNCTIONS.fullmatch(name) and not shared:
            yield name, scope(equation)
        if name in SUMS and equation.invars[0].aval.size > PLACES * result.size:
            yield name, scope(equation)


def witness(seen):
    """A term that notes the types of everything that a loss may read."""

    def note(out, state, key):
        seen.update((side.dtype.name, name) for name, side in _leaves(out))
        return {}, state, {}

    pair = {'real': View('real'), 'fake': View('fake')}
    objective = Objective(pair, note, input_grads=('real', 'fake'))
    return Term(d=objective, g=objective, head=ProjectionHead(4, 4))


def _leaves(out):
    return [(jax.tree_util.keystr(p), x) for p, x in jax.tree_util.tree_leaves_with_path(out)]


@functools.cache
def traced(net, dtype='bfloat16', *others):
    """The jaxpr of a step, the shapes that it returns, and the types that a loss meets."""
    parts, shape = built(net, dtype)
    seen = set()
    # No term controls a number here: the policies take none.
    made = {p: family.make(p)._replace(controls={}) for p in others}
    terms = {**parts.terms, **made, 'witness': witness(seen)}
    heads = {name: term.head for name, term in terms.items() if term.head is not None}
    critic = parts.gan.critic.clone(heads=heads)
    gan = parts.gan._replace(critic=critic, averages={'d': Ema()})
    hyper = parts.hyper._replace(weights={name: np.float32(1) for name in terms})
    state = jax.eval_shape(lambda: first(gan, terms, shape))
    step = make_train_step(gan, terms)
    # With more images than places, sums over a batch alone are seen, too.
    batch = make_batch(shape, PLACES + 4 if net in MIXED else 4)
    jaxpr, shapes = jax.make_jaxpr(step, return_shape=True)(state, batch, hyper)
    return jaxpr, shapes, seen


# Without those that bring a logit of their own, which the step of the others has not.
OTHERS = sorted({*family.FACTORIES} - {*family.NETS, 'gan_jax.terms.consistency.latent'})
CASES = [
    pytest.param(('sndcgan', *OTHERS), id='every term', marks=pytest.mark.slow),
    *(pytest.param((net,), id=net) for net in ('sndcgan', 'resnet', 'biggan')),
]
audited = pytest.mark.parametrize('case', CASES)


@pytest.mark.slow
@audited
def test_sums_and_functions_are_float32_and_products_are_not(case):
    net, *others = case
    jaxpr, _, _ = traced(net, 'bfloat16', *others)
    assert sorted(set(faults(jaxpr))) == []
    found = {name: [] for name in PRODUCTS}
    for equation in equations(jaxpr):
        if equation.primitive.name in PRODUCTS and 'spectral_norm' not in scope(equation):
            found[equation.primitive.name].append(equation)
    types = {e.invars[i].aval.dtype for e in found['conv_general_dilated'] for i in (0, 1)}
    assert types == {HALF}
    dense = [e for e in found['dot_general'] if '/dense' in scope(e) and 'Generator' in scope(e)]
    assert HALF in {e.outvars[0].aval.dtype for e in dense}


@pytest.mark.slow
@pytest.mark.parametrize('net', MIXED)
def test_sums_and_functions_of_networks_of_both_types_are_float32_and_some_products_are_not(net):
    jaxpr, (state, _), _ = traced(net)
    # The gradient of a clamp is a half of one where both of its sides are equal.
    assert {*faults(jaxpr)} == ({('div', '')} if net == 'stylegan3' else set())
    products = {e.outvars[0].aval.dtype for e in equations(jaxpr) if e.primitive.name in PRODUCTS}
    assert products == {HALF, np.dtype('float32')}
    assert {x.dtype.name for _, x in _leaves(state)} <= {'float32', 'int32'}


@pytest.mark.slow
@audited
def test_all_that_a_step_keeps_or_hands_to_a_loss_is_float32_or_whole(case):
    net, *others = case
    _, (state, metrics), seen = traced(net, 'bfloat16', *others)
    kept = state, metrics, merge_metrics(empty(metrics), dict.fromkeys(metrics, jnp.float32(0)))
    kinds = {(x.dtype.name, name) for name, x in _leaves(kept) if x.dtype != np.float32}
    assert {kind for kind, _ in kinds} <= {'int32'}
    assert {kind for kind, _ in seen} == {'float32', 'int32'}
    read = {re.findall(r"'(\w+)'", name)[-1] for _, name in seen}
    assert {'image', 'logit', 'features', 'projection', 'dx', 'label'} <= read


def test_the_audit_sees_into_every_corner():
    """A fault in a branch, in a loop, in a derivative by hand; the same in float32 is none."""

    @jax.custom_vjp
    def by_hand(x):
        return x

    by_hand.defvjp(lambda x: (x, x), lambda x, g: (g * jnp.tanh(x),))
    corners = {
        'log1p': lambda x: lax.cond(x[0] > 0, jnp.log1p, lambda x: x, x),
        'exp': lambda x: lax.scan(lambda c, _: (jnp.exp(c), None), x, None, length=2)[0],
        'tanh': jax.grad(lambda x: by_hand(x).astype(jnp.float32).sum()),
        'logistic': jax.jit(jax.nn.sigmoid),
        # A sum that autodiff makes: of what was spread.
        'reduce_sum': jax.grad(lambda x: jnp.sum(jnp.broadcast_to(x, (17, 3)) * 2.0)),
    }
    for name, function in corners.items():
        found = {
            dtype: {fault for fault, _ in faults(jax.make_jaxpr(function)(jnp.ones(3, dtype)))}
            for dtype in ('bfloat16', 'float32')
        }
        assert name in found['bfloat16'] and not found['float32'], name


# The first step -----------------------------------------------------------------------------------

SIZES = {'sndcgan': 32, 'resnet': 64, 'biggan': 16}
ONE = {'adversarial': 1.0, 'consistency': 0.0, 'contrastive': 0.0}  # hinge alone


@functools.cache
def first_state(net):
    parts, shape = built(net, 'float32')
    gan = keeping(parts.gan)
    return jax.device_get(small.jit(lambda: first(gan, parts.terms, shape))())


def keeping(gan):
    """The game in which each optimiser's state is the last gradient; it climbs."""
    return gan._replace(optimizers={side: optax.trace(0.0) for side in 'gd'})


@functools.cache
def compiled(net, dtype):
    parts, shape = built(net, dtype)
    step = small.jit(make_train_step(keeping(parts.gan), parts.terms))

    def take(weights=None, rate=0.0):
        hyper = parts.hyper._replace(learning_rate={s: np.float32(rate) for s in 'gd'})
        if weights:
            hyper = hyper._replace(weights=jax.tree.map(np.float32, weights))
        return jax.device_get(step(first_state(net), make_batch(shape, SIZES[net]), hyper))

    return take


def both(net, **options):
    return [compiled(net, dtype)(**options) for dtype in ('float32', 'bfloat16')]


def cosine(a, b):
    a, b = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(t)]).astype(float) for t in (a, b))
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


nets = pytest.mark.parametrize(
    'net', ['sndcgan', *(pytest.param(n, marks=pytest.mark.slow) for n in ('resnet', 'biggan'))]
)


@pytest.mark.slow
@nets
@pytest.mark.parametrize('weights', [ONE, None], ids=['hinge', 'bcr_cntr'])
def test_the_first_step_is_that_of_the_float32_run(net, weights):
    """The loss of each player, and each term of it that makes up a hundredth at least.

    The two parts of a term are taken together: rounding moves logits in proportion to their size,
    and the hinge may leave next to nothing of those of one source.
    """
    (full, expected), (half, metrics) = both(net, weights=weights)
    share = weights or {'adversarial': 1.0, 'consistency': 5.0, 'contrastive': 0.1}
    for side in 'gd':
        size, apart = (dict.fromkeys(share, 0.0) for _ in range(2))
        for name, value in expected.items():
            of, term, *part = name.split('/')
            if of == side and part:
                # G's loss is a mean of logits of either sign: its unit is the margin of the hinge.
                size[term] += share[term] * (1.0 if side == 'g' else abs(value))
                apart[term] += share[term] * abs(metrics[name] - value)
        loss = sum(size.values())
        assert sum(apart.values()) <= 0.01 * loss, side
        for term in share:
            assert apart[term] <= 0.01 * size[term] or size[term] < 0.01 * loss, term
    assert any(metrics[name] != expected[name] for name in expected)
    for side in 'gd':
        gradients = [getattr(state, side).opt.trace for state in (full, half)]
        assert cosine(*gradients) >= 0.99, side
    # The power iteration sees weights alone, and those are the same.
    assert small.same(full.d.stats, half.d.stats)


@pytest.mark.slow
def test_weights_move_by_less_than_bfloat16_can_tell():
    rate = 1e-5
    before = first_state('sndcgan')
    after, _ = compiled('sndcgan', 'bfloat16')(rate=rate)
    kernel, gradient, moved = (
        np.asarray(tree['trunk']['conv_6']['kernel'])
        for tree in (before.d.params, after.d.opt.trace, after.d.params)
    )
    np.testing.assert_allclose(moved, kernel + rate * gradient, rtol=0, atol=1e-8)
    assert np.mean(moved != kernel) > 0.9
    assert np.mean(moved.astype(HALF) != kernel.astype(HALF)) < 0.1


@pytest.mark.slow
def test_images_of_the_generator_have_all_values():
    """With tanh in bfloat16, one in twelve would be another after the rounding to bytes."""
    gan, state = built('sndcgan')[0].gan, first_state('sndcgan')
    z = np.random.default_rng(0).standard_normal((8, LATENT)).astype(np.float32)
    run = functools.partial(gan.generator.apply, train=False)
    image = np.asarray(small.jit(run)(state.g.variables, z, np.zeros(8, np.int32)))
    assert image.dtype == np.float32
    assert np.mean(image.astype(HALF).astype(np.float32) != image) > 0.9


# Sums of many small things ------------------------------------------------------------------------


def test_an_average_with_a_long_memory_closes_its_gap():
    """5,000 updates that keep 0.999 each close 99.3 %; an average in bfloat16 stops at 14 %."""
    halflife = -1 / np.log2(0.999)  # in images, where a batch is one image
    g = Net({'w': jnp.ones(1)}, {}, ())
    state = TrainState(jnp.int32(10**6), g, g, {'params': {'w': jnp.zeros(1)}}, {}, {})
    ema = Ema(halflife_images=halflife, ramp=1.0)
    after = lax.fori_loop(
        0,
        5000,
        lambda _, state: state.replace(
            ema=average(ema, state.ema, state.g.variables, state.step, 1)
        ),
        state,
    )
    np.testing.assert_allclose(after.ema['params']['w'], 1 - 0.999**5000, rtol=1e-3)


def test_adams_second_moment_forgets():
    """In bfloat16 it would stay at 0.01, and the steps too small for ever."""
    opt = built('sndcgan')[0].gan.optimizers['d']
    adam, *rest = opt.init({'w': jnp.zeros(1)})
    start = adam._replace(nu={'w': jnp.full(1, 0.01, adam.nu['w'].dtype)}), *rest
    after = lax.fori_loop(0, 2833, lambda _, s: opt.update({'w': jnp.zeros(1)}, s)[1], start)
    np.testing.assert_allclose(after[0].nu['w'], 0.01 * 0.999**2833, rtol=1e-2)


@pytest.mark.parametrize('size', [2, 16])
@pytest.mark.parametrize('strides', [(1, 1), (2, 2)])
def test_products_of_bfloat16_are_added_up_in_float32(size, strides):
    """Every direction of a convolution is rounded once, however many products it adds up."""
    rng = np.random.default_rng(0)
    x, w = (
        rng.uniform(0.5, 1.5, shape).astype(HALF) for shape in ((64, size, size, 24), (4, 4, 24, 3))
    )
    out = -(-size // strides[0])
    g = rng.uniform(0.5, 1.5, (64, out, out, 3)).astype(HALF)

    @small.jit
    def directions(x, w, g):
        y, back = jax.vjp(lambda x, w: conv.convolve(x, w, strides), x, w)
        return {'map': y, 'kernel': back(g)[1]}

    exact = directions(*(a.astype(np.float32) for a in (x, w, g)))
    for name, value in jax.device_get(directions(x, w, g)).items():
        assert value.dtype == HALF
        right = np.asarray(exact[name], np.float64)
        assert np.all(np.abs(value.astype(np.float64) - right) <= 1.01 * 2**-8 * right), name


# Many steps ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_hundred_steps_stay_finite_and_near_the_float32_run():
    digits, size, runs = data.load('digits', size=16), 8, {}
    for dtype in ('float32', 'bfloat16'):
        c = config.load_config('tests/smoke.py').to_dict() | {'dtype': dtype}
        for side in 'gd':
            c['optim'][side]['learning_rate'] = 2e-4
        parts = build.build_experiment(c, shape=(16, 16, 1), num_classes=10)
        step = small.jit(make_train_step(parts.gan, parts.terms))
        nets = (parts.gan.generator, parts.gan.critic, parts.terms, parts.gan.optimizers)
        state = small.jit(
            lambda nets=nets: create(*nets, seed=0, latent_dim=16, shape=(16, 16, 1))
        )()
        rows = []
        for number in range(200):
            index = sampler.indices(0, number, size, len(digits.images))
            batch = {'image': digits.images[index], 'label': digits.labels[index]}
            state, metrics = step(state, jax.tree.map(lambda x: x[None], batch), parts.hyper)
            rows.append(jax.device_get(metrics))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
        runs[dtype] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        assert all(np.isfinite(values).all() for values in runs[dtype].values())
    # Rounding sets two runs of a GAN apart in time, as another seed would: first the losses are the
    # same, at last those of the same game. All are compared with the margin of the hinge, 1, which
    # is no measure of the norms.
    losses = {name: x for name, x in runs['float32'].items() if not name.endswith('_norm')}
    assert len(losses) == len(runs['float32']) - 4
    for name, full in losses.items():
        apart = full - runs['bfloat16'][name]
        assert abs(apart[:20].mean()) < 0.05, name
        assert abs(apart[150:].mean()) < 0.5 or 'contrastive' in name, name
