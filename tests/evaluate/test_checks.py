"""What a metric will need is checked before the first step, and no image is looked at for it."""

import os

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import DataSet
from gan_jax.data.archives.download import sha256_of
from gan_jax.data.archives.table import File
from gan_jax.data.dataset import label_vectors
from gan_jax.evaluate import features, frechet, protocol, references, weights
from gan_jax.evaluate.context import Context
from gan_jax.models.critic import Critic
from gan_jax.runtime.errors import DATA, MISSING, UNAVAILABLE, USAGE, UserError
from tests import small

LABELS = np.arange(40, dtype=np.int32) % 2


def images(count, *, labels=LABELS, name='digits', channels=1):
    """Blank ones, of two classes."""
    blank = np.zeros((count, 16, 16, channels), np.uint8)
    return DataSet(blank, None if labels is None else labels[:count], 2, name)


def context(train=40, test=40, **changes):
    """Of so many images in each split; None is no test split."""
    train = images(train) if isinstance(train, int) else train
    held_out = images(test) if isinstance(test, int) else test

    def of_test():
        if held_out is None:
            raise UserError(f"'{train.name}' has no split 'test'", MISSING)
        return held_out

    given = Context(train, of_test, train, None, num=64, conditional=lambda: True)
    return given._replace(**changes)


@pytest.fixture(autouse=True)
def blind(monkeypatch):
    """A check that looks at images, or computes anything of them, fails."""

    def looks(*arguments, **options):
        pytest.fail('it has looked')

    for where, name in ((features, 'digits'), (references, '_extracted'), (frechet, 'moments')):
        monkeypatch.setattr(where, name, looks)
    monkeypatch.setattr(weights, 'published', looks)
    monkeypatch.setattr(weights, 'check', lambda data_dir: None)


VECTORS = images(40, labels=None)._replace(
    num_classes=0, vectors=label_vectors(np.eye(3)[np.arange(40) % 3])
)
ONE_CLASS = images(40, labels=np.zeros(40, np.int32))
WRONG = {
    'no such metric': ('fd_digit', {}, "no metric 'fd_digit'; did you mean 'fd_digits'"),
    'a name that says too little': ('kid', {}, "'kid' does not say of how many images"),
    'digits of no digits': ('modes', {'train': images(40, name='x')}, "means nothing on 'x'"),
    'an extractor of digits of no digits': (
        'kd20_train@digits',
        {'train': images(40, name='cifar10')},
        "a classifier of digits, and 'cifar10' has none",
    ),
    'too few for fd_digits': (
        'fd_digits',
        {'num': 20},
        "'fd_digits': 20 images in 64 features .* mostly bias; take kd20_test@digits",
    ),
    'too few for fd_digits of three channels': (
        'fd_digits',
        {'train': images(40, name='stacked_digits', channels=3)},
        '64 images in 192 features',
    ),
    'too few for features': ('fd63_test@digits', {}, '63 images in 64 features .* kd63_test@d'),
    'no such split': ('kid20_test', {'test': None}, "no split 'test'"),
    'one image is no distance': ('kd20_test@digits', {'test': 1}, 'at least 2 real .* test .* 1:'),
    'no more images than neighbours of precision': (
        'pr20_test@digits',
        {'test': 3},
        "'pr20_test@digits' takes at least 4 real images, and the test split of 'digits' has 3",
    ),
    'no more images than neighbours of density': ('dc20_test', {'test': 5}, 'at least 6 real'),
    'one image has no diversity': ('div20_train', {'train': 1}, 'at least 2 real .* train'),
    'classes that nobody is given': (
        'intra_kd20_test@digits',
        {'conditional': lambda: False},
        'class by class, and the generator takes none',
    ),
    'classes that the data have not': (
        'intra_kd20_test@digits',
        {'test': images(40, labels=None)},
        "class by class, and 'digits' has no labels",
    ),
    'a class without a real image': (
        'intra_kd20_test@digits',
        {'test': ONE_CLASS},
        'of class 1 there are 0 real ones: take more',
    ),
    'a class of which one image is generated': (
        'intra_kd20_test@digits',
        {'class_counts': (19, 1)},
        'of class 1 there are 1 generated ones',
    ),
    'three of a class for precision': (
        'intra_pr20_test@digits',
        {'test': images(7)},
        'at least 4 images of each class, and of class 1 there are 3 real',
    ),
    'fewer reals than fakes for a dimension': (
        'lid50_test@digits',
        {},
        "'lid50_test@digits' takes at least 50 real images, and the test split .* has 40",
    ),
    'no more held-out images than neighbours': (
        'intrinsic_dimension',
        {'test': 20},
        "'intrinsic_dimension' takes at least 21 real images",
    ),
    'too few of a class for features': (
        'intra_fd128_test@digits',
        {'test': images(40)},
        '20 images in 64 features .* intra_kd128_test@digits',
    ),
    'a network that is not there': ('kd20_test@no.where', {}, "features of 'no.where'"),
    'held-out images for probes': ('retrieval', {'test': None}, "no split 'test'"),
    'one of them': ('uniformity', {'test': 1}, "'uniformity' takes at least 2 real images"),
    'held-out images for logits': ('overfitting', {'test': None}, "no split 'test'"),
    'labels of held-out images': ('knn', {'test': images(40, labels=None)}, 'needs classes'),
    'labels': ('linear_probe', {'train': images(40, labels=None)}, 'needs classes'),
    'classes of label vectors': (
        'intra_kd20_test@digits',
        {'test': VECTORS},
        "class by class, and 'digits' has label vectors of 3 numbers: leave it out",
    ),
    'classes for a probe': (
        'knn',
        {'train': VECTORS, 'test': VECTORS},
        "needs classes and 'digits' has label vectors of 3 numbers",
    ),
    'classes for a classifier': (
        'cas1k',
        {'train': VECTORS, 'test': VECTORS},
        "needs classes and 'digits' has label vectors of 3 numbers",
    ),
    'the same labels in both splits': (
        'overfitting',
        {'train': VECTORS},
        'the train split has label vectors of 3 numbers, the test split 2 classes: leave it out',
    ),
    'images alone': (
        'overfitting',
        {'critic': Critic(small.Trunk(), {}, small.PairLogit())},
        "reads 'z' beside them: leave it out",
    ),
    'a policy': ('leak@nothing(0.2)', {'unaugmented': lambda n: 5 * ['x']}, 'cannot be measured'),
    'models without augmentation': ('leak@flip', {}, 'name the folder of their runs'),
    'enough of them': ('leak@flip', {'unaugmented': lambda n: 4 * ['x']}, '4 finished ones'),
    'held-out images for leaks': (
        'leak@flip',
        {'unaugmented': lambda n: 5 * ['x'], 'test': None},
        "no split 'test'",
    ),
}


@pytest.mark.parametrize('what', WRONG)
def test_it_is_refused(what):
    metrics, changes, said = WRONG[what]
    with pytest.raises(UserError, match=said):
        protocol.check_metrics(metrics, context(**changes))


GOOD = (
    'fd_digits,modes,diversity,kd20_test@digits,fd64_train@digits,fd20_test_biased@digits,is20,'
    'fid2048_test,pr20_test,dc20_train,div20_test,intra_kd20_test@digits,retrieval,knn,gsnr,'
    'linear_probe,overfitting,sensitivity,leak@flip,swd40_train,'
    'lid40_test@digits,intra_pr40_test@digits,effective_rank,intrinsic_dimension'
)


def test_what_can_be_measured_is_let_through():
    assert protocol.check_metrics(GOOD, context(unaugmented=lambda count: 5 * ['x'])) is True
    assert protocol.check_metrics('', context()) is True


@pytest.mark.parametrize('metrics', ['gsnr', 'modes', 'is20@digits', 'kid20_train'])
def test_what_takes_no_held_out_images_needs_none(metrics):
    assert protocol.check_metrics(metrics, context(test=None)) is True


def test_the_fewest_images_are_enough():
    assert protocol.check_metrics('pr20_test@digits', context(test=4))
    assert protocol.check_metrics('dc20_test@digits', context(test=6))
    assert protocol.check_metrics('fd_digits', context(num=64))


def test_all_faults_are_told_at_once_and_each_once():
    with pytest.raises(UserError) as caught:
        protocol.check_metrics('kid20_test,fd_digit,pr20_test,knn', context(test=None))
    told = str(caught.value).splitlines()
    assert len(told) == 2
    assert told[0].startswith("there is no metric 'fd_digit'")
    assert told[1] == (
        "'digits' has no split 'test': add one, or take out of config.evaluate the metrics that "
        'need it'
    )
    assert caught.value.status == USAGE  # that of the first


def test_the_status_is_that_of_the_fault(monkeypatch):
    def lacking(data_dir):
        raise UserError('no weights', UNAVAILABLE)

    monkeypatch.setattr(weights, 'check', lacking)
    for metrics in ('fid2048_test', 'modes,kid20_train', 'is20'):
        with pytest.raises(UserError, match='no weights') as caught:
            protocol.check_metrics(metrics, context())
        assert caught.value.status == UNAVAILABLE
    leaking = context(train=images(40, name='x'), unaugmented=lambda count: 5 * ['x'])
    with pytest.raises(UserError, match='no weights'):  # digits are matched in their own network
        protocol.check_metrics('leak@flip', leaking)
    assert protocol.check_metrics('leak@flip', leaking._replace(train=images(40)))
    damaged = context()._replace(held_out=lambda: _raise(UserError('torn', DATA)))
    with pytest.raises(UserError, match='torn') as caught:
        protocol.check_metrics('kd20_test@digits', damaged)
    assert caught.value.status == DATA


def _raise(error):
    raise error


def test_nothing_is_prepared_that_would_be_refused(monkeypatch):
    with pytest.raises(UserError, match='at least 4 real images'):
        protocol.prepare_metrics('pr20_test@digits', context(test=3))


# A function of a fork, whose width nobody knows but it.


@pytest.fixture
def eyes(module_of):
    module_of(
        'looking',
        'SEEN = []\n'
        'def rows(images):\n    SEEN.append(len(images))\n    return images.mean(axis=(2, 3))\n'
        'def flat(images):\n    return images.mean()\n',
    )
    import looking

    return looking


def test_a_function_of_a_fork_is_asked_with_two_images(eyes):
    assert protocol.check_metrics('fd16_test@looking.rows', context())
    assert eyes.SEEN == [2]
    with pytest.raises(UserError, match='15 images in 16 features'):
        protocol.check_metrics('fd15_test@looking.rows', context())
    with pytest.raises(UserError, match='returns? \\[N, F\\]'):
        protocol.check_metrics('fd15_test@looking.flat', context())


# Where the data set is not here.


def outlined(**changes):
    return context(train=data.outline('cifar10', 16), test=None, outlined=True, **changes)


def test_of_an_outline_it_is_said_that_not_all_is_checked():
    for metrics in ('kid20_test', 'knn', 'intra_kid200_train', 'sensitivity'):
        assert protocol.check_metrics(metrics, outlined()) is False
    assert protocol.check_metrics('is20,gsnr', outlined()) is True


@pytest.mark.parametrize(
    ('metrics', 'said'),
    [
        ('fid10k_tst', "no metric 'fid10k_tst'"),
        ('modes', "means nothing on 'cifar10'"),
        ('fd191_test@digits', "and 'cifar10' has none"),
        ('leak@flip', 'name the folder'),
        ('kid20_test@no.where', "'kid20_test@no.where' is not in Inception's"),
        ('kd20_test@no.where', "features of 'no.where'"),
    ],
)
def test_of_an_outline_all_else_is_refused(metrics, said):
    with pytest.raises(UserError, match=said):
        protocol.check_metrics(metrics, outlined())


# Inception's weights.


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A published file at an address that can be fetched from."""
    monkeypatch.undo()
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    path = tmp_path / 'release.pth'
    path.write_bytes(bytes(range(200)))
    file = File('inception.pth', 200, sha256_of(path), path.as_uri())
    monkeypatch.setattr(weights, 'PUBLISHED', file)
    return path


def test_weights_that_can_be_fetched_are_not(release, tmp_path):
    weights.check(tmp_path / 'data')
    assert not (tmp_path / 'data').exists()


def test_weights_that_cannot_are_refused_and_the_address_is_said_once(release, tmp_path):
    release.unlink()
    with pytest.raises(UserError) as caught:
        weights.check(tmp_path)
    assert caught.value.status == UNAVAILABLE
    assert str(caught.value).count(weights.PUBLISHED.url) == 1
    assert str(caught.value).endswith(f'other means and set ${weights.VARIABLE} to its path')


@pytest.mark.slow
def test_weights_that_are_kept_need_no_network(release, tmp_path, monkeypatch):
    monkeypatch.setattr(weights.inception, 'load', lambda path: {'a': np.ones(3)})
    weights.published(tmp_path)
    release.rename(tmp_path / 'away')
    weights.check(tmp_path)
    (kept,) = (tmp_path / 'inception').glob('*.npz')
    kept.write_bytes(b'torn')  # which shows when it is read
    weights.check(tmp_path)
    with pytest.raises(UserError, match='cannot be downloaded'):
        weights.published(tmp_path)
    os.replace(tmp_path / 'away', tmp_path / 'inception' / weights.PUBLISHED.name)
    weights.check(tmp_path)  # fetched, and not read yet


def test_weights_that_are_named_have_to_be_the_published_ones(release, tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(release))
    weights.check(tmp_path)
    release.write_bytes(b'another')
    for name, said in ((str(release), 'is another file'), ('none.pth', 'is no file')):
        monkeypatch.setenv(weights.VARIABLE, name)
        with pytest.raises(UserError, match=said) as caught:
            weights.check(tmp_path)
        assert caught.value.status == UNAVAILABLE
        assert str(caught.value).count(weights.PUBLISHED.url) == 1
