"""The kinds of config blocks: network, term, optimiser, schedule, metric, reader of data, ...

A function's kind is its type, or the type in its return annotation.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import flax.linen as nn
import optax

from gan_jax.data import DataSet
from gan_jax.data.autoencoder import Autoencoder
from gan_jax.extractors import FeatureNetwork
from gan_jax.latents import Latent
from gan_jax.metric import Metric
from gan_jax.runtime.load import Kind
from gan_jax.runtime.ranges import FLOAT32, POSITIVE, Number
from gan_jax.runtime.writers import Writer
from gan_jax.schedules import Curve
from gan_jax.terms import Term

# Ranges of the keywords of optax's optimisers, by name. Optax's annotations allow arrays and
# schedules, which a config cannot hold.
_FRACTION, _AT_LEAST_0 = Number(0, 1, below=True), Number(0, FLOAT32)
_DTYPE = Literal['float32', 'bfloat16'] | None
OPTAX: Mapping[str, Any] = {
    **dict.fromkeys(('b1', 'b2', 'b3', 'decay', 'decay_rate', 'rho'), _FRACTION),
    'momentum': Annotated[float, _FRACTION] | None,
    **dict.fromkeys(('eps', 'trust_coefficient', 'eta_minus', 'eta_plus'), POSITIVE),
    **dict.fromkeys(('min_step_size', 'max_step_size'), POSITIVE),
    'clipping_threshold': Annotated[float, POSITIVE] | None,
    **dict.fromkeys(('eps_root', 'weight_decay', 'threshold', 'decay_offset'), _AT_LEAST_0),
    **dict.fromkeys(('initial_accumulator_value', 'initial_scale', 'eta', 'gamma'), _AT_LEAST_0),
    **dict.fromkeys(('alpha', 'beta', 'scaling', 'f_min'), Number(-FLOAT32, FLOAT32)),
    **dict.fromkeys(('mu_dtype', 'accumulator_dtype'), _DTYPE),
}


def returns(function: Any, kind: type) -> bool:
    """True for a function whose return annotation is `kind` or a subclass of it."""
    if not inspect.isfunction(function):
        return False
    promised = function.__annotations__.get('return')
    if isinstance(promised, str):  # the module has postponed annotations
        promised = function.__globals__.get(promised)
    return inspect.isclass(promised) and issubclass(promised, kind)


def _is_curve(function: Any) -> bool:
    """True for a function that is annotated to return a function of one count."""
    promised = function.__annotations__.get('return')
    return promised in (Curve, optax.Schedule) or promised == 'Curve'


def _makers(kind: type) -> Callable[[Any], bool]:
    return lambda found: returns(found, kind)


NETWORK = Kind(
    'a network',
    mark='a class of Flax modules of gan_jax.models',
    packages=('gan_jax.models',),
    fits=lambda found: inspect.isclass(found) and issubclass(found, nn.Module),
    makes=nn.Module,
    unused=('name', 'parent', 'label_table'),  # of every Flax module; given by the data
)
TERM = Kind(
    'a term',
    mark="a function of gan_jax.terms that is annotated as '-> Term'",
    packages=('gan_jax.terms',),
    fits=_makers(Term),
    makes=Term,
    reserved=('weight', 'every', 'policy', 'strength', 'probability'),
)
OPTIMIZER = Kind(
    'an optimiser',
    mark="a function of optax that is annotated as '-> GradientTransformation'",
    packages=('optax',),
    fits=_makers(optax.GradientTransformation),
    makes=optax.GradientTransformation,
    reserved=('learning_rate',),
    keywords=OPTAX,
)
LATENT = Kind(
    'a distribution of latents',
    mark="a function of gan_jax.latents or gan_jax.instances, annotated as '-> Latent'",
    packages=('gan_jax.latents', 'gan_jax.instances'),
    fits=_makers(Latent),
    makes=Latent,
    reserved=('dim', 'labels'),
)
SCHEDULE = Kind(
    'a schedule',
    mark='a function of gan_jax.schedules, or a schedule of optax',
    packages=('gan_jax.schedules', 'optax'),
    fits=lambda found: inspect.isfunction(found) and _is_curve(found),
    reserved=('unit',),
)
# A path always leads to a fork's own function: the extractors, metrics and data sets of this
# package have short names.
EXTRACTOR = Kind('a feature extractor', mark="'digits' or a function of a package of your own")
METRIC = Kind(
    'a metric',
    mark='a function of a package of your own',
    makes=Metric,
    reserved=('every',),
)
WRITER = Kind(
    'a writer',
    mark="a function of gan_jax.run that is annotated as '-> Writer'",
    packages=('gan_jax.run',),
    fits=_makers(Writer),
    makes=Writer,
)
READER = Kind(
    'a reader of data',
    mark='a function of a package of your own',
    makes=DataSet,
    reserved=(
        *('name', 'size', 'dir', 'fraction', 'subset_seed', 'held_out', 'background'),
        'autoencoder',
    ),
)
AUTOENCODER = Kind(
    'an autoencoder',
    mark="a function of gan_jax.data that is annotated as '-> Autoencoder'",
    packages=('gan_jax.data',),
    fits=_makers(Autoencoder),
    makes=Autoencoder,
)
FEATURE_NETWORK = Kind(
    'a feature network',
    mark="a function of gan_jax.extractors that is annotated as '-> FeatureNetwork'",
    packages=('gan_jax.extractors',),
    fits=_makers(FeatureNetwork),
    makes=FeatureNetwork,
)
