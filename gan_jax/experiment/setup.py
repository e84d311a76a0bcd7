"""Everything that a config describes, put together: what train, sample and evaluate start from."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import data, labels
from gan_jax.evaluate import protocol
from gan_jax.evaluate.context import Context, Evaluation, Unaugmented
from gan_jax.experiment import memory
from gan_jax.experiment.build import Experiment, build_experiment
from gan_jax.experiment.program import Program, make_program
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import DATA, MISSING, USAGE, PartError, UserError
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.progress import Progress, no_progress
from gan_jax.sampling.generate import WEIGHTS, make_generate, takes_labels
from gan_jax.step import make_d_gradient


class Setup(NamedTuple):
    """A run before it has a workdir; nothing is compiled yet.

    Attributes:
        settings: the resolved config, nested, as config.json holds it.
        dataset: the images to train on.
        subset: which images of `reference` these are, int32 [N]; None is all of them.
        reference: the whole train split, which metrics compare with.
        outlined: whether these are blank, in the place of images that are not here.
        experiment: networks, terms and numbers.
        program: the train step.
        at_once: how many steps are tried as one dispatch, see `schedule.at_once`. On a CPU 1: XLA
            runs the gradients of convolutions inside a loop far slower there.
        generate: (state, seed, indices) -> generated images, see `generate.make_generate`.
        check: names of metrics -> whether all was checked that they need, see `protocol.check_metrics`.
        evaluation: names of metrics -> the metrics, prepared once.
    """

    settings: Mapping[str, Any]
    dataset: data.DataSet
    subset: np.ndarray | None
    reference: data.DataSet
    outlined: bool
    experiment: Experiment
    program: Program
    at_once: int
    generate: Callable[..., Iterator[np.ndarray]]
    check: Callable[[str], bool]
    evaluation: Callable[[str], Evaluation]


def build_setup(
    settings: Mapping[str, Any],
    *,
    devices: int | None = None,
    allow: Collection[str] | None = None,
    data_dir: Path | None = None,
    outline: bool = False,
    watch: Progress = no_progress,
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
        watch: the work of preparing metrics.

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
    game = experiment.game
    given = Context(
        train=reference,
        held_out=functools.cache(lambda: load(split='test')),
        learned=dataset,
        critic=game.critic,
        num=settings['evaluate']['num'],
        batch_size=settings['batch_size'],
        d_gradient=_d_gradient(experiment),
        unaugmented=_unaugmented(settings, reference, allow, watch),
        conditional=functools.partial(takes_labels, game.generator, game.latent_dim),
        class_counts=game.class_counts,
        data_dir=(images['dir'] or None) if allow is None else data_dir,
        allow=allow,
        devices=sharding.workers(settings['mesh']['data']),
        watch=watch,
        outlined=outlined,
    )
    return Setup(
        settings,
        dataset,
        subset,
        reference,
        outlined,
        experiment,
        program,
        at_once=steps_per_dispatch(settings),
        generate=make_sampler(experiment, settings),
        check=functools.partial(protocol.check_metrics, given=given),
        evaluation=functools.cache(lambda metrics: protocol.prepare_metrics(metrics, given)),
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


def with_hyperparameters(parts: Setup, settings: Mapping[str, Any]) -> Setup:
    """The parts of a run that differs in numbers only, with the same data and compiled programs.

    Args:
        parts: of a run.
        settings: of another one that differs in seed, steps, intervals, or in what `Hyper` holds:
            term weights that stay active, strengths, learning rates; see `sweeps.groups.group`.
    """
    _, *shape = parts.dataset.images.shape
    experiment = build_experiment(
        settings,
        shape=tuple(shape),
        num_classes=parts.dataset.num_classes,
        class_counts=_class_counts(settings, parts.dataset),
    )
    return parts._replace(settings=settings, experiment=experiment)


def make_sampler(
    experiment: Experiment, settings: Mapping[str, Any], **options: Any
) -> Callable[..., Iterator[np.ndarray]]:
    """(state, seed, indices) -> images with the weights and statistics that the config names.

    Args:
        experiment: whose generator draws.
        settings: the resolved config.
        options: of `generate.make_generate`, such as a label.
    """
    game, asked = experiment.game, settings['evaluate']
    draw = make_generate(
        game.generator,
        latent_dim=game.latent_dim,
        class_counts=game.class_counts,
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


def _d_gradient(experiment: Experiment) -> Callable[..., Any]:
    game, terms, every, _ = experiment
    return jax.jit(make_d_gradient(game, terms, every=every))


def _unaugmented(
    settings: Mapping[str, Any],
    reference: data.DataSet,
    allow: Collection[str] | None,
    watch: Progress,
) -> Callable[[int], list[Unaugmented]] | None:
    folder = settings['evaluate']['unaugmented']

    def drawn(count: int) -> list[Unaugmented]:
        from gan_jax.run.unaugmented import fakes  # whose runs are put together here

        return fakes(expanded(folder), count, settings, reference, allow=allow or (), watch=watch)

    return functools.cache(drawn) if folder else None
