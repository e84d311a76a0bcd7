"""The projected discriminator: its mixing beside NumPy, frozen weights, logits of every scale."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.extractors import FROZEN, FeatureNetwork
from gan_jax.models.patches import PatchLogit
from gan_jax.models.projected import Logit, ScaleTrunk, Trunk, doubled
from gan_jax.terms import patches
from tests import parameters, small
from tests.models import pooled

IMAGES = np.random.default_rng(3).random((2, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope='module')
def made():
    """A small trunk without norms, and its variables."""
    trunk = Trunk(**pooled.NARROW, normalised=False)
    return trunk, small.jit(partial(trunk.init, train=True))(jax.random.key(0), IMAGES)


def lines(x):
    """[n, n, C] twice as wide, by np.interp along both axes."""
    n = len(x)
    at = np.linspace(0, n - 1, 2 * n)
    for axis in (0, 1):
        x = np.apply_along_axis(lambda row: np.interp(at, np.arange(n), row), axis, x)
    return x


@pytest.mark.parametrize('side', [1, 2, 5])
def test_maps_are_doubled_by_lines_between_their_values(side):
    x = np.random.default_rng(side).standard_normal((2, side, side, 3)).astype(np.float32)
    found = doubled(jnp.asarray(x))
    np.testing.assert_allclose(found, [lines(one) for one in x], atol=1e-6)


def test_maps_are_mixed_across_channels_and_scales_as_by_hand(made):
    """In the authors' order: sum, double, convolve."""
    trunk, variables = made
    seen = {}

    class Kept(ScaleTrunk):
        def __call__(self, x, *, train):
            seen[self.name] = np.asarray(x)
            return super().__call__(x, train=train)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('gan_jax.models.projected.ScaleTrunk', Kept)
        _, after = trunk.apply(variables, IMAGES, train=True, mutable=[FROZEN])
    assert jax.tree.all(jax.tree.map(np.array_equal, after[FROZEN], variables[FROZEN]))
    frozen, below = jax.device_get(variables[FROZEN]), 0
    maps = jax.device_get(trunk.extractor.maps(trunk.extractor.load(), IMAGES))
    of = lambda name, x: x @ frozen[name]['kernel'] + frozen[name]['bias']  # noqa: E731
    for i in (1, 0):
        x = np.asarray(of(f'channels_{i}', maps[i]) + below, np.float64)
        below = of(f'scales_{i}', np.stack([lines(one) for one in x]))
        np.testing.assert_allclose(seen[f'scale_{i}'], below, atol=1e-5)
    assert [seen[f'scale_{i}'].shape for i in (0, 1)] == [(2, 16, 16, 3), (2, 8, 8, 3)]


def test_channels_are_the_authors_with_four_scales():
    """64, 128, 256, 512 mixed; 64, 64, 128, 256 to the discriminators, which end with 512."""

    def maps(variables, x):
        return [jnp.ones((len(x), 64 >> i, 64 >> i, 24 + i)) for i in range(4)]

    trunk = Trunk(FeatureNetwork(dict, maps))
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    start = partial(trunk.init, train=True)
    shapes = jax.eval_shape(start, jax.random.key(0), image)
    of = {name: one['kernel'].shape for name, one in shapes[FROZEN].items() if name != 'extractor'}
    assert of == {
        **{f'channels_{i}': (24 + i, 64 << i) for i in range(4)},
        **{'scales_0': (64, 64), 'scales_1': (128, 64), 'scales_2': (256, 128)},
        'scales_3': (512, 256),
    }
    convolutions = {
        scale: [
            layers[f'conv_{side}']['kernel'].shape[2:]
            for side in (64, 32, 16, 8)
            if f'conv_{side}' in layers
        ]
        for scale, layers in shapes['params'].items()
    }
    assert convolutions == {
        'scale_0': [(64, 64), (64, 128), (128, 256), (256, 512)],
        'scale_1': [(64, 128), (128, 256), (256, 512)],
        'scale_2': [(128, 256), (256, 512)],
        'scale_3': [(256, 512)],
    }
    features = jax.eval_shape(partial(trunk.apply, train=False), shapes, image)
    assert features.shape == (1, 4 * 8 * 8 * 512)


def test_random_layers_are_uniform_within_a_root_of_their_inputs(made):
    _, variables = made
    found = {
        name: np.concatenate([x.ravel() for x in jax.tree.leaves(layer)]) * np.sqrt(inputs)
        for (name, layer), inputs in zip(sorted(variables[FROZEN].items())[:2], (5, 5), strict=True)
    }
    for x in found.values():
        assert 0.5 < np.abs(x).max() <= 1
    assert not np.array_equal(*(x[:5] for x in found.values()))


@pytest.mark.slow
def test_updates_move_every_weight_but_the_frozen_ones(made):
    """Three of Adam, by the hinge loss at every window: all that is 'frozen' keeps its bits."""
    trunk, variables = made
    logit = Logit(2, side=4, kernel=3)
    features = jnp.zeros((1, 2 * 4 * 4 * 8))
    own = logit.init(jax.random.key(1), features, jnp.zeros(1, jnp.int32), train=True)
    params = {'trunk': variables['params'], 'logit': own['params']}
    adam, term = optax.adam(0.1), patches.hinge()
    state = adam.init(params)

    def loss(params, frozen):
        given = {'params': params['trunk'], FROZEN: frozen}
        seen, after = trunk.apply(given, IMAGES, train=True, mutable=[FROZEN])
        label = jnp.zeros(2, jnp.int32)
        out = logit.apply({'params': params['logit']}, seen, label, train=True)
        of = lambda i: jax.tree.map(lambda x: x[i : i + 1], out)  # noqa: E731
        parts, *_ = term.d.loss({'real': of(0), 'fake': of(1)}, {}, None)
        return parts['real'] + parts['fake'], after[FROZEN]

    @small.jit
    def update(params, state, frozen):
        grads, frozen = jax.grad(loss, has_aux=True)(params, frozen)
        changes, state = adam.update(grads, state, params)
        return optax.apply_updates(params, changes), state, frozen

    frozen, first = variables[FROZEN], params
    for _ in range(3):
        params, state, frozen = update(params, state, frozen)
    for a, b in zip(jax.tree.leaves(frozen), jax.tree.leaves(variables[FROZEN]), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    np.testing.assert_array_equal(frozen['extractor']['mix'], trunk.extractor.load()['mix'])
    moved = jax.tree.map(lambda a, b: not np.array_equal(a, b), params, first)
    assert all(jax.tree.leaves(moved)), moved


def test_the_logit_is_the_mean_over_the_windows_of_all_scales():
    features = np.random.default_rng(0).standard_normal((2, 3 * 4 * 4 * 2)).astype(np.float32)
    logit, label = Logit(3, side=4, kernel=3), np.zeros(2, np.int32)
    start = small.jit(partial(logit.init, train=True))
    variables = start(jax.random.key(0), features, label)
    found = logit.apply(variables, features, label, train=False)
    assert found['patches'].shape == (2, 3 * 2 * 2)
    one = PatchLogit(side=4, kernel=3)
    parts = [
        one.apply({'params': variables['params'][f'scale_{i}']}, part, label, train=False)
        for i, part in enumerate(np.split(features, 3, axis=1))
    ]
    windows = np.concatenate([x['logit'][:, None] + x['patches'] for x in parts], axis=1)
    np.testing.assert_allclose(found['logit'], windows.mean(1), atol=1e-6)
    np.testing.assert_allclose(found['logit'][:, None] + found['patches'], windows, atol=1e-6)
    with pytest.raises(ValueError, match='96 features do not divide into 5 scales'):
        Logit(5).init(jax.random.key(0), features, label, train=True)


@pytest.mark.parametrize(
    ('sides', 'side'),
    [((8, 4), 3), ((8, 4), 8), ((8, 8), 4), ((12, 6), 4), ((), 4), ((4, 8), 4)],
)
def test_maps_that_do_not_fit_are_refused(sides, side):
    def maps(variables, x):
        return [jnp.zeros((len(x), n, n, 2)) for n in sides]

    trunk = Trunk(FeatureNetwork(dict, maps), side=side)
    with pytest.raises(ValueError, match='its extractor gives maps of .*: change its side or the'):
        jax.eval_shape(partial(trunk.init, train=True), jax.random.key(0), IMAGES)


def test_oblong_maps_are_refused():
    trunk = Trunk(FeatureNetwork(dict, lambda variables, x: [jnp.zeros((len(x), 8, 4, 2))]), side=4)
    with pytest.raises(ValueError, match=r'gives maps of \(2, 8, 4, 2\), and it takes square ones'):
        jax.eval_shape(partial(trunk.init, train=True), jax.random.key(0), IMAGES)


def test_only_what_learns_is_counted(made):
    _, variables = made
    assert parameters.count(variables) == sum(16 * a * b + b for a, b in ((3, 4), (4, 8), (3, 8)))
