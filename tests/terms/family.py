"""All terms of the package, with options by which a finite difference can see their gradients."""

import importlib
import inspect
import pkgutil

from gan_jax import terms
from gan_jax.models.patches import PatchLogit
from gan_jax.models.san import SanLogit
from gan_jax.terms import Term
from gan_jax.testing import small

# Latents are moved far enough to see the gradients. With few hidden units no finite difference
# meets the kink of one. LeCam acts at once, and its averages stand still: the gradient takes them
# for constants, a finite difference would see them move. BatchNorm of two images is nearly a step.
LABELS = ('acgan', 'adcgan', 'multi_hinge', 'tacgan')
OPTIONS = {
    **{f'gan_jax.terms.labels.{name}': {'num_classes': small.CLASSES} for name in LABELS},
    **{
        f'gan_jax.terms.decorrelation.{name}': {'hidden': 8, 'size': 4}
        for name in ('barlow_twins', 'vicreg', 'uniformity')
    },
    'gan_jax.terms.label_contrast.contragan': {'num_classes': small.CLASSES, 'size': 5},
    'gan_jax.terms.label_contrast.reacgan': {'num_classes': small.CLASSES, 'size': 5},
    'gan_jax.terms.balanced.bcr_dual': {'start': 1.0},
    'gan_jax.terms.consistency.latent': {'sigma': 0.3},
    'gan_jax.terms.consistency.improved': {'sigma': 0.3},
    'gan_jax.terms.contrastive.contrad': {'hidden': 8, 'size': 8},
    'gan_jax.terms.insgen.insgen': {'sigma': 0.3, 'queue': 6, 'hidden': 8, 'size': 4},
    'gan_jax.terms.latent_contrast.cntr_latent': {'sigma': 0.3, 'hidden': 8, 'size': 4},
    'gan_jax.terms.momentum.byol': {'hidden': 8, 'size': 4},
    'gan_jax.terms.momentum.moco': {'queue': 6, 'hidden': 8, 'size': 4},
    'gan_jax.terms.latent_step.logan': {'rate': 0.5},
    'gan_jax.terms.bigan.bigan': {'size': small.LATENT, 'width': 0.04},
    'gan_jax.terms.lecam.lecam': {'decay': 1.0, 'start': 0},
    'gan_jax.terms.path_length.path_length': {'shrink': 1},
}
# Parts whose gradient is no slope, and views that the loss holds still: they stop it on purpose.
STOPPED = {
    'gan_jax.terms.balanced.bcr_weak_strong': ('d/real', 'd/fake'),
    'gan_jax.terms.contrastive.contrad': ('d/real', 'd/fake'),
    'gan_jax.terms.insgen.insgen': ('g/gen',),  # its key is a view of the same fakes
    'gan_jax.terms.san.hinge': ('d/real', 'd/fake', 'd/direction'),
    'gan_jax.terms.san.non_saturating': ('d/real', 'd/fake', 'd/direction'),
    'gan_jax.terms.san.relativistic': ('d/pair', 'd/direction'),
}
HELD = {'gan_jax.terms.balanced.bcr_weak_strong': ('real_weak', 'fake_weak')}
# Parts with a draw for each image, and the networks that a term is written for.
DRAWN = {
    'gan_jax.terms.latent_step.logan': ('d/fake', 'g/fake'),
    'gan_jax.terms.path_length.path_length': ('g/length',),
    'gan_jax.terms.tangent.tangent': ('d/real',),
}
NETS = {
    f'gan_jax.terms.san.{name}': {'logit': SanLogit()}
    for name in ('hinge', 'non_saturating', 'relativistic')
} | {
    'gan_jax.terms.bigan.bigan': {'logit': small.PairLogit()},
    'gan_jax.terms.patches.hinge': {'logit': PatchLogit(1, 1, normalised=False)},
    'gan_jax.terms.patches.non_saturating': {'logit': PatchLogit(1, 1, normalised=False)},
}


def find_factories():
    """{path: factory}: the public functions of the package whose annotation says `-> Term`."""
    found = {}
    for info in pkgutil.walk_packages(terms.__path__, 'gan_jax.terms.'):
        for name, value in vars(importlib.import_module(info.name)).items():
            own = inspect.isfunction(value) and value.__module__ == info.name
            if own and not name.startswith('_') and _returns_term(value):
                found[f'{info.name}.{name}'] = value
    return found


def _returns_term(function):
    return inspect.signature(function, eval_str=True).return_annotation is Term


FACTORIES = find_factories()


def make(path):
    return FACTORIES[path](**OPTIONS.get(path, {}))


def check_options(path):
    """The options of `check_term` for the term of that path."""
    names = {'stopped': STOPPED, 'held': HELD, 'drawn': DRAWN}
    return {n: of[path] for n, of in names.items() if path in of} | NETS.get(path, {})
