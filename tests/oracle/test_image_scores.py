"""Scores of two folders against torch-fidelity's and clean-fid's, with the same random weights."""

import inspect
import types

import numpy as np
import pytest
import scipy.linalg
from PIL import Image

import gan_jax
from gan_jax.evaluate import extractor, inception, weights
from tests.oracle.made import clean, fidelity, public_network, random_weights, save

torch = pytest.importorskip('torch')
pytest.importorskip('cleanfid')

COUNT = 32  # images of each folder
# Side and levels. The network makes the images of one set larger and of the other smaller.
SETS = {'scored': (32, 0, 256), 'reference': (320, 32, 224)}
NEAR = 1e-3  # relative
pytestmark = [
    pytest.mark.oracle,
    # The covariances of so few images are rank-deficient; SciPy says so.
    pytest.mark.filterwarnings('ignore:Matrix is (singular|ill-conditioned)'),
]


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Two folders of smooth images, and the file of weights."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for name, (side, low, high) in SETS.items():
        (root / name).mkdir()
        for i in range(COUNT):
            coarse = rng.integers(low, high, (4, 4, 3)).astype(np.uint8)
            image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            image.save(root / name / f'{i:02d}.png')
    save(random_weights(), root / 'weights.pth')
    return root


@pytest.fixture(scope='module')
def ours(folders):
    metrics = f'fid{COUNT}_biased,kid{COUNT},pr{COUNT},is{COUNT}'
    metrics += f',fid{COUNT}_clean_biased,kid{COUNT}_clean'
    with pytest.MonkeyPatch.context() as patch:
        variables = inception.load(folders / 'weights.pth')
        patch.setattr(weights, 'published', lambda data_dir: variables)
        patch.setattr(weights, 'check', lambda data_dir: None)
        patch.setattr(extractor, 'BATCH', 8)  # on each of the four devices of the tests
        pair = folders / 'scored', folders / 'reference'
        return gan_jax.score(*pair, metrics, data_dir=folders / 'kept')['metrics']


def assert_near(found, expected):
    """The numbers agree to NEAR; `make oracle ARGS='-s -k image_scores'` shows them."""
    for name, value in expected.items():
        print(f'\n{name}: {found[name]:.9g}, theirs {value:.9g}, {found[name] / value - 1:+.0e}')
    assert found == pytest.approx(expected, rel=NEAR)


def test_torch_fidelity(folders, ours):
    theirs = fidelity('metrics').calculate_metrics(
        input1=str(folders / 'scored'),
        input2=str(folders / 'reference'),
        feature_extractor='inception-v3-compat',  # of precision and recall, too
        feature_extractor_weights_path=str(folders / 'weights.pth'),
        cuda=False, save_cpu_ram=True, batch_size=8, verbose=False, samples_shuffle=False,
        isc=True, fid=True, kid=True, prc=True, kid_subsets=1, kid_subset_size=COUNT,
    )  # fmt: skip
    found = {
        'frechet_inception_distance': ours[f'fid{COUNT}_biased'],
        'kernel_inception_distance_mean': ours[f'kid{COUNT}'],
        'inception_score_mean': ours[f'is{COUNT}'],
        'inception_score_std': ours[f'is{COUNT}_sd'],
        'precision': ours[f'precision{COUNT}'],
        'recall': ours[f'recall{COUNT}'],
    }
    assert_near(found, {name: theirs[name] for name in found})
    assert 0 < found['precision'] < 1


def sqrtm(matrix, disp=True):
    """SciPy's, with the argument that it no longer has since 1.18, and clean-fid gives."""
    root = scipy.linalg.sqrtm(matrix)
    return root if disp else (root, None)


@pytest.fixture
def clean_fid(folders, monkeypatch):
    """clean-fid's functions of two folders.

    Its own network is a download; torch-fidelity's, of images of 299 pixels, is the same.
    """
    monkeypatch.setattr(fidelity('feature_extractor_inceptionv3'), 'vassert', lambda *_: None)
    net = public_network(folders / 'weights.pth', ('2048',))  # now of floats too
    kept = {}  # FID and KID are asked for in turn

    def network(batch):
        key = batch.numpy().tobytes()
        if key not in kept:
            (kept[key],) = net(batch)
        return kept[key]

    module, pair = clean('fid'), [str(folders / name) for name in SETS]
    monkeypatch.setattr(module, 'build_feature_extractor', lambda *_, **__: network)
    monkeypatch.setattr(module, 'linalg', types.SimpleNamespace(sqrtm=sqrtm))
    options = dict(num_workers=0, batch_size=8, device='cpu', verbose=False)
    return lambda name, mode: getattr(module, name)(*pair, mode=mode, **options)


@pytest.mark.slow  # the root of a matrix of 2,048 × 2,048
def test_clean_fid(ours, clean_fid):
    found = {'fid': ours[f'fid{COUNT}_clean_biased'], 'kid': ours[f'kid{COUNT}_clean']}
    assert_near(found, {kind: clean_fid(f'compute_{kind}', 'clean') for kind in found})


@pytest.mark.slow
def test_clean_fid_in_the_mode_of_torch_fidelity(ours, clean_fid):
    """The network resizes; of these features KID alone, which takes no root of a matrix."""
    found = {'kid': ours[f'kid{COUNT}']}
    assert_near(found, {'kid': clean_fid('compute_kid', 'legacy_tensorflow')})


def test_the_defaults_of_the_packages_are_those_that_docs_differences_names():
    defaults = fidelity('defaults').DEFAULTS
    assert (defaults['kid_subsets'], defaults['kid_subset_size']) == (100, 1000)
    assert defaults['samples_shuffle'] is True
    assert fidelity('utils').DEFAULT_FEATURE_EXTRACTOR['prc'] == 'vgg16'
    assert defaults_of(clean('fid').kernel_distance) == {
        'num_subsets': 100,
        'max_subset_size': 1000,
    }
    assert defaults_of(clean('fid').frechet_distance) == {'eps': 1e-6}
    assert defaults_of(clean('fid').compute_fid)['mode'] == 'clean'


def defaults_of(function):
    parameters = inspect.signature(function).parameters
    return {name: one.default for name, one in parameters.items() if one.default is not one.empty}
