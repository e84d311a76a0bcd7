"""Scores of two folders against torch-fidelity's and clean-fid's, with the same random weights."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.evaluate import inception, weights
from gan_jax.evaluate.image_scores import score
from tests.oracle.made import clean, fidelity, public_network, random_weights, save

torch = pytest.importorskip('torch')
pytest.importorskip('cleanfid')
# More than ten minutes, most of them in the public packages: `make oracle ARGS='-m oracle'`.
pytestmark = [pytest.mark.oracle, pytest.mark.slow]

COUNT, SIDES = 40, (32, 48)  # of each folder; the networks bring both to 299 pixels


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Two folders of smooth images of two sizes, and the file of weights."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for name, side in zip(('scored', 'reference'), SIDES, strict=True):
        (root / name).mkdir()
        for i in range(COUNT):
            coarse = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
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
        pair = folders / 'scored', folders / 'reference'
        return score(*pair, metrics, data_dir=folders / 'kept')['metrics']


class Planes(torch.utils.data.Dataset):
    """The images of a folder as torch-fidelity takes them, uint8 [3, H, W]."""

    def __init__(self, folder):
        self.paths = sorted(folder.iterdir())

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return torch.from_numpy(np.asarray(Image.open(self.paths[i])).transpose(2, 0, 1).copy())


def test_torch_fidelity(folders, ours):
    theirs = fidelity('metrics').calculate_metrics(
        input1=Planes(folders / 'scored'),
        input2=Planes(folders / 'reference'),
        feature_extractor_weights_path=str(folders / 'weights.pth'),
        cuda=False, save_cpu_ram=True, batch_size=COUNT, verbose=False, samples_shuffle=False,
        isc=True, fid=True, kid=True, prc=True, kid_subsets=1, kid_subset_size=COUNT,
    )  # fmt: skip
    found = {
        'frechet_inception_distance': ours[f'fid{COUNT}_biased'],
        'kernel_inception_distance_mean': ours[f'kid{COUNT}'],
        'inception_score_mean': ours[f'is{COUNT}'],
        'precision': ours[f'precision{COUNT}'],
        'recall': ours[f'recall{COUNT}'],
    }
    assert found == pytest.approx({name: theirs[name] for name in found}, rel=1e-3)


def test_clean_fid(folders, ours, monkeypatch):
    """Its own network is a download; torch-fidelity's, of images of 299 pixels, is the same."""
    monkeypatch.setattr(fidelity('feature_extractor_inceptionv3'), 'vassert', lambda *_: None)
    net = public_network(folders / 'weights.pth', ('2048',))  # now of floats too
    theirs = clean('fid')
    features = [
        theirs.get_folder_features(
            str(folders / name),
            lambda batch: net(batch)[0],
            **dict(num_workers=0, batch_size=COUNT, device='cpu', verbose=False),
        )
        for name in ('scored', 'reference')
    ]
    fid, kid = theirs.fid_from_feats(*features), theirs.kernel_distance(*features, num_subsets=1)
    assert ours[f'fid{COUNT}_clean_biased'] == pytest.approx(fid, rel=1e-3)
    assert ours[f'kid{COUNT}_clean'] == pytest.approx(kid, rel=1e-3)
