"""Metrics of the discriminator: of its features, its logits and its gradients.

The metrics of `probes` take features of held-out images, and so do 'effective_rank' and
'intrinsic_dimension', see `dimension`; 'overfitting' and 'sensitivity' take logits, see `logits`.
'gsnr' takes gradients of the whole loss over batches of D's training images, see `gsnr`; a gradient
costs half a training step, and the first one a compilation.

Products are in full float32 on every device, where training takes the device's default; a network
in bfloat16 stays one.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.dataset import DataSet, as_seen, label_size, label_words, labels_of
from gan_jax.evaluate import dimension, logits, probes
from gan_jax.evaluate.context import Check, Context, Evaluation, Values, refuse_few_reals
from gan_jax.evaluate.features import in_batches
from gan_jax.evaluate.gsnr import gsnr
from gan_jax.evaluate.names import DISCRIMINATOR
from gan_jax.keys import named
from gan_jax.models.conditions import exchanged
from gan_jax.models.critic import reads_of
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Progress, ProgressFn, no_progress
from gan_jax.state import Hyper, TrainState

BATCH = 100  # images in one pass of the discriminator
LEAST = {'intrinsic_dimension': dimension.NEIGHBOURS + 1}  # images
BATCHES = 32  # of gsnr, a gradient each

LogitOf = Callable[..., np.ndarray]  # (variables, images, labels) -> [N]


def checks(asked: Sequence[str], given: Context) -> Iterator[Check]:
    """Checks that D judges images alone, and that the images and labels of a metric are there."""
    return (functools.partial(_check, name, given) for name in asked)


def _check(name: str, given: Context) -> None:
    if name not in HELD_OUT:
        return
    if given.train.codes is not None:
        raise UserError(
            f"the metric '{name}' shows the discriminator images, and the one of this config sees "
            'codes of an autoencoder: leave it out'
        )
    if reads := reads_of(given.critic):
        raise UserError(
            f"the metric '{name}' shows the discriminator images alone, and the one of this config "
            f"reads '{reads[0]}' beside them: leave it out"
        )
    train, held_out = given.split('train'), given.split('test')
    if name in probes.LABELLED and (train.labels is None or held_out.labels is None):
        raise UserError(
            f"the metric '{name}' needs classes and '{train.name}' has {label_words(train)}: leave "
            'it out'
        )
    if name in LOGITS and label_size(train) != label_size(held_out):
        raise UserError(
            f"the metric '{name}' shows the discriminator test images with their labels, and the "
            f'train split has {label_words(train)}, the test split {label_words(held_out)}: leave '
            'it out'
        )
    refuse_few_reals(name, held_out, 'test', LEAST.get(name, 2))


def prepare(asked: Sequence[str], given: Context) -> Evaluation:
    """The given metrics of NAMES, ready to be computed."""
    features_of, logit_of = (output_of(given.critic, name) for name in ('features', 'logit'))
    probed = [name for name in asked if name in probes.NAMES]
    spread = [name for name in asked if name in DIMENSIONS]

    def measure(images, state, hyper, progress: Progress = no_progress) -> Values:
        values, variables = {}, state.d.variables
        if probed:
            features = functools.partial(features_of, variables)
            found = probes.probe(features, given.train, given.held_out())
            values |= {name: found[name] for name in probed}
        if spread:
            found = features_of(variables, probes.some(given.held_out()).images)
            values |= {name: DIMENSIONS[name](found) for name in spread}
        for name in asked:
            if name in LOGITS:
                values |= LOGITS[name](logit_of, variables, given, images[: given.num])
        if 'gsnr' in asked:
            with progress('gsnr') as tick:
                gradients = _gradients(given, state, hyper, tick)
                values |= gsnr(gradients, batch_size=given.batch_size)
        return values

    protocol = {}
    if probed:
        protocol['probes'] = f'features of D, test images under {probes.POLICY}'
    if spread:
        protocol['dimensions'] = {
            'images': len(probes.some(given.held_out()).images),
            **({'k': dimension.NEIGHBOURS} if 'intrinsic_dimension' in spread else {}),
            'version': dimension.VERSION,
        }
    if 'gsnr' in asked:
        protocol['gsnr'] = (
            f'{BATCHES} batches of {given.batch_size}, {len(given.train_subset.images)} images'
        )
    return Evaluation(given.num if 'overfitting' in asked else 0, measure, protocol)


def output_of(critic: nn.Module, name: str, batch: int = BATCH) -> Callable[..., np.ndarray]:
    """An output of the discriminator, in evaluation mode, on one device.

    Args:
        critic: the discriminator.
        name: 'features', which do not depend on labels, or 'logit'.
        batch: images in one pass.

    Returns:
        (variables, images uint8 [N, H, W, C], labels int32 [N], by default zeros) -> float32
        [N, ...].
    """

    @jax.jit
    def of_batch(variables, given):
        images, label = given
        images = images.astype(jnp.float32) / 255
        with jax.default_matmul_precision('highest'):
            return critic.apply(variables, images, label, train=False)[name]

    def of_all(variables, images, labels=None):
        variables = jax.device_put(variables, jax.local_devices()[0])
        labels = np.zeros(len(images), np.int32) if labels is None else labels
        return in_batches(functools.partial(of_batch, variables), (images, labels), batch)

    return of_all


def _overfitting(of: LogitOf, variables: Any, given: Context, fakes: np.ndarray) -> Values:
    train, held_out = probes.some(given.train_subset), probes.some(given.held_out())
    return logits.overfitting(
        of(variables, train.images, labels_of(train)),
        of(_with_labels(variables, held_out), held_out.images, labels_of(held_out)),
        of(variables, fakes, given.generated_labels(len(fakes))),
    )


def _sensitivity(of: LogitOf, variables: Any, given: Context, fakes: np.ndarray) -> Values:
    del fakes
    held_out = probes.some(given.held_out())
    logit = functools.partial(of, _with_labels(variables, held_out), labels=labels_of(held_out))
    found = logits.sensitivity(logit, held_out.images)
    return {f'sensitivity_{name}': value for name, value in found.items()}


def _with_labels(variables: Any, dataset: DataSet) -> Any:
    """D's variables with the label vectors of another split, whose rows are others."""
    vectors = dataset.vectors
    return variables if vectors is None else exchanged(variables, vectors.table)


def _gradients(given: Context, state: TrainState, hyper: Hyper, tick: ProgressFn) -> Iterator[Any]:
    """D's gradients over batches of its training images, each with new fakes and random draws."""
    state = jax.device_put(state, jax.local_devices()[0])
    train_subset, labels = as_seen(given.train_subset).images, labels_of(given.train_subset)
    for i in range(BATCHES):
        # With replacement: without, the batches of a small data set would differ too little.
        rows = np.random.default_rng([0, i]).integers(len(train_subset), size=given.batch_size)
        index = rows.astype(np.int32)
        batch = {'image': np.asarray(train_subset[rows]), 'label': labels[rows], 'index': index}
        with jax.default_matmul_precision('highest'):
            gradient = given.d_gradient(state, batch, named(jax.random.key(0), 'gsnr', i), hyper)
        yield gradient
        tick(i + 1, BATCHES)


DIMENSIONS = {
    'effective_rank': dimension.effective_rank,
    'intrinsic_dimension': dimension.intrinsic_dimension,
}
LOGITS = {'overfitting': _overfitting, 'sensitivity': _sensitivity}
NAMES = DISCRIMINATOR
HELD_OUT = (*probes.NAMES, *DIMENSIONS, *LOGITS)  # these take the test split


def knows(name: str) -> bool:
    """True if the name is one of NAMES."""
    return name in NAMES
