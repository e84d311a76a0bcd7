"""SAN's adversarial losses (Takida et al. 2023, arXiv 2301.12811).

Each is a loss of `gan_jax.terms.adversarial` with the discriminator's last layer w trained apart:
L_D = L(f) + E d(G(z)) - E d(x), where f and d are 'function' and 'direction' of
`gan_jax.models.san`. f keeps the direction of w still, and d, a Wasserstein loss with weight 1,
turns it to where reals and fakes lie furthest apart. The generator's loss is the usual one, on
'logit'. They need `config.logit` to be a logit of `gan_jax.models.san`.
"""

import jax.numpy as jnp

from gan_jax.terms import Objective, Term, adversarial
from gan_jax.terms.adversarial import PAIR


def hinge() -> Term:
    """SAN with the hinge loss, as in both of the authors' repositories.

    Parts: 'real', 'fake', 'direction' for the discriminator, 'fake' for the generator.
    """
    return _sliced(adversarial.hinge())


def non_saturating() -> Term:
    """SAN with the non-saturating logistic loss.

    Parts: 'real', 'fake', 'direction' for the discriminator, 'fake' for the generator.
    """
    return _sliced(adversarial.non_saturating())


def relativistic() -> Term:
    """SAN with the relativistic pairing loss; the authors publish no code for it.

    The difference of the pair is taken of f. Penalties of the logit's gradient beside it move the
    direction of w as well.
    Parts: 'pair', 'direction' for the discriminator, 'pair' for the generator.
    """
    return _sliced(adversarial.relativistic())


def _sliced(term):
    """The term with its discriminator's loss on 'function', and the part 'direction'."""

    def d(out, state, key):
        functions = {name: {**out[name], 'logit': _output(out[name], 'function')} for name in PAIR}
        real, fake = (jnp.mean(_output(out[name], 'direction')) for name in PAIR)
        parts, state, metrics = term.d.loss(functions, state, key)
        return {**parts, 'direction': fake - real}, state, metrics

    return term._replace(d=Objective(PAIR, d))


def _output(record, name):
    if name not in record:
        raise ValueError(
            f"it reads the output '{name}' of the discriminator, which config.logit does not give: "
            'take gan_jax.models.san.SanLogit, or SanClassLogit with classes'
        )
    return record[name]
