"""Scores in the features of a small network: the right images, split and metric for each."""

import contextlib

import numpy as np
import pytest

from gan_jax import data, labels
from gan_jax.evaluate import (
    dimension,
    extractor,
    features,
    frechet,
    kernel,
    prdc,
    protocol,
    references,
    rows,
    weights,
)
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.diversity import diversity, vendi_ratio
from gan_jax.evaluate.features import in_batches
from gan_jax.evaluate.inception_score import inception_score
from gan_jax.runtime.errors import DATA, MISSING, UNAVAILABLE, UserError

ALL = 'fid2100_test,fid2048_train,kid300_test,is400,pr200_test,dc200_train,fid2048_test_clean'


def split(name):
    return data.load('digits', split=name)


def fakes(count=2100):
    """Dirty digits."""
    rng = np.random.default_rng(0)
    train = split('train').images
    noise = rng.integers(0, 60, (count, *train.shape[1:]))
    return np.clip(train[rng.integers(0, len(train), count)] + noise, 0, 255).astype(np.uint8)


def context(tmp_path, splits=split):
    train = splits('train')
    return Context(train, lambda: splits('test'), train, None, num=100, data_dir=tmp_path)


def prepare(asked, tmp_path, splits=split):
    return protocol.prepare_metrics(asked, context(tmp_path, splits))


@pytest.fixture
def seen(small_inception):
    """Features of the small network, written out."""

    def of(images, *, clean=False):
        x = np.repeat(images.astype(np.float32), 3, axis=-1) / (2 if clean else 1)
        return x.reshape(len(x), -1) @ small_inception[:, :8]

    return of


def test_every_score_is_its_metric_of_the_first_images(seen, tmp_path):
    found = prepare(ALL, tmp_path)
    assert found.num == 2100
    values = found.measure(fakes(), None, None)
    real = {name: seen(split(name).images) for name in ('train', 'test')}
    moments = {name: frechet.moments(x) for name, x in real.items()}
    fake = seen(fakes())
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4)  # noqa: E731
    close(values['fid2100_test'], frechet.distance(frechet.moments(fake), moments['test']))
    close(values['fid2048_train'], frechet.distance(frechet.moments(fake[:2048]), moments['train']))
    floor = frechet.distance(moments['train'], moments['test'])
    close([values['fid2100_test_floor'], values['fid2048_train_floor']], [floor, floor])
    close(values['kid300_test'], kernel.kid(fake[:300], real['test']))
    improved = prdc.precision_recall(real['test'], fake[:200])
    assert values['precision200_test'] == improved['precision']
    assert values['recall200_test'] == improved['recall']
    both = prdc.prdc(real['train'], fake[:200])
    close(values['density200_train'], both['density'])
    assert values['coverage200_train'] == both['coverage']
    clean = frechet.moments(seen(fakes(), clean=True)[:2048])
    reference = frechet.moments(seen(split('test').images, clean=True))
    close(values['fid2048_test_clean'], frechet.distance(clean, reference))
    assert len(values) == 3 * 2 + 1 + 2 + 2 + 2


def test_the_inception_score_is_of_the_logits(small_inception, tmp_path):
    values = prepare('is400', tmp_path).measure(fakes(400), None, None)
    probs = extractor.from_inception(small_inception).extract(fakes(400)).probs
    assert probs.shape == (400, 16)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-5)
    assert (values['is400'], values['is400_sd']) == inception_score(probs)


def test_one_pass_gives_them_all(small_inception, tmp_path, monkeypatch):
    counted, made = [], extractor.from_inception

    def counting(*arguments, **options):
        found = made(*arguments, **options)
        return found._replace(extract=lambda x: counted.append(len(x)) or found.extract(x))

    monkeypatch.setattr(extractor, 'from_inception', counting)
    found = prepare('fid2100_test,kid300_test,is400,fid2048_test_clean', tmp_path)
    counted.clear()
    found.measure(fakes(), None, None)
    assert counted == [2100, 2048]


def test_what_a_value_depends_on_stands_beside_it(small_inception, tmp_path):
    protocol = prepare('fid2100_test,is400,fid2048_train_clean', tmp_path).protocol['scores']
    assert protocol['fid2100_test']['num'] == 2100
    assert protocol['fid2100_test']['reference'] == 'test, 360 images'
    assert protocol['fid2048_train_clean']['reference_digest'] == data.digest(split('train'))
    assert protocol['fid2048_train_clean']['extractor']['interpolation'] == 'clean'
    assert protocol['fid2100_test']['extractor']['weights_sha256'] == weights.PUBLISHED.sha256
    assert 'reference' not in protocol['is400']


def test_references_are_computed_once(small_inception, tmp_path, monkeypatch):
    prepare('fid2100_test,kid300_test', tmp_path)
    monkeypatch.setattr(references, '_extracted', lambda *_: pytest.fail('computed again'))
    prepare('fid2100_test,kid300_test,fid2048_train', tmp_path)


def test_a_data_set_of_one_split_has_no_floor(small_inception, tmp_path):
    def only_train(name):
        if name != 'train':
            raise UserError('there is no test split', MISSING)
        return split(name)

    values = prepare('fid2048_train', tmp_path, only_train).measure(fakes(2048), None, None)
    assert [*values] == ['fid2048_train']
    with pytest.raises(UserError, match='no test split'):
        prepare('fid2048_test', tmp_path, only_train)


def test_another_split_of_one_image_makes_no_floor(tmp_path):
    def with_one(name):
        whole = split(name)
        return whole if name == 'train' else whole._replace(images=whole.images[:1])

    values = prepare('fd64_train@digits', tmp_path, with_one).measure(fakes(64), None, None)
    assert [*values] == ['fd64_train@digits']


def test_a_split_that_is_damaged_is_not_taken_for_none(small_inception, tmp_path):
    def damaged(name):
        if name != 'train':
            raise UserError('torn in half', DATA)
        return split(name)

    with pytest.raises(UserError, match='torn in half'):
        prepare('fid2048_train', tmp_path, damaged)


def test_without_weights_it_ends_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / 'nothing.pth'))
    with pytest.raises(UserError) as caught:
        prepare('fid10k_test', tmp_path)
    assert caught.value.status == UNAVAILABLE
    assert weights.PUBLISHED.url in str(caught.value)


def test_other_metrics_take_their_own_number_beside_them(small_inception, tmp_path):
    found = prepare('fd_digits,fid2048_test', tmp_path)
    assert found.num == 2048
    values = found.measure(fakes(2048), None, None)
    alone = prepare('fd_digits', tmp_path).measure(fakes(2048)[:100], None, None)
    assert values['fd_digits'] == alone['fd_digits']
    assert found.protocol['scores'].keys() == {'fid2048_test'}
    assert found.protocol['metrics'] == ['fd_digits', 'fid2048_test']


def test_other_features_give_other_scores(tmp_path):
    asked = 'fd300_test@digits,kd300_train@digits,is300@digits,dc300_test@digits,div300_test@digits'
    found = prepare(asked, tmp_path)
    values = found.measure(fakes(300), None, None)
    fake = features.digits(fakes(300))
    real = {name: features.digits(split(name).images).features for name in ('train', 'test')}
    expected = frechet.distance(frechet.moments(fake.features), frechet.moments(real['test']))
    assert values['fd300_test@digits'] == pytest.approx(expected)
    assert values['kd300_train@digits'] == kernel.kid(fake.features, real['train'])
    assert values['is300@digits'] == inception_score(fake.probs[:, 0])[0]
    assert values['coverage300_test@digits'] == prdc.prdc(real['test'], fake.features)['coverage']
    assert values['div300_test@digits'] == diversity(fake.features, real['test'])
    assert values['vendi300_test@digits'] == vendi_ratio(fake.features, real['test'])
    assert found.protocol['scores']['is300@digits']['extractor']['name'] == 'digits'


def test_a_function_of_a_fork_by_its_path(tmp_path, monkeypatch):
    (tmp_path / 'eyes.py').write_text(
        'def rows(images):\n    return images.mean(axis=(2, 3))\n\n\n'
        'def blind():\n    return None\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    values = prepare('fd40_test@eyes.rows', tmp_path).measure(fakes(40), None, None)
    means = [frechet.moments(x.mean(axis=(2, 3))) for x in (fakes(40), split('test').images)]
    assert values['fd40_test@eyes.rows'] == pytest.approx(frechet.distance(*means))
    with pytest.raises(UserError, match='16 features .* write fd15_test_biased@eyes.rows'):
        prepare('fd15_test@eyes.rows', tmp_path)
    assert prepare('fd15_test_biased@eyes.rows', tmp_path).num == 15
    with pytest.raises(UserError, match='eyes.blind fails on uint8'):
        protocol.check_metrics('kd40_test@eyes.blind', context(tmp_path))
    given = context(tmp_path)._replace(allow=())
    with pytest.raises(UserError, match="'eyes.rows' is code of eyes"):
        protocol.prepare_metrics('fd40_test@eyes.rows', given)


def test_moments_take_the_features_that_another_score_needs(small_inception, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        extractor, 'in_batches', lambda f, x, n: seen.append(len(x)) or in_batches(f, x, n)
    )
    prepare('fid2048_test,kid300_test', tmp_path)
    assert seen == [360, 1437]  # the test split once, and the floor's


def intra(asked, tmp_path, **changes):
    given = context(tmp_path)._replace(conditional=lambda: True)._replace(**changes)
    return protocol.prepare_metrics(asked, given)


def test_class_by_class_a_missing_class_is_seen(tmp_path):
    train = split('train')
    one_of_each = [np.flatnonzero(train.labels == c)[:50] for c in range(10)]
    good = train.images[np.stack(one_of_each, axis=1).ravel()]  # image i is of class i mod 10
    bad = good.copy()
    bad[3::10] = good[4::10]
    name = 'intra_kd500_train@digits'
    measure = intra(name, tmp_path).measure
    right, wrong = measure(good, None, None), measure(bad, None, None)
    real = features.digits(train.images).features
    by_hand = [
        kernel.kid(features.digits(bad[c::10]).features, real[train.labels == c]) for c in range(10)
    ]
    assert wrong[name] == pytest.approx(np.mean(by_hand))
    assert wrong[f'{name}_worst'] == pytest.approx(by_hand[3])
    assert wrong[f'{name}_worst'] > 20 * right[f'{name}_worst']


def test_class_by_class_an_image_is_of_the_class_that_it_was_asked_for(tmp_path):
    train, counts = split('train'), (11, *[1] * 9)
    of = labels.at(counts, range(300))
    chosen = [np.flatnonzero(train.labels == c)[i % 130] for i, c in enumerate(of)]
    name = 'intra_kd300_train@digits'
    found = intra(name, tmp_path, class_counts=counts).measure(train.images[chosen], None, None)
    real = features.digits(train.images).features
    by_hand = [kernel.kid(real[chosen][of == c], real[train.labels == c]) for c in range(10)]
    assert found[name] == pytest.approx(np.mean(by_hand))


def test_precision_by_class_is_low_where_a_class_is_drawn_wrongly(tmp_path):
    train = split('train')
    one_of_each = [np.flatnonzero(train.labels == c)[:20] for c in range(10)]
    images = train.images[np.stack(one_of_each, axis=1).ravel()]
    images[3::10] = images[4::10]
    found = intra('intra_pr200_test@digits', tmp_path).measure(images, None, None)
    test = split('test')
    real, fake = (features.digits(x).features for x in (test.images, images))
    by_hand = [prdc.precision_recall(real[test.labels == c], fake[c::10]) for c in range(10)]
    for part in ('precision', 'recall'):
        each, name = [one[part] for one in by_hand], f'intra_{part}200_test@digits'
        assert found[name] == pytest.approx(np.mean(each))
        assert found[f'{name}_worst'] == min(each) == each[3] == 0
    assert len(found) == 4 and found['intra_precision200_test@digits'] > 0.5


def test_the_intrinsic_dimension_is_beside_as_many_reals(tmp_path):
    values = prepare('lid100_test@digits', tmp_path).measure(fakes(100), None, None)
    test = features.digits(split('test').images).features[rows.spaced(360, 100)]
    assert values == {
        'lid100_test@digits': dimension.intrinsic_dimension(features.digits(fakes(100)).features),
        'lid100_test@digits_real': dimension.intrinsic_dimension(test),
    }


def test_the_intrinsic_dimension_tells_its_progress_of_both_sides_and_its_k(tmp_path):
    told = []

    @contextlib.contextmanager
    def progress(what):
        yield lambda *at: told.append((what, *at))

    given = context(tmp_path)._replace(progress=progress)
    found = protocol.prepare_metrics('lid100_test@digits', given)
    assert ('lid100_test@digits of real images', 1, 1) in told
    described = found.protocol['scores']['lid100_test@digits']
    assert (described['k'], described['version']) == (20, 1)
    found.measure(fakes(100), None, None, progress)
    assert told[-1] == ('lid100_test@digits', 1, 1)


def test_classes_apart_need_classes_and_images(tmp_path):
    with pytest.raises(UserError, match='class by class, and the generator takes none'):
        prepare('intra_kd500_train@digits', tmp_path)  # nobody has said that it does
    with pytest.raises(UserError, match='class by class, and the generator takes none'):
        intra('intra_kd500_train@digits', tmp_path, conditional=lambda: False)
    blank = split('train')._replace(labels=None)
    with pytest.raises(UserError, match="class by class, and 'digits' has no labels"):
        intra('intra_kd500_train@digits', tmp_path, train=blank)
    with pytest.raises(UserError, match='at least 2 images of each class, and of class 9'):
        intra('intra_kd19_train@digits', tmp_path)
    with pytest.raises(UserError, match=r'50 images in 64 features .* intra_fd500_train_biased@d'):
        intra('intra_fd500_train@digits', tmp_path)


def test_work_is_watched_and_can_be_ended(small_inception, tmp_path):
    class Ended(Exception):
        pass

    @contextlib.contextmanager
    def progress(what):
        told.append(what)

        def tick(done, total):
            if what == 'pr200_test':
                raise Ended

        yield tick

    told = []
    measure = prepare('fid2048_test,pr200_test', tmp_path).measure
    with pytest.raises(Ended):
        measure(fakes(2048), None, None, progress)
    assert told == ['inception: 2,048 generated images', 'fid2048_test', 'pr200_test']
