"""A trained generator, restored alone: without discriminator, terms or a train step.

The data are read only if its latents are made of them.
"""

import functools
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax import labels
from gan_jax.data.dataset import Training
from gan_jax.experiment import averages, config
from gan_jax.experiment.build import build_latent
from gan_jax.experiment.generator import build_generator
from gan_jax.experiment.images import build_decoder
from gan_jax.experiment.setup import load_training
from gan_jax.run import posthoc
from gan_jax.run.choose_checkpoint import read_settings, refuse_other_images, restore_step
from gan_jax.run.refusals import refuse_weights
from gan_jax.runtime import checkpoint, sharding
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.leaves import checked_tree
from gan_jax.sampling.generator import Generator, shapes_of

# The blocks of a config, and the values outside them, that generated images depend on.
BLOCKS = ('generator', 'latent', 'data.autoencoder')
KEYS = ('latent.dim', 'evaluate.weights', 'evaluate.batch_norm', 'mesh.data', 'dtype')
IMAGES = tuple(
    f'data.{key}'
    for key in ('name', 'size', 'dir', 'fraction', 'subset_seed', 'held_out', 'background')
)


class RunWeights(NamedTuple):
    """The weights of a run's generator at one of its checkpoints.

    Attributes:
        settings: the run's resolved config.
        images: what the checkpoint says of the images: 'shape', 'class_counts', 'class_names'.
        weights: name of the average, as in `generators.restore_generator`.
        step: of the checkpoint.
        leaves: arrays by their names in the network's variables.
        digest: of the checkpoint.
        data: digest of the training images.
    """

    settings: Mapping[str, Any]
    images: Mapping[str, Any]
    weights: str
    step: int
    leaves: Mapping[str, Any]
    digest: str
    data: str


def generator_of(
    folder: Path,
    run: RunWeights,
    allow: Collection[str] | None,
    batch_norm: str | None = None,
    data_dir: Path | None = None,
) -> Generator:
    """The generator of weights from `read_run`.

    Arguments and errors as of `generators.restore_generator`, for a run.
    """
    counts = labels.from_json(run.images['class_counts'])
    network = build_generator(run.settings, tuple(run.images['shape']), allow, len(counts))
    training = functools.partial(_training, folder, run, allow, data_dir)
    settings, images = run.settings, run.images
    return Generator(
        network,
        checked_tree(folder, run.step, run.leaves, shapes_of(network, settings['latent']['dim'])),
        image_shape=tuple(images.get('codes', {'image': images['shape']})['image']),
        latent_dim=settings['latent']['dim'],
        class_counts=counts,
        class_names=images['class_names'],
        step=run.step,
        latent=build_latent(settings, allow, training),
        batch_norm=batch_norm or settings['evaluate']['batch_norm'],
        devices=sharding.workers(settings['mesh']['data']),
        decoder=build_decoder(settings['data'], images.get('codes'), allow=allow),
    )


def read_run(
    folder: Path, step: str, allow: Collection[str] | None, weights: str | None = None
) -> RunWeights:
    """The weights of a run's generator, and all that is known of them.

    Arguments and errors as of `generators.restore_generator`, for a run.
    """
    settings = read_settings(
        folder, lambda settings: config.part_faults(settings, KEYS, BLOCKS, allow)
    )
    if weights is not None:
        refuse_weights(weights, settings)
    chosen = weights or settings['evaluate']['weights']
    places = _places(chosen, settings)
    read = functools.partial(checkpoint.restore_leaves, prefix=tuple(places))
    found = restore_step(folder, step, settings, read)
    images = found.metadata.get('images')
    if images is None:
        raise UserError(
            f'step {found.step} in {folder} was saved by an earlier version, without the shape of '
            'its images: use the version of the code that wrote it',
            DATA,
        )
    if averages.std_of(chosen) is None:
        leaves = _renamed(found.state, places)
    else:
        leaves = posthoc.reconstruct(folder, found.step, found.state, settings, chosen)
    return RunWeights(
        settings, images, chosen, found.step, leaves, found.digest, found.metadata['data']
    )


def _training(
    folder: Path, run: RunWeights, allow: Collection[str] | None, data_dir: Path | None
) -> Training:
    """The images that the run was trained on."""
    settings = run.settings
    if wrong := config.part_faults(settings, IMAGES, ('data',), allow):
        raise UserError('\n'.join(f'{folder}/config.json: {fault}' for fault in wrong))
    images = settings['data'] | ({} if data_dir is None else {'dir': str(data_dir)})
    training = load_training({**settings, 'data': images}, allow, data_dir)
    refuse_other_images(folder, images['name'], training.dataset, {'data': run.data})
    return training


def _places(weights: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The prefixes of the variables in a state, with their prefixes in the network."""
    if weights == 'raw':
        return {'g/params/': 'params/', 'g/stats/': ''}
    if averages.std_of(weights) is not None:
        return {f'averages/{name}/': '' for name in averages.with_std(settings['averages'])}
    return {'ema/' if weights == 'ema' else f'averages/{weights}/': ''}


def _renamed(leaves: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The leaves by their names in the variables of the network."""
    return {
        new + name.removeprefix(old): leaf
        for name, leaf in leaves.items()
        for old, new in places.items()
        if name.startswith(old)
    }
