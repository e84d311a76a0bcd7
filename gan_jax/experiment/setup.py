"""Everything that a config describes, put together: data, networks, terms and the train step."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import data, labels
from gan_jax.experiment import memory
from gan_jax.experiment.build import Experiment, build_experiment
from gan_jax.experiment.program import Program, make_program
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import DATA, MISSING, USAGE, PartError, UserError
from gan_jax.sampling.generate import WEIGHTS, make_generate


class Setup(NamedTuple):
    """A run before it has a workdir; nothing is compiled yet.

    Attributes:
        settings: the resolved config, nested, as config.json holds it.
        dataset: the images to train on.
        subset: which images of `reference` these are, int32 [N]; None is all of them.
        reference: the whole train split, which metrics compare with.
        held_out: () -> the test split at the same size; raises UserError where there is none.
        outlined: whether the images are blank, in the place of a data set that is not here.
        experiment: networks, terms and numbers.
        program: the train step.
        steps_per_dispatch: how many steps are tried as one dispatch, see
            `schedule.dispatch_length`. On a CPU 1: XLA runs the gradients of convolutions inside a
            loop far slower there.
        generate: (state, seed, indices) -> generated images, see `generate.make_generate`.
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: the folder of Inception's weights and of references, see `data.folder_of`.
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
    """The parts of the run that a config without faults describes.

    Args:
        settings: nested dicts without `config.faults`.
        devices: how many to use; None is the config's.
        allow: packages whose code the config may name, as in `load.resolve`.
        data_dir: where Inception's weights and references are kept, see `data.folder_of`, where
            `allow` is given: a config that somebody else wrote does not say where to write.
        outline: take `data.outline` where a published data set is not prepared, and no notice of
            the memory that is there.

    Raises:
        UserError: the data cannot be read, or the parts do not fit together, or into memory.
    """
    images = settings['data']
    load = functools.partial(data.load, images['name'], images['dir'] or None, size=images['size'])
    try:
        reference, outlined = load(), False
    except UserError as error:
        reference = data.outline(images['name'], images['size']) if outline else None
        if error.status == USAGE:
            raise UserError(f'config.data: {error}') from error
        if error.status != MISSING or reference is None:
            raise
        outlined = True
    dataset, subset = _part_of(reference, images)
    experiment, program = build_trainer(settings, dataset, devices=devices, allow=allow)
    if not outline:
        memory.check_memory(program.shapes)
    return Setup(
        settings,
        dataset,
        subset,
        reference,
        held_out=functools.cache(lambda: load(split='test')),
        outlined=outlined,
        experiment=experiment,
        program=program,
        steps_per_dispatch=steps_per_dispatch(settings),
        generate=make_sampler(experiment, settings),
        allow=allow,
        data_dir=(images['dir'] or None) if allow is None else data_dir,
    )


def build_trainer(
    settings: Mapping[str, Any],
    dataset: data.DataSet,
    *,
    devices: int | None = None,
    allow: Collection[str] | None = None,
) -> tuple[Experiment, Program]:
    """The networks, terms and train step that a config without faults describes, for these images.

    Args:
        settings: nested dicts without `config.faults`.
        dataset: to train on.
        devices: how many to use; None is the config's.
        allow: packages whose code the config may name, as in `load.resolve`.

    Raises:
        UserError: there are too few images, or the parts do not fit together.
    """
    if len(dataset.images) < settings['batch_size']:
        raise UserError(
            f"'{dataset.name}' gives {len(dataset.images)} images, fewer than config.batch_size "
            f'{settings["batch_size"]}: make the batch smaller',
            DATA,
        )
    asked = {'data': devices, 'model': 1} if devices else settings['mesh']
    mesh = sharding.make_mesh(
        asked['data'], settings['batch_size'], settings['accumulate'], asked['model']
    )
    try:
        experiment = build_experiment(
            settings,
            shape=dataset.images.shape[1:],
            num_classes=dataset.num_classes,
            class_counts=_class_counts(settings, dataset),
            allow=allow,
        )
        program = make_program(
            experiment,
            dataset,
            mesh,
            batch_size=settings['batch_size'],
            d_steps=settings['d_steps'],
        )
    except PartError as error:
        raise UserError(str(error)) from error
    except (TypeError, ValueError, OverflowError) as error:
        # Parts that do not fit together are the config's fault, whoever's code says so.
        raise UserError(f'the config does not work: {error}') from error
    return experiment, program


def steps_per_dispatch(settings: Mapping[str, Any]) -> int:
    """How many steps are tried as one dispatch. On a CPU 1, see `accumulation.repeat`."""
    return 1 if jax.default_backend() == 'cpu' else settings['steps_per_dispatch']


def with_hyperparameters(setup: Setup, settings: Mapping[str, Any]) -> Setup:
    """The parts of a run that differs in numbers only, with the same data and compiled programs.

    Args:
        setup: of a run.
        settings: of another one that differs in seed, steps, intervals, or in what `Hyper` holds:
            term weights that stay active, strengths, learning rates; see `sweeps.groups.group`.
    """
    _, *shape = setup.dataset.images.shape
    experiment = build_experiment(
        settings,
        shape=tuple(shape),
        num_classes=setup.dataset.num_classes,
        class_counts=_class_counts(settings, setup.dataset),
    )
    return setup._replace(settings=settings, experiment=experiment)


def make_sampler(
    experiment: Experiment, settings: Mapping[str, Any], **options: Any
) -> Callable[..., Iterator[np.ndarray]]:
    """(state, seed, indices) -> images with the weights and statistics that the config names.

    Args:
        experiment: whose generator draws.
        settings: the resolved config.
        options: of `generate.make_generate`, such as a label.
    """
    gan, asked = experiment.gan, settings['evaluate']
    draw = make_generate(
        gan.generator,
        latent_dim=gan.latent_dim,
        class_counts=gan.class_counts,
        batch_norm=asked['batch_norm'],
        devices=sharding.workers(settings['mesh']['data']),
        **options,
    )
    weights = WEIGHTS[asked['weights']]
    return lambda state, seed, indices: draw(weights(state), seed, indices)


def _part_of(
    whole: data.DataSet, settings: Mapping[str, Any]
) -> tuple[data.DataSet, np.ndarray | None]:
    if settings['fraction'] == 1:
        return whole, None
    return data.subset(whole, settings['fraction'], settings['subset_seed'])


def _class_counts(settings: Mapping[str, Any], dataset: data.DataSet) -> labels.Counts:
    return labels.counts_of(dataset.labels, dataset.num_classes, settings['latent']['labels'])
