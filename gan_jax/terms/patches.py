"""Adversarial losses of a discriminator that judges patches of an image.

Each is a loss of `gan_jax.terms.adversarial` at every patch, and means run over images and patches.
They need a `config.logit` that gives 'patches' [B, P] beside 'logit' [B], the mean of an image's
patches: what each patch differs from it, as `gan_jax.models.patches.PatchLogit` does. A penalty
follows the gradient of 'logit'.
"""

from gan_jax.terms import Objective, Term, adversarial


def hinge() -> Term:
    """The hinge loss at every patch, as in Projected GANs (Sauer et al. 2021, arXiv 2111.01007).

    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """
    return _at_patches(adversarial.hinge())


def non_saturating() -> Term:
    """The non-saturating loss at every patch, as in LadaGAN's code (2024, arXiv 2401.09596).

    Parts: 'real', 'fake' for the discriminator, 'fake' for the generator.
    """
    return _at_patches(adversarial.non_saturating())


def _at_patches(term):
    """The term with the logits of all patches, [B, P], in the place of the image's."""
    return term._replace(d=_objective(term.d), g=_objective(term.g))


def _objective(objective):
    def loss(out, state, key):
        patches = {n: {**out[n], 'logit': _logits(out[n])} for n in objective.views}
        return objective.loss(patches, state, key)

    return Objective(objective.views, loss)


def _logits(record):
    if 'patches' not in record:
        raise ValueError(
            "it reads the output 'patches' of the discriminator, which config.logit does not give: "
            'take gan_jax.models.patches.PatchLogit'
        )
    return record['logit'][:, None] + record['patches']
