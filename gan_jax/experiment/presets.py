"""Config blocks of the methods that the paper compares, and of related methods.

Zhao et al. 2020, arXiv 2006.02595, section 3 and algorithms 1 and 2. The docstrings of the terms
give the sources of the related methods' weights.
"""

import copy
from collections.abc import Mapping
from typing import Any

from gan_jax.experiment.arguments import arguments

WASSERSTEIN = {'fn': 'gan_jax.terms.adversarial.wasserstein', 'weight': 1.0}
HINGE = {'fn': 'gan_jax.terms.adversarial.hinge', 'weight': 1.0}
RELATIVISTIC = {'fn': 'gan_jax.terms.adversarial.relativistic', 'weight': 1.0}
CR = {'fn': 'gan_jax.terms.consistency.cr', 'weight': 10.0}
BALANCED = {'fn': 'gan_jax.terms.consistency.balanced', 'weight': 10.0}
LATENT = {
    'fn': 'gan_jax.terms.consistency.latent',
    'sigma': 0.03,
    'weight': {'dis': 5.0, 'gen': 0.5},
}
IMPROVED = {
    'fn': 'gan_jax.terms.consistency.improved',
    'sigma': 0.03,
    'weight': {'real': 10.0, 'fake': 10.0, 'dis': 5.0, 'gen': 0.5},
}
CNTR = {'fn': 'gan_jax.terms.contrastive.cntr', 'weight': 0.1}
ROTATION = {'fn': 'gan_jax.terms.rotation.rotation', 'weight': {'real': 1.0, 'fake': 0.2}}
LECAM = {'fn': 'gan_jax.terms.lecam.lecam', 'weight': 0.3}
# The gamma of CIFAR-10 in StyleGAN2-ADA (Karras et al. 2020, arXiv 2006.06676).
R1 = {'fn': 'gan_jax.terms.penalty.r1', 'weight': 0.01}
# Both with the gamma with which R3GAN begins CIFAR-10 (Huang et al. 2025, arXiv 2501.05441).
R3GAN = {
    'adversarial': RELATIVISTIC,
    'r1': {**R1, 'weight': 0.05},
    'r2': {'fn': 'gan_jax.terms.penalty.r2', 'weight': 0.05},
}
CONTRAD = {'fn': 'gan_jax.terms.contrastive.contrad', 'weight': 1.0}
ACGAN = {'fn': 'gan_jax.terms.labels.acgan', 'weight': 1.0}
ADCGAN = {'fn': 'gan_jax.terms.labels.adcgan', 'weight': 1.0}
TACGAN = {'fn': 'gan_jax.terms.labels.tacgan', 'weight': 1.0}
MULTI_HINGE = {
    'fn': 'gan_jax.terms.labels.multi_hinge',
    'weight': {'real': 1.0, 'fake': 1.0, 'classes': 0.05},
}
# A config's number cannot become a block of numbers: the adversarial term has weight 0 beside it.
OFF = {**HINGE, 'weight': 0.0}
CONTRAGAN = {'fn': 'gan_jax.terms.label_contrast.contragan', 'weight': 1.0}
REACGAN = {'fn': 'gan_jax.terms.label_contrast.reacgan', 'weight': 0.5}
# No paper gives these a weight in a GAN: with theirs the losses are of Cntr's size at first.
BARLOW = {'fn': 'gan_jax.terms.decorrelation.barlow_twins', 'weight': 0.01}
VICREG = {'fn': 'gan_jax.terms.decorrelation.vicreg', 'weight': 0.01}
UNIFORMITY = {'fn': 'gan_jax.terms.decorrelation.uniformity', 'weight': 0.1}
MATCHING = {'fn': 'gan_jax.terms.feature_matching.feature_matching', 'weight': 1.0}
TOP_K = {'fn': 'gan_jax.terms.top_k.top_k', 'weight': 1.0}
CNTR_LATENT = {'fn': 'gan_jax.terms.latent_contrast.cntr_latent', 'weight': 0.1}
JIGSAW = {'fn': 'gan_jax.terms.jigsaw.jigsaw', 'weight': {'real': 1.0, 'fake': 0.2}}
RANDOM_PROJECTION = {'fn': 'gan_jax.terms.random_projection.random_projection', 'weight': 0.1}
BCR_K = {'fn': 'gan_jax.terms.balanced.bcr_k', 'weight': 10.0}
# Without FixMatch's flip: digits have none.
WEAK_STRONG = {
    'fn': 'gan_jax.terms.balanced.bcr_weak_strong',
    'weak': 'shift(0.0625)',
    'weight': 10.0,
}
DUAL = {'fn': 'gan_jax.terms.balanced.bcr_dual', 'weight': 1.0}
OOD = {'fn': 'gan_jax.terms.ood.ood', 'weight': 0.25}
SAN = {'fn': 'gan_jax.terms.san.hinge', 'weight': 1.0}
SAN_NS = {'fn': 'gan_jax.terms.san.non_saturating', 'weight': 1.0}
SAN_RELATIVISTIC = {'fn': 'gan_jax.terms.san.relativistic', 'weight': 1.0}
PATH_LENGTH = {'fn': 'gan_jax.terms.path_length.path_length', 'weight': 2.0}
LOGAN = {
    'fn': 'gan_jax.terms.latent_step.logan',
    'weight': {'real': 1.0, 'fake': 1.0, 'step': 0.1},
}
TANGENT = {'fn': 'gan_jax.terms.tangent.tangent', 'along': 'zoom_in', 'weight': 0.1}
ORTHOGONAL = {'fn': 'gan_jax.terms.orthogonal.orthogonal', 'weight': 1e-4}
# The paper's pace; a run of fewer than millions of images needs a faster one.
ADA = {'fn': 'gan_jax.terms.ada.ada', 'images': 500_000.0, 'weight': 1.0}
WGAN_GP = {'fn': 'gan_jax.terms.penalty.wgan_gp', 'weight': 10.0}
APA = {'fn': 'gan_jax.terms.apa.apa', 'images': 500_000.0, 'weight': 1.0}
# Latents of the size of config.latent.dim.
BIGAN = {'fn': 'gan_jax.terms.bigan.bigan', 'size': 128, 'width': 1.0, 'weight': 1.0}
MOCO = {'fn': 'gan_jax.terms.momentum.moco', 'queue': 1024, 'weight': 0.1}
BYOL = {'fn': 'gan_jax.terms.momentum.byol', 'weight': 0.1}
# The paper's queue of 5 % of the data, of CIFAR-10's.
INSGEN = {
    'fn': 'gan_jax.terms.insgen.insgen',
    'queue': 2500,
    'weight': {'real': 1.0, 'fake': 1.0, 'gen': 0.1},
}
CLIPPING = {'fn': 'gan_jax.terms.weight_clipping.weight_clipping', 'weight': 1.0}

# For each method: the key of `augment` that takes the policy, and the terms beside the adversarial
# one (or in its place, if the method names it).
METHODS = {
    'none': ('', {}),
    'real_only': ('real', {}),
    'real_fake': ('critic', {}),
    'cr': ('view', {'consistency': CR}),
    'bcr': ('view', {'consistency': BALANCED}),
    'zcr': ('', {'consistency': LATENT}),
    'icr': ('view', {'consistency': IMPROVED}),
    'cntr': ('view', {'contrastive': CNTR}),
    'bcr_cntr': ('view', {'consistency': {**BALANCED, 'weight': 5.0}, 'contrastive': CNTR}),
    'rotation': ('', {'rotation': ROTATION}),
    'diffaugment': ('critic', {}),
    'lecam': ('', {'lecam': LECAM}),
    'r1': ('', {'penalty': R1}),
    'contrad': ('view', {'adversarial': CONTRAD}),
    'acgan': ('', {'classes': ACGAN}),
    'adcgan': ('', {'classes': ADCGAN}),
    'tacgan': ('', {'classes': TACGAN}),
    'multi_hinge': ('', {'adversarial': OFF, 'multi_hinge': MULTI_HINGE, 'matching': MATCHING}),
    'contragan': ('', {'classes': CONTRAGAN}),
    'reacgan': ('', {'classes': REACGAN}),
    'barlow': ('view', {'decorrelation': BARLOW}),
    'vicreg': ('view', {'decorrelation': VICREG}),
    'uniformity': ('view', {'decorrelation': UNIFORMITY}),
    'feature_matching': ('', {'matching': MATCHING}),
    'top_k': ('', {'adversarial': TOP_K}),
    'cntr_latent': ('', {'latents': CNTR_LATENT}),
    'jigsaw': ('', {'jigsaw': JIGSAW}),
    'random_projection': ('view', {'contrastive': RANDOM_PROJECTION}),
    'bcr_k': ('view', {'consistency': BCR_K}),
    'bcr_weak_strong': ('view', {'consistency': WEAK_STRONG}),
    'bcr_dual': ('view', {'consistency': DUAL}),
    'ood': ('', {'ood': OOD}),
    'san': ('', {'adversarial': SAN}),
    'san_ns': ('', {'adversarial': SAN_NS}),
    'san_relativistic': ('', {'adversarial': SAN_RELATIVISTIC}),
    'path_length': ('', {'path_length': PATH_LENGTH}),
    'logan': ('', {'adversarial': OFF, 'logan': LOGAN}),
    'tangent': ('', {'tangent': TANGENT}),
    'orthogonal': ('', {'orthogonal': ORTHOGONAL}),
    'ada': ('critic', {'ada': ADA}),
    'apa': ('', {'apa': APA}),
    'moco': ('view', {'momentum': MOCO}),
    'byol': ('view', {'momentum': BYOL}),
    'insgen': ('view', {'insgen': INSGEN}),
    'weight_clipping': ('', {'adversarial': WASSERSTEIN, 'weight_clipping': CLIPPING}),
    'wgan_gp': ('', {'adversarial': WASSERSTEIN, 'wgan_gp': WGAN_GP}),
    'bigan': ('', {'adversarial': BIGAN}),
    'icgan': ('', {}),
    'r3gan': ('critic', R3GAN),
}
# The methods whose terms read further outputs of the logit, and that logit with classes.
SLICED = ('san', 'san_ns', 'san_relativistic')
SAN_LOGIT = 'gan_jax.models.san.SanLogit'
SAN_CLASS_LOGIT = 'gan_jax.models.san.SanClassLogit'
# The average of D that targets take: MoCo's momentum of 0.999 at 64 images a step.
MOMENTUM = {'halflife_images': 44_000.0, 'ramp': 0.05}
# 128 numbers of noise and Inception's 2,048 features, where the paper takes those of a ResNet.
INSTANCES = {
    'fn': 'gan_jax.instances.instances',
    'features': 'inception',
    'neighbours': 50,
    'dim': 2176,
}
# Blocks of a method beside 'augment' and 'terms'. Clip and penalty are for a discriminator without
# spectral normalisation: a box around normalised weights would mean nothing, and they bound its
# slope already.
FURTHER: dict[str, dict[str, Any]] = {
    **{name: {'averages': {'d': MOMENTUM}} for name in ('moco', 'byol', 'insgen')},
    **{name: {'logit': {'fn': SAN_LOGIT}} for name in SLICED},
    **{
        name: {part: {'normalised': False} for part in ('discriminator', 'logit')}
        for name in ('weight_clipping', 'wgan_gp')
    },
    'bigan': {'logit': {'fn': 'gan_jax.models.bigan.PairLogit', 'units': 512}},
    'icgan': {
        'latent': INSTANCES,
        'logit': {'fn': 'gan_jax.models.instances.InstanceLogit'},
    },
    'r3gan': {'g_reals': 'own', 'latent': {'labels': 'real'}},
}
# The term that learns from labels, for each method that has one.
LABELLED = {
    **dict.fromkeys(('acgan', 'adcgan', 'tacgan', 'contragan', 'reacgan'), 'classes'),
    'multi_hinge': 'multi_hinge',
}
# DiffAugment is `real_fake` with its own policy (Zhao et al. 2020, arXiv 2006.10738); ADA has its
# pipe (Karras et al. 2020, arXiv 2006.06676).
DIFFAUGMENT = 'diffaugment_color|diffaugment_translation|diffaugment_cutout'
OWN = {'diffaugment': DIFFAUGMENT, 'ada': 'ada_bgc'}
# zCR of a conditional model (Zhao et al. 2020, arXiv 2002.04724): more noise, a larger weight.
SIGMA, DIS = 0.05, 20.0


def method(
    name: str,
    policy: str,
    strength: float,
    *,
    conditional: bool = False,
    num_classes: int = 0,
    cntr_policy: str = '',
    cntr_strength: float = 0.5,
) -> dict[str, Any]:
    """The blocks 'augment' and 'terms' of one method, with the hinge loss.

    A method of FURTHER has these blocks too, a method of LABELLED a 'generator', which makes it
    conditional.

    Args:
        name: one of METHODS.
        policy: the augmentation, such as 'translation'; a method of OWN has its own.
        strength: strength of the policy.
        conditional: True takes the weights for a conditional model.
        num_classes: of the data, for a method of LABELLED; 0 without labels.
        cntr_policy: policy of Cntr's views in place of `policy`; '' uses `policy`.
        cntr_strength: strength of `cntr_policy`; the paper finds most policies best near 0.5,
            'simclr' at 0.3.

    Raises:
        ValueError: there is no such method, it has no Cntr to use `cntr_policy`, or no labels to
            learn from.
    """
    if name not in METHODS:
        raise ValueError(f"there is no method '{name}'; known: {', '.join(METHODS)}")
    use, blocks = METHODS[name]
    augment: dict[str, Any] = {'real': '', 'critic': '', 'view': '', 'shared': False}
    augment |= {'strength': strength, 'probability': 1.0}
    if use:
        augment[use] = OWN.get(name, policy)
    terms = copy.deepcopy({'adversarial': HINGE, **blocks})
    if conditional and name in ('zcr', 'icr'):
        terms['consistency']['sigma'] = SIGMA
        terms['consistency']['weight']['dis'] = DIS
    if cntr_policy:
        if 'contrastive' not in terms:
            raise ValueError(f"method '{name}' has no Cntr that could have a policy of its own")
        terms['contrastive'] |= {'policy': cntr_policy, 'strength': cntr_strength}
    found: dict[str, Any] = {'augment': augment, 'terms': terms}
    found |= copy.deepcopy(FURTHER.get(name, {}))
    if conditional and name in SLICED:
        found['logit'] = {'fn': SAN_CLASS_LOGIT}
    if name in LABELLED:
        if not num_classes:
            raise ValueError(
                f"method '{name}' learns from labels, which the data of this config lack"
            )
        terms[LABELLED[name]]['num_classes'] = num_classes
        found['generator'] = {'num_classes': num_classes}
    return found


def blocks(
    text: str, *, conditional: bool = False, num_classes: int = 0, **defaults: Any
) -> dict[str, Any]:
    """The blocks of `method` for the text after the colon in `--config=FILE:key=value,...`.

    Args:
        text: values for method, augment, strength, cntr_augment and cntr_strength.
        conditional: as in `method`.
        num_classes: as in `method`.
        **defaults: defaults of method, augment and strength.

    Raises:
        ValueError: as `arguments.arguments` and `method`.
    """
    chosen = arguments(text, **defaults, cntr_augment='', cntr_strength=0.5)
    return blocks_of(chosen, conditional=conditional, num_classes=num_classes)


def blocks_of(
    chosen: Mapping[str, Any], *, conditional: bool = False, num_classes: int = 0
) -> dict[str, Any]:
    """The blocks of `method` for arguments that are parsed.

    Args:
        chosen: values of method, augment, strength, cntr_augment and cntr_strength, maybe others.
        conditional, num_classes: as in `method`.

    Raises:
        ValueError: as `method`.
    """
    return method(
        *(chosen[key] for key in ('method', 'augment', 'strength')),
        conditional=conditional,
        num_classes=num_classes,
        cntr_policy=chosen['cntr_augment'],
        cntr_strength=chosen['cntr_strength'],
    )
