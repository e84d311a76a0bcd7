"""Overfitting of the discriminator, and its sensitivity to augmentations, by its logits."""

from collections.abc import Callable, Mapping

import numpy as np

from gan_jax.evaluate.probes import augmented

Logits = Callable[[np.ndarray], np.ndarray]  # uint8 [N, H, W, C] -> [N]

# One op of each kind, at a visible strength. They are the same for all runs, whatever they trained
# with, so that the values are comparable.
SENSITIVE_TO = {
    'translation': 'translation(0.2)',
    'zoom_in': 'zoom_in(0.2)',
    'zoom_out': 'zoom_out(0.2)',
    'cutout': 'cutout(0.2)',
    'brightness': 'brightness(0.2)',
    'instance_noise': 'instance_noise(0.1)',
    'flip': 'flip',
}


def overfitting(train: np.ndarray, held_out: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """The position of held-out images between the train images and the fakes, by mean logits.

    "Training Generative Adversarial Networks with Limited Data" (Karras et al. 2020, arXiv
    2006.06676, equation 1, r_v).

    Args:
        train: [N], logits of images that D was trained on.
        held_out: [M], of real images that D was not trained on.
        fake: [K], of generated ones.

    Returns:
        {'logit_train', 'logit_test', 'logit_fake': the means, 'overfit': (train - test) / (train -
        fake): 0 if D treats held-out images as train images, 1 if as fakes; NaN if the means of
        train images and fakes are equal}.
    """
    means = {name: float(np.mean(x, dtype=np.float64)) for name, x in
             [('logit_train', train), ('logit_test', held_out), ('logit_fake', fake)]}  # fmt: skip
    gap = means['logit_train'] - means['logit_fake']
    fallen = means['logit_train'] - means['logit_test']
    return {**means, 'overfit': fallen / gap if gap else float('nan')}


def sensitivity(
    logits: Logits,
    images: np.ndarray,
    *,
    policies: Mapping[str, str] = SENSITIVE_TO,
    seed: int = 0,
) -> dict[str, float]:
    """The shift of D's logits by each augmentation, in standard deviations of the logits.

    Args:
        logits: of D in evaluation mode.
        images: uint8 [N, H, W, C], real; held-out ones say more.
        policies: name -> policy, with a number at every op that takes a strength.
        seed: of the draws.

    Returns:
        {name: mean of logit(T(x)) - logit(x), over the standard deviation of logit(x)}. Negative
        if D takes augmented images for less real; NaN if its logits are all the same.
    """
    plain = np.asarray(logits(images), np.float64)
    unit = plain.std() or np.nan
    moved = {name: logits(augmented(images, policy, seed)) for name, policy in policies.items()}
    return {name: float(np.mean(after - plain) / unit) for name, after in moved.items()}
