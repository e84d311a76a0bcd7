"""A trained generator, restored alone: without discriminator, terms or a train step.

The data are read only if its latents are made of them.
"""

import argparse
import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data import classes
from gan_jax.data.autoencoder import PLAIN, Decoder
from gan_jax.data.dataset import Training
from gan_jax.experiment import averages, config
from gan_jax.experiment.build import build_latent
from gan_jax.experiment.generator import build_generator
from gan_jax.experiment.images import build_decoder
from gan_jax.experiment.setup import load_training
from gan_jax.labels import Counts
from gan_jax.latents import Latent
from gan_jax.run import posthoc
from gan_jax.run.choose_checkpoint import read_settings, refuse_other_images, restore_step
from gan_jax.run.flags import refuse_batch_norm, refuse_weights
from gan_jax.runtime import checkpoint, sharding
from gan_jax.runtime.errors import DATA, UserError
from gan_jax.runtime.leaves import by_name, check_leaves, form
from gan_jax.sampling.generate import takes_labels

# The blocks of a config, and the values outside them, that generated images depend on.
BLOCKS = ('generator', 'latent', 'data.autoencoder')
KEYS = ('latent.dim', 'evaluate.weights', 'evaluate.batch_norm', 'mesh.data', 'dtype')
IMAGES = tuple(f'data.{key}' for key in ('name', 'size', 'dir', 'fraction', 'subset_seed'))


class TrainedGenerator(NamedTuple):
    """A generator and the weights of one checkpoint.

    Attributes:
        network: (z [B, Z], label [B], train) -> images [B, H, W, C] in [0, 1], or codes.
        variables: its parameters and other collections.
        latent_dim: Z.
        latent: the distribution of the latents.
        batch_norm: the statistics that BatchNorm takes, see `generate.make_generate`.
        class_counts: proportions of the labels of generated images.
        class_names: of the training data, in the order of their numbers; None where there are none.
        devices: that the config allows.
        step: of the checkpoint.
        decoder: from what the network makes to images.
    """

    network: nn.Module
    variables: Mapping[str, Any]
    latent_dim: int
    latent: Latent
    batch_norm: str
    class_counts: Counts
    class_names: Sequence[str] | None
    devices: Sequence[jax.Device]
    step: int
    decoder: Decoder = PLAIN


def restore_from_flags(flags: argparse.Namespace) -> TrainedGenerator:
    """The generator of the run that the flags of `flags.add_flags` name.

    Raises:
        UserError: as `restore_generator`, or --batch_norm is given for a network without BatchNorm.
    """
    found = restore_generator(
        flags.workdir,
        flags.step,
        flags.allow,
        weights=flags.weights,
        batch_norm=flags.batch_norm,
        data_dir=flags.data_dir,
    )
    refuse_batch_norm(flags.batch_norm, found.variables)
    return found


def restore_generator(
    folder: Path,
    step: str,
    allow: Collection[str] | None,
    *,
    weights: str | None = None,
    batch_norm: str | None = None,
    data_dir: Path | None = None,
) -> TrainedGenerator:
    """The generator of a run at one of its checkpoints.

    Args:
        folder: the workdir.
        step: a number, 'last', or 'best', see `best.best_by`.
        allow: packages whose code its block may name, as in `load.resolve`.
        weights: 'ema', 'raw', a name in config.averages, or 'std:0.08', see `posthoc`; None is as
            config.evaluate says.
        batch_norm: see `generate.make_generate`; None is as config.evaluate says.
        data_dir: as in `trained.restore_run`, for latents that are made of the training images.

    Raises:
        UserError: no run, no such checkpoint or weights, a generator, latents or an autoencoder
            with faults or of other code, a config that is not the checkpoint's, latents of other
            images, or an autoencoder with other weights.
    """
    settings = read_settings(
        folder, lambda settings: config.part_faults(settings, KEYS, BLOCKS, allow)
    )
    asked = settings['evaluate']
    if weights is not None:
        refuse_weights(weights, settings)
    chosen = weights or asked['weights']
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
    vectors = np.zeros(images['vectors'], np.float32) if 'vectors' in images else None
    network = build_generator(settings, tuple(images['shape']), allow, vectors)
    shapes = jax.eval_shape(functools.partial(_variables, network, settings['latent']['dim']))
    check_leaves(folder, found.step, {n: form(x) for n, x in leaves.items()}, by_name(shapes))
    # By the tree of the network: names of collections may have a slash in them.
    variables = jax.tree.unflatten(
        jax.tree.structure(shapes), [leaves[name] for name in by_name(shapes)]
    )
    return TrainedGenerator(
        network,
        variables,
        settings['latent']['dim'],
        build_latent(
            settings, allow, lambda: _training(folder, settings, found.metadata, allow, data_dir)
        ),
        batch_norm or asked['batch_norm'],
        tuple(images['class_counts']),
        images['class_names'],
        sharding.workers(settings['mesh']['data']),
        found.step,
        build_decoder(settings['data'], images.get('codes'), allow=allow),
    )


def label_of(text: str, generator: TrainedGenerator) -> int:
    """The number of the class that --label names.

    Raises:
        UserError: no such class, or row of label vectors, or the generator takes no labels.
    """
    count = len(generator.class_counts)
    if not takes_labels(generator.network, generator.latent_dim):
        raise UserError(
            f'--label is {text}, and the generator of this run takes no classes: leave it out'
        )
    if getattr(generator.network, 'label_size', 0):
        return _row_of(text, count)
    return classes.number_of(text, generator.class_names, count)


def _row_of(text: str, count: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count):
        raise UserError(
            f"there is no row '{text}' in the {count} label vectors of the data: give a number "
            f'from 0 to {count - 1}, in the order of np.unique(labels, axis=0)'
        )
    return int(text)


def _training(
    folder: Path,
    settings: Mapping[str, Any],
    metadata: Mapping[str, Any],
    allow: Collection[str] | None,
    data_dir: Path | None,
) -> Training:
    """The images that the run was trained on."""
    if wrong := config.part_faults(settings, IMAGES, ('data',), allow):
        raise UserError('\n'.join(f'{folder}/config.json: {fault}' for fault in wrong))
    images = settings['data'] | ({} if data_dir is None else {'dir': str(data_dir)})
    training = load_training({**settings, 'data': images}, allow, data_dir)
    refuse_other_images(folder, images['name'], training.dataset, metadata)
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


def _variables(network: nn.Module, latent_dim: int) -> Mapping[str, Any]:
    z, label = jnp.zeros((2, latent_dim)), jnp.zeros(2, jnp.int32)
    return network.init(jax.random.key(0), z, label, train=True)
