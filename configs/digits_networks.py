"""Earlier and lighter networks on handwritten digits, 16x16, in minutes on a CPU.

    python -m gan_jax.train --config=configs/digits_networks.py --workdir=workdirs/dcgan
    python -m gan_jax.train --config=configs/digits_networks.py:network=cgan --workdir=workdirs/cgan

Arguments: network (dcgan, cgan, wgan_gp, progan, ladagan or projected), and those of digits.py.
Methods are those of docs/reference/methods.md, with the network's own loss in place of the hinge
loss: the logistic one, at every patch in LadaGAN; the hinge loss at every patch of every scale in
`projected`. The default is `none`, for wgan_gp and progan `wgan_gp`. Of these papers none has an
experiment on digits of 16 pixels: widths and rates are chosen for a run of minutes on two CPU
cores. `cgan` is DCGAN that is told the class, by concatenation. With a penalty of D's gradient, or
with clipped weights, the discriminators of DCGAN and `projected` have no BatchNorm.

`projected` (Sauer et al. 2021, arXiv 2111.01007) has DCGAN's generator, and looks at images in the
maps of the digits classifier, which has seen their labels. `fd_digits`, `modes` and `diversity`
read the same classifier, and so favour it over the other networks: compare by `swd300_test` and
`spectrum300_test` as well.
"""

import runpy
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from gan_jax.experiment.arguments import network_of

DIGITS = Path(__file__).with_name('digits.py')
LOGIT = 'gan_jax.models.critic.Logit'  # of a method that brings none of its own
HINGE = 'gan_jax.terms.adversarial.hinge'  # of a method that brings no loss of its own
PENALTIES = ('gan_jax.terms.penalty.', 'gan_jax.terms.tangent.')
LOGISTIC = 'gan_jax.terms.adversarial.non_saturating'
MODELS = 'gan_jax.models'
PLAIN = dict(fn=LOGIT, normalised=False)
DCGAN: dict[str, Any] = dict(
    joint=False,
    generator=dict(fn=f'{MODELS}.dcgan.Generator', width=0.5),
    discriminator=dict(fn=f'{MODELS}.dcgan.Trunk', width=0.5, normalised=True),
    logit=PLAIN,
    loss=LOGISTIC,
    adam=dict(learning_rate=5e-4, b1=0.5, b2=0.999),
)
NETWORKS: dict[str, dict[str, Any]] = {
    'dcgan': DCGAN,
    'cgan': {
        **DCGAN,
        'generator': {**DCGAN['generator'], 'num_classes': 10},
        'logit': dict(fn=f'{MODELS}.cgan.ConcatLogit', num_classes=10, normalised=False),
    },
    'wgan_gp': dict(
        joint=True,
        generator=dict(fn=f'{MODELS}.resnet.Generator', up=[32, 32, 32]),
        discriminator=dict(fn=f'{MODELS}.wgan_gp.Trunk', width=0.25, layer_norm=False),
        logit=dict(initializer='glorot', **PLAIN),
        loss=HINGE,
        adam=dict(learning_rate=1e-3, b1=0.0, b2=0.9),
        method='wgan_gp',
        d_steps=3,
    ),
    'progan': dict(
        joint=False,
        generator=dict(fn=f'{MODELS}.progan.Generator', base=512, most=32),
        discriminator=dict(fn=f'{MODELS}.progan.Trunk', base=512, most=32, group=4),
        logit=dict(fn=f'{MODELS}.stylegan2.discriminator.Logit'),
        loss=HINGE,
        adam=dict(learning_rate=2e-3, b1=0.0, b2=0.99),
        method='wgan_gp',
    ),
    'ladagan': dict(
        joint=True,  # at 16 pixels there is no BatchNorm
        generator=dict(fn=f'{MODELS}.ladagan.Generator', widths=[256, 64, 16], hidden=128),
        discriminator=dict(fn=f'{MODELS}.ladagan.Trunk', widths=[32], out=[64, 128], hidden=64),
        logit=dict(
            fn=f'{MODELS}.patches.PatchLogit',
            initializer='orthogonal',
            side=8,
            kernel=4,
            normalised=False,
        ),
        loss='gan_jax.terms.patches.non_saturating',
        adam=dict(learning_rate=5e-4, b1=0.5, b2=0.99),
        penalty=0.1,
    ),
    'projected': dict(
        joint=False,
        generator=DCGAN['generator'],
        discriminator=dict(
            fn=f'{MODELS}.projected.Trunk',
            extractor=dict(fn='gan_jax.extractors.digits.digits_net'),
            mixed=16,
            width=64,
            side=4,
            normalised=True,
        ),
        logit=dict(fn=f'{MODELS}.projected.Logit', scales=3, side=4, kernel=3, normalised=True),
        loss='gan_jax.terms.patches.hinge',
        adam=dict(learning_rate=5e-4, b1=0.0, b2=0.99),
    ),
}


def get_config(text: str = '') -> ConfigDict:
    """The arguments can follow the file name."""
    name, rest = network_of(text, [*NETWORKS])
    network = NETWORKS[name]
    c = runpy.run_path(str(DIGITS))['get_config'](
        f'method={network.get("method", "none")},augment=translation,{rest}'
    )
    c.joint, c.d_steps = network['joint'], network.get('d_steps', 1)
    classes = c.generator.get('num_classes', network['generator'].get('num_classes', 0))
    c.generator = {**network['generator'], 'num_classes': classes}
    bare = not c.discriminator.get('normalised', True) or penalises_gradients(c)
    c.discriminator = dict(network['discriminator'])
    if bare and 'normalised' in c.discriminator:
        c.discriminator.normalised = False  # BatchNorm has no gradient of one image
    if c.logit.fn == LOGIT:
        # Methods with a classifier have it in place of the class beside the features.
        labelled = any('num_classes' in term for term in c.terms.values())
        c.logit = dict(
            PLAIN if labelled and 'num_classes' in network['logit'] else network['logit']
        )
        if bare and 'normalised' in c.logit:
            c.logit.normalised = False
        if c.terms.adversarial.fn == HINGE and c.terms.adversarial.weight:
            c.terms.adversarial.fn = network['loss']
            if 'penalty' in network:
                c.terms.penalty = dict(fn='gan_jax.terms.penalty.r1', weight=network['penalty'])
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.update(network['adam'])
    return c


def penalises_gradients(c: ConfigDict) -> bool:
    """True if a term is a penalty of D's gradient at each image."""
    return any(term.fn.startswith(PENALTIES) for term in c.terms.values())
