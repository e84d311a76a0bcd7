"""D's pass over a set of views: joint or one by one, and the gradients at the images."""

import importlib
import pkgutil

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import models
from gan_jax.critique import discriminate
from gan_jax.models.critic import Critic
from gan_jax.terms.contrastive import ProjectionHead
from gan_jax.views import View, augmented
from tests import small
from tests.models import pooled

VIEWS = (View('real'), View('fake'), View('real', augmented, 'translation'))


OWN = ('', 'logit')


def followed(*views):
    """`with_dx` of D's own logit at these views."""
    return {view: {OWN} for view in views}


# Of each view; transposed they are others, so that rows in another order get another label.
LABELS = np.array([[0, 1, 2], [0, 0, 1], [2, 1, 0]], np.int32)


def make_records(shape=small.SHAPE, dtype=np.float64):
    rng = np.random.default_rng(0)
    return {
        view: {'image': rng.random((3, *shape)).astype(dtype), 'label': label}
        for view, label in zip(VIEWS, LABELS, strict=True)
    }


def weights_of(critic, records):
    record = next(iter(records.values()))
    shapes = jax.eval_shape(
        lambda: critic.init(jax.random.key(0), record['image'], record['label'], train=True)
    )
    return small.numbers(shapes, np.random.default_rng(2), np.float64)


# What makes each of the package's trunks small, and the smallest side that it takes.
SMALL = {
    'sndcgan': ({'width': 0.125}, 16),
    'resnet': ({'width': 0.03125}, 32),
    'biggan': ({'channels': 2}, 32),
    'wgan_gp': ({'width': 0.03, 'layer_norm': True}, 16),
    'biggan_deep': ({'widths': (4, 4)}, 8),
    'r3gan': ({'widths': (4, 4), 'group_size': 4}, 8),
    # Without the layers that look across the batch.
    'ladagan': ({'widths': (4,), 'out': (4, 4), 'heads': 2, 'hidden': 6}, 16),
    'progan': ({'base': 32, 'most': 4, 'group': 0}, 8),
    'dcgan': ({'width': 0.05, 'normalised': False}, 16),
    'projected': ({**pooled.NARROW, 'normalised': False}, 8),
    'r3gan2.discriminator': ({'widths': (4,), 'group_size': 4, 'blocks': 1}, 8),
    'stylegan2.discriminator': ({'base': 32, 'most': 4, 'group': 0}, 8),
}


def shipped_trunks():
    for info in pkgutil.walk_packages(models.__path__, 'gan_jax.models.'):
        trunk = getattr(importlib.import_module(info.name), 'Trunk', None)
        if trunk is not None:
            options, side = SMALL[info.name.removeprefix('gan_jax.models.')]
            slow = pytest.mark.slow
            yield pytest.param(trunk(**options), (side, side, 3), {}, id=info.name, marks=slow)


TRUNKS = [
    pytest.param(small.Trunk(), small.SHAPE, followed(VIEWS[0]), id='small'),
    *shipped_trunks(),
]


def test_the_search_finds_the_trunks():
    assert {'small', *(f'gan_jax.models.{name}' for name in SMALL)} == {t.id for t in TRUNKS}


@pytest.mark.slow
@pytest.mark.parametrize(('trunk', 'shape', 'with_dx'), TRUNKS)
def test_one_pass_equals_one_pass_a_view(trunk, shape, with_dx, x64):
    """Outputs, collections, and the weights' gradient of a loss that reads every output."""
    critic = Critic(trunk, {'head': ProjectionHead(4, 3)})
    records = make_records(shape)
    params, rest = separate(weights_of(critic, records))

    def loss(params, joint):
        seen, after = discriminate(
            *(critic, {'params': params, **rest}, records), with_dx=with_dx, joint=joint
        )
        rng = np.random.default_rng(1)
        total = sum(
            jnp.sum(rng.standard_normal(x.shape) * x) for x in jax.tree.leaves(outputs(seen))
        )
        return total, (outputs(seen), after)

    grads = small.jit(jax.grad(loss, has_aux=True), static_argnums=1)
    together, one_by_one = (grads(params, joint) for joint in (True, False))
    assert small.distance(together, one_by_one) < 1e-11
    assert small.distance(together[0], jax.tree.map(jnp.zeros_like, params)) > 1e-2


def separate(variables):
    return variables['params'], {k: v for k, v in variables.items() if k != 'params'}


def outputs(seen):
    """What D itself said, in a fixed order."""
    return [{k: v for k, v in seen[view].items() if k not in ('image', 'label')} for view in VIEWS]


# What is handed back ------------------------------------------------------------------------------


class Stub(nn.Module):
    """Features are means over colours, the logit adds the label; a head, and a count of images."""

    @nn.compact
    def __call__(self, image, label, *, train, rows=None):
        assert train
        SIZES.append(image.shape[0])
        count = self.variable('counts', 'images', lambda: jnp.float32(0))
        count.value += image.shape[0]
        mean = image.mean((1, 2))
        logit = (mean**2).sum(1) + label.astype(mean.dtype)
        return {'logit': logit, 'features': mean, 'mine': {'twice': 2 * mean}}


SIZES = []
START = {'counts': {'images': jnp.float32(10)}, 'unused': {'x': jnp.float32(1)}}


def stub_critique(**options):
    SIZES.clear()
    return discriminate(Stub(), START, make_records(dtype=np.float32), **options)


@pytest.mark.parametrize('joint', [True, False])
def test_each_view_gets_its_own_record_and_outputs(joint):
    seen, _ = stub_critique(joint=joint)
    assert list(seen) == list(VIEWS)
    for view, record in make_records(dtype=np.float32).items():
        mean = record['image'].mean((1, 2))
        assert seen[view].keys() == {'image', 'label', 'logit', 'features', 'mine'}
        np.testing.assert_array_equal(seen[view]['image'], record['image'])
        np.testing.assert_array_equal(seen[view]['label'], record['label'])
        np.testing.assert_allclose(seen[view]['features'], mean, rtol=1e-6)
        np.testing.assert_allclose(seen[view]['mine']['twice'], 2 * mean, rtol=1e-6)
        np.testing.assert_allclose(
            seen[view]['logit'], (mean**2).sum(1) + record['label'], rtol=1e-6
        )


@pytest.mark.slow
@pytest.mark.parametrize('options', [{}, {'with_dx': followed(*VIEWS[1:])}, {'joint': False}])
def test_every_image_meets_its_own_label(options):
    """Images and labels are interleaved alike: each label here is one of a kind."""
    labels = dict(zip(VIEWS, np.arange(9, dtype=np.int32).reshape(3, 3), strict=True))
    records = {
        view: {**record, 'label': labels[view]}
        for view, record in make_records(dtype=np.float32).items()
    }
    seen, _ = discriminate(Stub(), START, records, **options)
    for view, record in records.items():
        mean = record['image'].mean((1, 2))
        found = seen[view]['logit'] - (mean**2).sum(1)
        np.testing.assert_allclose(found, labels[view], atol=1e-5)


def test_number_of_passes():
    """One; two when gradients are asked for; joint=False takes one a view."""
    for options, sizes in (
        ({}, [9]),
        ({'with_dx': followed(VIEWS[1])}, [6, 3]),
        ({'with_dx': followed(*VIEWS[1:])}, [3, 6]),
        ({'with_dx': followed(*VIEWS)}, [9]),
        ({'joint': False}, [3, 3, 3]),
        ({'joint': False, 'with_dx': followed(*VIEWS[1:])}, [3, 3, 3]),
    ):
        jax.eval_shape(lambda options=options: list(stub_critique(**options)[0].values()))
        assert sizes == SIZES, options


@pytest.mark.parametrize('joint', [True, False])
def test_collections_are_those_after_the_first_pass(joint):
    """Every pass starts from the same, so that what a pass sees never depends on the others."""
    _, after = stub_critique(joint=joint, with_dx=followed(VIEWS[2]))
    assert after == {'counts': {'images': 10 + (6 if joint else 3)}, 'unused': {'x': 1}}


def test_without_views_nothing_happens():
    assert discriminate(Stub(), START, {}) == ({}, START)


def test_show_changes_what_the_critic_sees_and_nothing_else():
    def show(view, image):
        return image * 0 if view.source == 'fake' else image

    (seen, _), (usual, _) = stub_critique(augment=show), stub_critique()
    np.testing.assert_array_equal(seen[VIEWS[1]]['features'], np.zeros((3, small.COLOURS)))
    np.testing.assert_array_equal(seen[VIEWS[1]]['image'], usual[VIEWS[1]]['image'])
    for view in (VIEWS[0], VIEWS[2]):
        np.testing.assert_array_equal(seen[view]['features'], usual[view]['features'])


# The gradient at the image ------------------------------------------------------------------------


@pytest.mark.parametrize('joint', [True, False])
def test_dx_is_the_gradient_at_the_image_in_minus_one_to_one(joint, x64):
    critic, records = Critic(small.Trunk()), make_records()
    variables = weights_of(critic, records)

    @small.jit
    def look(variables):
        options = {'with_dx': followed(*VIEWS[1:]), 'joint': joint, 'augment': lambda view, x: x**2}
        seen, _ = discriminate(critic, variables, records, **options)
        assert [view for view in VIEWS if 'dx' in seen[view]] == list(VIEWS[1:])
        return [seen[view]['dx'][OWN] for view in VIEWS[1:]]

    def logit(wide, label):
        """Of one image in [-1, 1], before it is shown as its square."""
        image = (((wide + 1) / 2) ** 2)[None]
        return critic.apply(variables, image, label[None], train=True, mutable=['batch_stats'])[0][
            'logit'
        ][0]

    for view, dx in zip(VIEWS[1:], look(variables), strict=True):
        image, label = records[view]['image'], records[view]['label']
        expected = small.jit(jax.vmap(jax.grad(logit)))(2 * image - 1, label)
        np.testing.assert_allclose(dx, expected, rtol=1e-9, atol=1e-12)


def test_dx_by_hand():
    seen, _ = stub_critique(with_dx=followed(VIEWS[0]))
    # The logit is the sum over colours of (mean over 64 pixels)^2: 2 mean / 64 in [0, 1].
    mean = make_records(dtype=np.float32)[VIEWS[0]]['image'].mean((1, 2), keepdims=True)
    expected = np.broadcast_to(mean / 64, (3, *small.SHAPE))
    np.testing.assert_allclose(seen[VIEWS[0]]['dx'][OWN], expected, rtol=1e-6)


class Scores(nn.Module):
    """A head with a logit and a score for each of three classes, none of them linear."""

    @nn.compact
    def __call__(self, features, label, *, train):
        hidden = jnp.tanh(nn.Dense(4)(features))
        deep = hidden[:, None, None]
        return {'logit': nn.Dense(1)(hidden)[:, 0], 'classes': nn.Dense(3)(hidden), 'deep': deep}


LOGIT, CLASSES = ('mine', 'logit'), ('mine', 'classes')


@pytest.mark.slow
@pytest.mark.parametrize('joint', [True, False])
def test_dx_of_the_logits_that_are_followed(joint, x64):
    """Two of one view, another of another; of scores the one of the image's own class."""
    critic, records = Critic(small.Trunk(), {'mine': Scores()}), make_records()
    variables = weights_of(critic, records)
    with_dx = {VIEWS[0]: {OWN, LOGIT}, VIEWS[1]: {CLASSES}, VIEWS[2]: {LOGIT}}

    @small.jit
    def look(variables):
        heads = {'mine': VIEWS}
        seen, _ = discriminate(
            critic, variables, records, with_dx=with_dx, heads=heads, joint=joint
        )
        return [[seen[view]['dx'][of] for of in sorted(with_dx[view])] for view in VIEWS]

    def number(wide, label, of):
        """Of one image in [-1, 1]."""
        image = ((wide + 1) / 2)[None]
        out = critic.apply(variables, image, label[None], train=True, mutable=['batch_stats'])[0]
        if of == OWN:
            return out['logit'][0]
        return out['mine']['logit'][0] if of == LOGIT else out['mine']['classes'][0, label]

    for view, found in zip(VIEWS, look(variables), strict=True):
        wide, label = 2 * records[view]['image'] - 1, records[view]['label']
        assert len(found) == len(with_dx[view])
        for of, dx in zip(sorted(with_dx[view]), found, strict=True):
            slope = small.jit(jax.vmap(jax.grad(lambda x, y, of=of: number(x, y, of))))
            np.testing.assert_allclose(dx, slope(wide, label), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('of', 'words'),
    [
        (
            ('mine', 'logits'),
            r"'logits' of the head of terms\.mine, which has 'classes' \[3, 3\], ",
        ),
        (('mine', 'deep'), r"'deep' of the head of terms\.mine, .* \[B\] or \[B, K\] is wanted"),
        (('', 'mine'), r"'mine' of the discriminator, which has 'features' \[3, 12\], 'logit'"),
    ],
    ids=['unknown', 'three axes', 'a head'],
)
def test_what_is_no_logit_cannot_be_followed(of, words):
    critic, records = Critic(small.Trunk(), {'mine': Scores()}), make_records(dtype=np.float32)
    variables = weights_of(critic, records)
    with pytest.raises(ValueError, match=f'^a term reads the input gradient of {words}'):
        discriminate(critic, variables, records, with_dx={VIEWS[0]: {of}})
