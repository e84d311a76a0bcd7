"""Our networks of the cases, and the published weights as their variables."""

from typing import Any

from gan_jax.models import biggan, biggan_deep, ladagan, r3gan
from gan_jax.models.critic import Critic, ProjectionLogit
from gan_jax.models.patches import PatchLogit
from gan_jax.models.r3gan2 import discriminator as r3gan2_discriminator
from gan_jax.models.r3gan2 import generator as r3gan2_generator
from gan_jax.models.stylegan2 import discriminator as stylegan2_discriminator
from gan_jax.models.stylegan2 import generator as stylegan2_generator
from gan_jax.models.stylegan3 import generator as stylegan3_generator
from tests.oracle import published_cases as cases
from tests.oracle import (
    published_weights,
    published_weights_ladagan,
    published_weights_r3gan2,
    published_weights_studiogan,
    published_weights_stylegan3,
)
from tests.oracle.published_cases import Case
from tests.oracle.published_layouts import Array, State


def _patch_logit(num_classes: int) -> PatchLogit:
    del num_classes
    return PatchLogit(normalised=False)


GENERATORS = {
    cases.STYLEGAN2: stylegan2_generator.Generator,
    cases.R3GAN: r3gan.Generator,
    cases.R3GAN2: r3gan2_generator.Generator,
    cases.STYLEGAN3: stylegan3_generator.Generator,
    cases.DEEP: biggan_deep.Generator,
    cases.SAGAN: biggan.Generator,
    cases.LADAGAN: ladagan.Generator,
}
CRITICS = {
    cases.STYLEGAN2: (stylegan2_discriminator.Trunk, stylegan2_discriminator.Logit),
    cases.R3GAN: (r3gan.Trunk, r3gan.Logit),
    cases.R3GAN2: (r3gan2_discriminator.Trunk, r3gan2_discriminator.Logit),
    cases.DEEP: (biggan_deep.Trunk, ProjectionLogit),
    cases.SAGAN: (biggan.Trunk, ProjectionLogit),
    cases.LADAGAN: (ladagan.Trunk, _patch_logit),
}
VARIABLES = {
    (cases.STYLEGAN2, 'g'): published_weights.stylegan2_generator,
    (cases.STYLEGAN2, 'd'): published_weights.stylegan2_discriminator,
    (cases.R3GAN, 'g'): published_weights.r3gan_generator,
    (cases.R3GAN, 'd'): published_weights.r3gan_discriminator,
    (cases.R3GAN2, 'g'): published_weights_r3gan2.generator,
    (cases.R3GAN2, 'd'): published_weights_r3gan2.discriminator,
    (cases.STYLEGAN3, 'g'): published_weights_stylegan3.generator,
    (cases.DEEP, 'g'): published_weights_studiogan.deep_generator,
    (cases.DEEP, 'd'): published_weights_studiogan.discriminator,
    (cases.SAGAN, 'g'): published_weights_studiogan.sagan_generator,
    (cases.SAGAN, 'd'): published_weights_studiogan.discriminator,
    (cases.LADAGAN, 'g'): published_weights_ladagan.generator,
    (cases.LADAGAN, 'd'): published_weights_ladagan.discriminator,
}


def build(case: Case, **options: Any) -> Any:
    """Our module of a case; `options` are the generator's."""
    blocks = case.settings
    if case.player == 'g':
        return GENERATORS[case.code](shape=case.shape, **blocks['generator'], **options)
    make_trunk, make_logit = CRITICS[case.code]
    return Critic(make_trunk(**blocks['discriminator']), {}, make_logit(**blocks['logit']))


def mapped(case: Case, state: State) -> dict[str, Any]:
    """Variables of our module, or of gradients those in 'params' alone."""
    return VARIABLES[case.code, case.player](state)


def waves_of(case: Case, state: State) -> tuple[Array, Array] | None:
    """Frequencies and phases of StyleGAN3's input."""
    return published_weights_stylegan3.waves(state) if case.code == cases.STYLEGAN3 else None
