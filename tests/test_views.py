"""Views as data: which are one, what they draw, and how they ride through D together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import views
from gan_jax.augment import policy
from gan_jax.keys import named
from gan_jax.views import View, augmented, mixed, perturbed, plain, rotated, rotated_quarter

KEY = jax.random.key(3)
STRENGTHS = {'translation': np.float32(0.4)}
SHIFTED = View('real', augmented, 'translation')


def record(seed):
    rng = np.random.default_rng(seed)
    image = rng.random((6, 8, 8, 2), dtype=np.float32)
    return {'image': image, 'label': rng.integers(0, 3, 6, dtype=np.int32)}


SOURCES = {'real': record(0), 'fake': record(1)}


def build(*wanted, key=KEY, sources=SOURCES, strengths=STRENGTHS):
    return views.build_views(wanted, key, sources, strengths, {})


def halfway(key, sources, policy, strength):
    """A make of one's own: it may read every source."""
    image = (sources['own']['image'] + sources['fake']['image']) / 2
    return {**sources['own'], 'image': image + strength}


# Which views are one ------------------------------------------------------------------------------


def test_settle():
    assert views.settle(View('real', policy='flip', draw=3), 'translation') == View('real')
    assert views.settle(View('real', augmented, draw=1), 'translation') == View(
        'real', augmented, 'translation', 1
    )
    own = View('fake', augmented, 'flip')
    assert views.settle(own, 'translation') == own
    # Under the identity nothing is drawn: it is the source itself.
    assert views.settle(View('fake', augmented, draw=1), '') == View('fake')
    assert views.settle(View('real', halfway, draw=1), '') == View('real', halfway, '', 1)
    # What reads no policy has none, whatever that of the config or of the term.
    for make in (mixed, perturbed, rotated, rotated_quarter):
        assert views.settle(View('real', make, 'flip'), 'translation') == View('real', make)


def test_equal_views_are_drawn_once():
    calls = []

    def counted(key, sources, policy, strength):
        calls.append(1)
        return sources['own']

    first, again, other = (View('real', counted, draw=draw) for draw in (0, 0, 1))
    records = build(first, again, other)
    assert list(records) == [first, other]
    assert len(calls) == 2


def test_a_view_is_of_its_own_source():
    records = build(View('real'), View('fake'))
    for name, source in SOURCES.items():
        assert records[View(name)] is source


def test_a_view_may_read_every_source():
    view = View('real', halfway, 'translation')
    image = build(view)[view]['image']
    half = (SOURCES['real']['image'] + SOURCES['fake']['image']) / 2
    np.testing.assert_array_equal(image, half + np.float32(0.4))


# What they draw -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_draws_are_those_of_the_views_own_name():
    """The name spelled out: a resumed run must find the same draws in a later version."""
    shift = policy.parse('translation')
    for view, name in (
        (SHIFTED, 'real gan_jax.views.augmented translation 0'),
        (SHIFTED._replace(draw=1), 'real gan_jax.views.augmented translation 1'),
    ):
        drawn = build(view)[view]
        expected = shift(named(KEY, name), SOURCES['real']['image'], STRENGTHS['translation'])
        np.testing.assert_array_equal(drawn['image'], expected)
        assert drawn['label'] is SOURCES['real']['label']


def test_every_view_has_draws_of_its_own():
    """The same pixels everywhere, so that only the draws can differ."""
    same = {'real': record(0), 'fake': record(0)}
    strengths = {'translation': 0.4, 'translation|flip': 0.4}
    variants = [
        SHIFTED,
        SHIFTED._replace(draw=1),
        SHIFTED._replace(source='fake'),
        SHIFTED._replace(policy='translation|flip'),
    ]
    images = [r['image'] for r in build(*variants, sources=same, strengths=strengths).values()]
    images += [r['image'] for r in build(SHIFTED, key=jax.random.key(4)).values()]
    for i, image in enumerate(images):
        assert not any(np.array_equal(image, other) for other in images[:i])


def test_every_image_has_a_draw_of_its_own():
    copies = {'real': {**record(0), 'image': np.repeat(record(0)['image'][:1], 6, axis=0)}}
    image = build(SHIFTED, sources=copies)[SHIFTED]['image']
    assert len(np.unique(image, axis=0)) > 1


def test_draws_do_not_depend_on_the_other_views():
    alone = build(SHIFTED)[SHIFTED]['image']
    others = (View('fake', augmented, 'translation'), View('fake'), SHIFTED._replace(draw=1))
    for wanted in ((SHIFTED, *others), (*others, SHIFTED)):
        np.testing.assert_array_equal(build(*wanted)[SHIFTED]['image'], alone)


def test_gradients_flow_through_an_augmented_view():
    """As ContraD's generator needs them."""

    def total(image):
        sources = {'real': {**SOURCES['real'], 'image': image}}
        return build(SHIFTED, sources=sources)[SHIFTED]['image'].sum()

    grad = jax.grad(total)(SOURCES['real']['image'])
    # Each pixel counts as often as reflection shows it: with whole shifts, the sum stays.
    assert grad.sum() == grad.size
    np.testing.assert_array_equal(grad, np.round(grad))


def test_strength_is_that_of_the_policy():
    strengths = {'translation': np.float32(0), 'flip': np.float32(1)}
    still = build(SHIFTED, strengths=strengths)[SHIFTED]['image']
    np.testing.assert_array_equal(still, SOURCES['real']['image'])


# Other ways to look -------------------------------------------------------------------------------


def test_mixed_lies_between_a_real_and_its_fake():
    record = build(View('real', mixed))[View('real', mixed)]
    share = jax.random.uniform(named(KEY, 'real gan_jax.views.mixed  0'), (6, 1, 1, 1))
    real, fake = SOURCES['real'], SOURCES['fake']
    expected = (1 - share) * real['image'] + share * fake['image']
    np.testing.assert_allclose(record['image'], expected, atol=1e-6)
    assert record['label'] is real['label']
    assert len(np.unique(share)) == 6 and ((share > 0) & (share < 1)).all()


def test_perturbed():
    key = named(KEY, 'real gan_jax.views.perturbed  0')
    record = build(View('real', perturbed))[View('real', perturbed)]
    image = SOURCES['real']['image']
    share = jax.random.uniform(named(key, 'share'), (6, 1, 1, 1))
    noise = jax.random.uniform(named(key, 'noise'), image.shape)
    expected = image + share * 0.5 * image.std() * noise
    np.testing.assert_allclose(record['image'], expected, atol=1e-6)
    assert record['label'] is SOURCES['real']['label']


@pytest.mark.parametrize('turns', [1, 2, 3])
def test_rotated(turns):
    view = View('real', rotated, options=(('turns', turns),))
    record = build(view)[view]
    for image, turned in zip(SOURCES['real']['image'], record['image'], strict=True):
        np.testing.assert_array_equal(turned, np.rot90(image, turns))
    assert record['label'] is SOURCES['real']['label']


def test_rotated_quarter():
    source = {k: np.concatenate([SOURCES['real'][k], SOURCES['fake'][k][:2]]) for k in record(0)}
    view = View('real', rotated_quarter)
    turned = build(view, sources={'real': source})[view]
    for row in range(8):
        image = source['image'][(3, 7)[row // 4]]
        np.testing.assert_array_equal(turned['image'][row], np.rot90(image, row % 4))
    np.testing.assert_array_equal(turned['label'], source['label'][[3, 3, 3, 3, 7, 7, 7, 7]])
    np.testing.assert_array_equal(turned['turns'], [0, 1, 2, 3] * 2)


@pytest.mark.slow
def test_every_view_keeps_the_rows_of_the_data_set():
    rows = np.array([7, 1, 5, 0, 3, 9, 2, 4], np.int32)
    records = {name: jax.tree.map(lambda x: x[[*range(6), 0, 1]], r) for name, r in SOURCES.items()}
    sources = {**records, 'real': {**records['real'], 'index': rows}}
    made = (plain, augmented, mixed, perturbed, rotated, rotated_quarter)
    policies = {augmented: 'flip'}
    options = {rotated: (('turns', 1),)}
    for make in made:
        view = View('real', make, policies.get(make, ''), 0, options.get(make, ()))
        kept = [0] * 4 + [4] * 4 if make is rotated_quarter else rows
        np.testing.assert_array_equal(build(view, sources=sources)[view]['index'], kept)


def test_options_are_keywords_and_tell_views_and_draws_apart():
    def noise(key, sources, policy, strength, *, scale):
        image = sources['own']['image']
        return {**sources['own'], 'image': scale * jax.random.normal(key, image.shape)}

    one, two = (View('real', noise, options=(('scale', scale),)) for scale in (1, 2))
    assert one != two and one == View('real', noise, options=(('scale', 1),))
    records = build(one, two, one)
    assert list(records) == [one, two]
    for scale, view in ((1, one), (2, two)):
        name = f'real {__name__}.{noise.__qualname__}  0 scale={scale}'
        expected = scale * jax.random.normal(named(KEY, name), (6, 8, 8, 2))
        np.testing.assert_array_equal(records[view]['image'], expected)


# Errors -------------------------------------------------------------------------------------------


def test_unknown_source():
    with pytest.raises(ValueError, match=r"source 'fake_near', which .* there are real, fake"):
        build(View('fake_near'))


def test_policy_without_a_strength():
    view = View('real', augmented, 'cutout|flip')
    with pytest.raises(ValueError, match=r"'cutout\|flip' takes a strength and the config gives"):
        build(view)
    for text in ('flip', 'cutout(0.2)', ''):
        assert views.strength_of(text, STRENGTHS) == 0


def test_only_square_images_are_rotated():
    wide = {'real': {'image': np.zeros((4, 8, 6, 1), np.float32), 'label': np.zeros(4, np.int32)}}
    for view in (View('real', rotated, options=(('turns', 2),)), View('real', rotated_quarter)):
        with pytest.raises(ValueError, match='only square images .* by 90°, these are 8x6'):
            build(view, sources=wide)


def test_a_quarter_of_the_batch_must_exist():
    with pytest.raises(ValueError, match='a quarter of the batch .* but 6 is no multiple of 4'):
        build(View('real', rotated_quarter))


# Riding together ----------------------------------------------------------------------------------


def test_choose_interleaves_some_of_the_joined():
    arrays = [jnp.asarray([[10 * i], [10 * i + 1]]) for i in range(4)]
    joined = views.join(arrays)
    for which in ((0, 1, 2, 3), (1, 3), (2,), (3, 0)):
        expected = views.join([arrays[i] for i in which])
        np.testing.assert_array_equal(views.choose(joined, 4, which), expected)
    assert views.choose(joined, 4, [0, 1, 2, 3]) is joined  # no operation where all are chosen


def test_join_interleaves():
    first, second = np.array([[0], [1], [2]]), np.array([[10], [11], [12]])
    joined = views.join([jnp.asarray(first), jnp.asarray(second)])
    np.testing.assert_array_equal(joined, [[0], [10], [1], [11], [2], [12]])


@pytest.mark.parametrize('shape', [(), (3,), (4, 5, 2)])
@pytest.mark.parametrize('count', [1, 3])
def test_split_is_the_inverse_of_join(shape, count):
    arrays = np.random.default_rng(0).standard_normal((count, 6, *shape))
    parts = views.split(views.join(list(jnp.float32(arrays))), count)
    assert len(parts) == count
    for part, array in zip(parts, arrays, strict=True):
        np.testing.assert_array_equal(part, np.float32(array))


def test_views_of_different_shapes():
    with pytest.raises(ValueError, match=r'one shape, got \[\(2, 3\), \(3, 3\)\]'):
        views.join([jnp.ones((2, 3)), jnp.ones((3, 3))])


def test_plain_draws_nothing():
    assert plain(None, {'own': SOURCES['real']}, None, None) is SOURCES['real']
