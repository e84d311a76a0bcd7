"""The setup of a run from its config: data, networks, terms and the train step."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np

from gan_jax import data, labels
from gan_jax.data.autoencoder import Decoder
from gan_jax.data.dataset import Training, as_seen, codes_record
from gan_jax.experiment import memory
from gan_jax.experiment.build import Experiment, build_experiment, build_latent
from gan_jax.experiment.images import build_decoder, load_images, load_splits, outline_images
from gan_jax.experiment.program import Program, make_program
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import (
    DATA,
    MISSING,
    USAGE,
    PartError,
    UserError,
    blamed,
    sentence,
)
from gan_jax.sampling.generate import make_generate, variables_of


class Setup(NamedTuple):
    """A run before it has a workdir; nothing is compiled yet.

    Attributes:
        settings: the resolved config, nested, as in config.json.
        dataset: the images to train on.
        subset: indices of these images in `reference`, int32 [N]; None if they are all of it.
        reference: the whole train split, with which metrics compare.
        held_out: () -> the test split at the same size; raises UserError if there is none.
        outlined: True if blank images stand in for a data set that is not here.
        experiment: networks, terms and hyper-parameters.
        program: the train step.
        steps_per_dispatch: the largest number of steps in a dispatch, see
            `schedule.dispatch_length`. 1 on a CPU, where XLA runs the gradients of convolutions
            inside a loop far slower.
        generate: (state, seed, indices) -> generated images, see `generate.make_generate`.
        decoder: of what the generator makes.
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: the folder of published weights and of references, see `data.folder_of`.
    """

    settings: Mapping[str, Any]
    dataset: data.DataSet
    subset: np.ndarray | None
    reference: data.DataSet
    held_out: Callable[[], data.DataSet]
    outlined: bool
    experiment: Experiment
    program: Program
    steps_per_dispatch: int
    generate: Callable[..., Iterator[np.ndarray]]
    decoder: Decoder
    allow: Collection[str] | None
    data_dir: str | Path | None


def build_setup(
    settings: Mapping[str, Any],
    *,
    devices: int | None = None,
    allow: Collection[str] | None = None,
    data_dir: Path | None = None,
    outline: bool = False,
) -> Setup:
    """The setup of the run that a valid config describes.

    Args:
        settings: nested dicts without `config.faults`.
        devices: number of devices to use; None takes the config's.
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: folder of published weights and of references, see `data.folder_of`. Used only
            if `allow` is given: a config from somebody else must not choose where to write.
        outline: use `data.outline` if a published data set is not prepared, and skip the check of
            memory.

    Raises:
        UserError: the data cannot be read or decoded, networks and terms do not fit together, or
            the state does not fit into memory.
    """
    images = settings['data']
    try:
        (reference, held_out), outlined = load_splits(images, allow=allow), False
    except UserError as error:
        reference = outline_images(images, allow=allow) if outline else None
        if error.status == USAGE:
            raise UserError(f'config.data: {error}') from error
        if error.status != MISSING or reference is None:
            raise
        held_out, outlined = functools.partial(_raise, error), True
    dataset, subset = _fraction_of(reference, images)
    decoder = build_decoder(images, codes_record(dataset), allow=allow)
    kept_in = _kept_dir(settings, allow, data_dir)
    experiment, program = build_trainer(
        settings, dataset, devices=devices, allow=allow, data_dir=kept_in
    )
    if not outline:
        memory.check_memory(program.shapes)
    return Setup(
        settings,
        dataset,
        subset,
        reference,
        held_out=held_out,
        outlined=outlined,
        experiment=experiment,
        program=program,
        steps_per_dispatch=steps_per_dispatch(settings),
        generate=make_sampler(experiment, settings, decoder),
        decoder=decoder,
        allow=allow,
        data_dir=kept_in,
    )


def load_training(
    settings: Mapping[str, Any],
    allow: Collection[str] | None = None,
    data_dir: Path | None = None,
) -> Training:
    """The images that a config trains on, for its latents; arguments as in `build_setup`.

    Raises:
        UserError: as `load_images`.
    """
    dataset, _ = _fraction_of(load_images(settings['data'], allow=allow), settings['data'])
    return Training(dataset, _kept_dir(settings, allow, data_dir), allow)


def build_trainer(
    settings: Mapping[str, Any],
    dataset: data.DataSet,
    *,
    devices: int | None = None,
    among: Sequence[jax.Device] | None = None,
    allow: Collection[str] | None = None,
    data_dir: str | Path | None = None,
) -> tuple[Experiment, Program]:
    """The networks, terms and train step that a valid config describes, for a data set.

    Args:
        settings: nested dicts without `config.faults`.
        dataset: the images to train on.
        devices: number of devices to use; None takes the config's.
        among: the devices to take them from; None is `jax.devices()`.
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: the folder for what latents keep about the images, see `data.folder_of`.

    Raises:
        UserError: there are too few images, networks and terms do not fit together, or as
            `build_latent`.
    """
    if len(dataset.images) < settings['batch_size']:
        raise UserError(
            f"'{dataset.name}' gives {len(dataset.images)} images, fewer than config.batch_size "
            f'{settings["batch_size"]}: make the batch smaller',
            DATA,
        )
    asked = {'data': devices, 'model': 1} if devices else settings['mesh']
    mesh = sharding.make_mesh(
        asked['data'], settings['batch_size'], settings['accumulate'], asked['model'], among
    )
    training, seen = Training(dataset, data_dir, allow), as_seen(dataset)
    try:
        experiment = build_experiment(
            settings,
            shape=seen.images.shape[1:],
            num_classes=dataset.num_classes,
            class_counts=_class_counts(settings, dataset),
            vectors=dataset.vectors and dataset.vectors.table,
            latent=build_latent(settings, allow, lambda: training),
            allow=allow,
        )
        program = make_program(
            experiment,
            seen,
            mesh,
            batch_size=settings['batch_size'],
            d_steps=settings['d_steps'],
        )
    except PartError as error:
        raise UserError(str(error)) from error
    except (TypeError, ValueError, OverflowError) as error:
        # These come from networks and terms that do not fit together: a fault of the config.
        raise UserError(f'the config does not work: {error}{blamed(error)}') from error
    except Exception as error:
        if not (where := blamed(error)):
            raise
        raise UserError(f'the config does not work: {sentence(error)}{where}') from error
    return experiment, program


def steps_per_dispatch(settings: Mapping[str, Any]) -> int:
    """The largest number of steps in a dispatch; 1 on a CPU, see `accumulation.repeat`."""
    return 1 if jax.default_backend() == 'cpu' else settings['steps_per_dispatch']


def with_hyperparameters(setup: Setup, settings: Mapping[str, Any]) -> Setup:
    """The setup of a run that differs in numbers only, with the same data and compiled programs.

    Args:
        setup: the setup of a run.
        settings: the config of another run. It may differ in seed, steps, intervals and the fields
            of `Hyper`: term weights that stay active, strengths, learning rates; see
            `sweeps.groups.group`.
    """
    _, *shape = as_seen(setup.dataset).images.shape
    experiment = build_experiment(
        settings,
        shape=tuple(shape),
        num_classes=setup.dataset.num_classes,
        class_counts=_class_counts(settings, setup.dataset),
        vectors=setup.dataset.vectors and setup.dataset.vectors.table,
        latent=setup.experiment.gan.latent,
    )
    return setup._replace(settings=settings, experiment=experiment)


def make_sampler(
    experiment: Experiment, settings: Mapping[str, Any], decoder: Decoder
) -> Callable[..., Iterator[np.ndarray]]:
    """A function (state, seed, indices) -> images, with the config's weights and statistics.

    Args:
        experiment: the experiment with the generator.
        settings: the resolved config.
        decoder: of what the generator makes.
    """
    gan, asked = experiment.gan, settings['evaluate']
    draw = make_generate(
        gan.generator,
        latent_dim=gan.latent_dim,
        class_counts=gan.class_counts,
        latent=gan.latent,
        batch_norm=asked['batch_norm'],
        devices=sharding.workers(settings['mesh']['data']),
        decoder=decoder,
    )
    weights = asked['weights']
    return lambda state, seed, indices: draw(variables_of(state, weights), seed, indices)


def _raise(error: UserError) -> NoReturn:
    raise error


def _fraction_of(
    reference: data.DataSet, settings: Mapping[str, Any]
) -> tuple[data.DataSet, np.ndarray | None]:
    if settings['fraction'] == 1:
        return reference, None
    return data.subset(reference, settings['fraction'], settings['subset_seed'])


def _kept_dir(
    settings: Mapping[str, Any], allow: Collection[str] | None, data_dir: Path | None
) -> str | Path | None:
    """`Setup.data_dir`: a config from somebody else must not choose where to write."""
    return (settings['data']['dir'] or None) if allow is None else data_dir


def _class_counts(settings: Mapping[str, Any], dataset: data.DataSet) -> labels.Counts:
    choice = settings['latent']['labels']
    if dataset.vectors is not None:
        return labels.counts_of(dataset.vectors.rows, len(dataset.vectors.table), choice)
    return labels.counts_of(dataset.labels, dataset.num_classes, choice)
