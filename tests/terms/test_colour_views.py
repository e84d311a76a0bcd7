"""Terms whose views are SimCLR's, on colour images, through the whole step."""

import jax
import numpy as np
import pytest

from gan_jax.gan import Augment
from gan_jax.terms.adversarial import hinge
from gan_jax.terms.consistency import balanced
from gan_jax.terms.contrastive import cntr
from tests import small


@pytest.mark.slow
def test_bcr_and_cntr_train_on_simclr(monkeypatch):
    monkeypatch.setattr(small, 'COLOURS', 3)
    monkeypatch.setattr(small, 'SHAPE', (small.SIDE, small.SIDE, 3))
    terms = {'adversarial': hinge(), 'consistency': balanced(), 'contrastive': cntr()}
    gan = small.make_gan(terms, augment=Augment(view='simclr'))
    state = small.first_state(gan, terms)
    weights = {'adversarial': 0, 'consistency': 5, 'contrastive': 0.1}
    hyper = small.make_hyper(weights, d=0.1)._replace(strength={'simclr': np.float32(0.5)})
    step = small.compiled(gan, terms)
    for number in range(3):
        before, (state, metrics) = state, step(state, small.make_batch(seed=number), hyper)
        parts = [metrics[f'd/{n}/{p}'] for n in weights for p in ('real', 'fake')]
        assert np.isfinite(parts).all() and min(parts) > 0
        moves = jax.tree.map(lambda a, b: np.abs(a - b).max(), before.d.params, state.d.params)
        for part in ('trunk', 'heads_contrastive', 'logit'):
            sizes = jax.tree.leaves(moves[part])
            assert np.isfinite(sizes).all() and max(sizes) > 1e-5, part
