"""StyleGAN2 on CIFAR-10, conditional, with ADA: Karras et al. 2020, arXiv 2006.06676.

    python -m gan_jax.prepare --dataset=cifar10 --data_dir=data
    python -m gan_jax.train --config=configs/stylegan2_cifar10.py --workdir=workdirs/stylegan2

Arguments: those of cifar10_sndcgan.py. Methods are those of docs/reference/methods.md, with the
logistic loss and R1 in place of the hinge loss; the default is `ada`, and `method=none` is
StyleGAN2 by itself.

| FID / IS, 50,000 samples, FID against the 50,000 training images | FID | IS |
|---|---|---|
| StyleGAN2 (the default with `method=none`) | 6.96 | 9.53 |
| StyleGAN2 with ADA, tuned | 2.42 | 10.14 |

Everything is their configuration for CIFAR-10: batch 64, 100 million images, a learning rate of
0.0025 and Adam's β 0 and 0.99, which their code scales for G and for D (`lazy_adam`), R1 of γ 0.01
every 16th step, a half-life of 500,000 images, which is at most a twentieth of the images so far,
two layers in the mapping, a discriminator without shortcuts and with groups of 32; no path length,
no mixed styles, no mirrored images. Without classes:
`--config.generator.num_classes=0 --config.logit.num_classes=0`. Their code computes the maps in
half precision: `--config.dtype=bfloat16`. docs/differences.md says where the step differs. Measured
by us: not yet, see docs/results.md.
"""

from ml_collections import ConfigDict

from gan_jax.experiment.base import base
from gan_jax.experiment.presets import blocks

LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own
HINGE = 'gan_jax.terms.adversarial.hinge'  # of a method that brings no loss of its own
NETWORKS = 'gan_jax.models.stylegan2'


def get_config(text: str = '', *, num_classes: int = 10, conditional: bool = True) -> ConfigDict:
    """The arguments can follow the file name.

    Args:
        text: the arguments.
        num_classes: of the data, 0 without labels.
        conditional: whether networks are told the class, whatever the method.
    """
    c = base()
    c.batch_size, c.steps = 64, 1_562_500
    c.latent.dim = 512
    paper = dict(method='ada', augment='translation', strength=0.4)
    c.update(blocks(text, conditional=conditional, num_classes=num_classes, **paper))
    with_stylegan2(c, num_classes if conditional else 0)
    if conditional and not c.logit.fn.startswith(NETWORKS):
        c.logit.num_classes = num_classes
    if 'size' in c.terms.adversarial:
        c.terms.adversarial.size = c.latent.dim
    c.ema.update(halflife_images=500_000.0, ramp=0.05)
    c.evaluate.update(metrics='fid50k_train', full='kid50k_train,is50k')
    return c


def with_stylegan2(c: ConfigDict, num_classes: int, rate: float = 0.0025) -> None:
    """Gives a config with the blocks of a method the networks, losses and rates for CIFAR-10.

    Args:
        c: the config.
        num_classes: of the generator, if the method says nothing else, and of the logit.
        rate: of both players, before it is scaled.
    """
    c.joint = False  # the discriminator looks across the batch
    if c.terms.adversarial.fn == HINGE and c.terms.adversarial.weight:
        c.terms.adversarial.fn = 'gan_jax.terms.adversarial.non_saturating'
    c.terms.penalty = dict(fn='gan_jax.terms.penalty.r1', weight=0.01, every=16)
    maps = dict(base=32_768, most=512)
    c.generator = dict(
        fn=f'{NETWORKS}.generator.Generator',
        num_classes=c.generator.get('num_classes', num_classes),
        layers=2,
        mixing=0.0,
        truncation=1.0,
        **maps,
    )
    trunk = f'{NETWORKS}.discriminator.Trunk'
    c.discriminator = dict(fn=trunk, architecture='orig', group=32, **maps)
    if any('num_classes' in term for term in c.terms.values()):
        # Methods with a classifier have it in place of the classes of the logit.
        num_classes = 0
    if c.logit.fn == LOGIT:
        c.logit = dict(fn=f'{NETWORKS}.discriminator.Logit', num_classes=num_classes)
    c.optim.g.update(lazy_adam(rate, every=4))  # also without path length, as there
    c.optim.d.update(lazy_adam(rate, every=16))


def lazy_adam(rate: float, every: int) -> dict[str, float]:
    """Adam's numbers of a player that is regularised in every n-th step, as in the authors' code.

    With c = n / (n + 1) they are c · rate, 0 and 0.99^c: there a step of regularisation is one of
    Adam, so that n steps have n + 1 of Adam's (StyleGAN2, arXiv 1912.04958, appendix B).
    """
    share = every / (every + 1)
    return dict(learning_rate=share * rate, b1=0.0, b2=0.99**share)
