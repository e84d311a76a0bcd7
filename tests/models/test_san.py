"""SAN's logits: values and gradients by hand, and a weight for each class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models.san import SanClassLogit, SanLogit, san_outputs

H, W = np.float32([[3, 4]]), np.float32([[0, 2]])


def test_by_hand():
    """|w| = 2 and v = (0, 1): the gradients in w are (h v) v, and the rest of h."""
    assert {name: x.tolist() for name, x in san_outputs(H, W).items()} == {
        'logit': [8],
        'function': [8],
        'direction': [8],
    }
    expected = {
        'logit': ([[0, 2]], [[3, 4]]),
        'function': ([[0, 2]], [[0, 4]]),
        'direction': ([[0, 0]], [[3, 0]]),
    }
    for name, (by_h, by_w) in expected.items():
        found = jax.grad(lambda h, w, name=name: san_outputs(h, w)[name][0], (0, 1))(H, W)
        np.testing.assert_allclose(found[0], by_h, atol=1e-6)
        np.testing.assert_allclose(found[1], by_w, atol=1e-6)


def test_a_weight_of_zeros_has_finite_gradients():
    def total(w):
        return sum(jnp.sum(x) for x in san_outputs(H, w).values())

    assert np.isfinite(jax.grad(total)(np.zeros_like(W))).all()


def test_a_class_has_its_own_weight():
    rng = np.random.default_rng(0)
    features, label = rng.standard_normal((5, 3)).astype('float32'), np.array([2, 0, 1, 2, 3])
    logit = SanClassLogit(3)
    _, variables = logit.init_with_output(jax.random.key(0), features, label, train=True)
    table = np.array(variables['params']['classes']['kernel'])
    assert table.shape == (3, 3)
    found = logit.apply(variables, features, label, train=True)
    for row, y in enumerate(label[:4]):
        alone = SanLogit().apply(
            {'params': {'kernel': table[y][:, None]}}, features[row][None], label[:1], train=True
        )
        for name, x in alone.items():
            assert found[name][row] == pytest.approx(float(x[0]), abs=1e-6)
    assert all(x[4] == 0 for x in found.values())  # there is no class 3


def test_the_weight_is_all_that_there_is():
    """No bias, and no vectors of spectral normalisation."""
    variables = SanLogit('orthogonal').init(jax.random.key(0), H, np.array([0]), train=True)
    assert jax.tree.map(np.shape, variables) == {'params': {'kernel': (2, 1)}}
    assert np.linalg.norm(variables['params']['kernel']) == pytest.approx(1)
