"""The metrics of a run, and their values for a state.

This module may import trained runs, with which the leak meter calibrates itself; `experiment` and
`evaluate` may not.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.evaluate import own
from gan_jax.evaluate.context import Context, Evaluation, Failed, Unaugmented, Values
from gan_jax.evaluate.curve import Keep
from gan_jax.evaluate.protocol import check_metrics, prepare_metrics
from gan_jax.experiment.build import Experiment
from gan_jax.experiment.schedule import evaluations_at, everything
from gan_jax.experiment.setup import Setup
from gan_jax.run import unaugmented
from gan_jax.runtime import brackets, distributed, sharding
from gan_jax.runtime.errors import sentence
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.progress import Progress, cancellable, no_progress
from gan_jax.sampling.generate import takes_labels, variables_of
from gan_jax.sampling.pairs import Pairs
from gan_jax.sampling.paths import has_w, make_paths
from gan_jax.sampling.shifts import make_shifts, takes_shift
from gan_jax.sampling.standing import has_batch_norm
from gan_jax.state import TrainState
from gan_jax.step import make_d_gradient


class Evaluator(NamedTuple):
    """The metrics of a run; each set of metrics is prepared once.

    Attributes:
        check: names of metrics, separated by commas -> whether all their needs could be checked,
            see `protocol.check_metrics`.
        prepare: names of metrics, as for `check` -> the prepared metrics, see
            `protocol.prepare_metrics`.
    """

    check: Callable[[str], bool]
    prepare: Callable[[str], Evaluation]


def make_evaluator(setup: Setup, progress: Progress = no_progress) -> Evaluator:
    """The evaluator of a run.

    Args:
        setup: the setup of the run.
        progress: reports the preparation of metrics.
    """
    settings, gan = setup.settings, setup.experiment.gan
    context = Context(
        train=setup.reference,
        held_out=setup.held_out,
        train_subset=setup.dataset,
        critic=gan.critic,
        num=settings['evaluate']['num'],
        batch_size=settings['batch_size'],
        d_gradient=_d_gradient(setup.experiment),
        unaugmented=_unaugmented(setup, progress),
        conditional=functools.partial(takes_labels, gan.generator, gan.latent_dim),
        class_counts=gan.class_counts,
        data_dir=setup.data_dir,
        allow=setup.allow,
        devices=sharding.workers(settings['mesh']['data']),
        progress=progress,
        outlined=setup.outlined,
        own=own.build(settings, setup.allow),
        pairs=_pairs(setup),
    )
    return Evaluator(
        check=functools.partial(check_metrics, given=context),
        prepare=functools.cache(lambda metrics: prepare_metrics(metrics, context)),
    )


def evaluate(
    setup: Setup,
    evaluator: Evaluator,
    evaluations: Sequence[str],
    state: TrainState,
    seed: int,
    progress: Progress = no_progress,
    failed: Failed | None = None,
    keep: Keep | None = None,
) -> Values:
    """The values of metrics for a state, on as many generated images as they need, drawn once.

    Args:
        setup: the setup of the run.
        evaluator: the evaluator of the run.
        evaluations: names of metrics that are prepared together, separated by commas; at least one.
        state: the training state.
        seed: seed of the images.
        progress: reports the work.
        failed: called with the names of metrics and the Exception that they raised; their values
            are NaN then. None lets the exception through.
        keep: called with the curves that metrics measure.
    """
    prepared = [evaluator.prepare(metrics) for metrics in evaluations]
    try:
        images = _images(setup, state, seed, max(one.num for one in prepared), progress)
        values: Values = {}
        for one in prepared:
            values |= one.measure(images, state, setup.experiment.hyper, progress, failed, keep)
        return values
    except Exception as error:
        if failed is None:
            raise
        names = brackets.split(','.join(evaluations), ',')
        failed(names, error)
        return dict.fromkeys(names, math.nan)


def evaluate_due(
    setup: Setup,
    evaluator: Evaluator,
    state: TrainState,
    step: int,
    stopped: Callable[[], int],
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics that are due at a step, and the failures among them; collective.

    Args:
        setup: the setup of the run.
        evaluator: its metrics.
        state: the state of training.
        step: the step of the state.
        stopped: from `signals.stop_on_signal`.

    Returns:
        {'eval/<name>': value}, NaN for a metric that fails, and for each metric that is due the
        sentence of its failure, '' without one.

    Raises:
        Stopped: a signal came during the evaluation.
    """
    asked, seed = evaluations_at(step, setup.settings), setup.settings['seed']
    if not asked:
        return {}, {}
    wrong = dict.fromkeys(brackets.split(','.join(asked), ','), '')

    def failed(names: Sequence[str], error: Exception) -> None:
        why = f'{", ".join(names)} failed at step {step}: {sentence(error)}'
        wrong.update(dict.fromkeys(names, why))

    # An evaluation may take minutes, and half of one gives no number: a signal cancels it.
    progress = cancellable(stopped)
    values = evaluate(setup, evaluator, asked, state, seed, progress, failed)
    # All processes must choose the same best checkpoint, so the exact values are broadcast.
    values, wrong = distributed.broadcast_json(lambda: [values, wrong])
    return {f'eval/{name}': value for name, value in values.items()}, wrong


def describe_metrics(setup: Setup, evaluator: Evaluator) -> str:
    """A line of text on the config's metrics: whether everything that they need is there.

    Raises:
        UserError: the metrics could not be computed, see `protocol.check_metrics`.
    """
    metrics = everything(setup.settings)
    if not metrics:
        return 'metrics: none'
    if evaluator.check(metrics):
        return f'metrics: {metrics}; what they need is there'
    return (
        f'metrics: {metrics}; not checked are splits, labels and numbers of images, since '
        f"'{setup.dataset.name}' is not here"
    )


def _images(
    setup: Setup, state: TrainState, seed: int, count: int, progress: Progress
) -> np.ndarray:
    """Generated images, uint8 [count, H, W, C]; [0] if count is 0."""
    if not count:
        return np.zeros(0, np.uint8)
    images, done = [], 0
    with progress('generating images') as tick:
        for batch in setup.generate(state, seed, range(count)):
            images.append(batch)
            done += len(batch)
            tick(done, count)
    return np.concatenate(images)


def _d_gradient(experiment: Experiment) -> Callable[..., Any]:
    gan, terms, every, _ = experiment
    return jax.jit(make_d_gradient(gan, terms, every=every))


def _pairs(setup: Setup) -> Pairs:
    gan, asked = setup.experiment.gan, setup.settings['evaluate']

    def of_run(make: Callable[..., Any], kind: Any) -> Callable[[TrainState, int], Any]:
        made = make(
            gan.generator,
            kind,
            latent_dim=gan.latent_dim,
            class_counts=gan.class_counts,
            latent=gan.latent,
            decoder=setup.decoder,
        )
        return lambda state, block: made(variables_of(state, asked['weights']), 0, block)

    def statistics() -> str:
        normalised = has_batch_norm(setup.program.shapes.g.variables)
        return asked['batch_norm'] if normalised else 'moving'

    return Pairs(
        functools.partial(has_w, gan.generator, gan.latent_dim),
        functools.partial(takes_shift, gan.generator, gan.latent_dim),
        statistics,
        functools.cache(functools.partial(of_run, make_paths)),
        functools.cache(functools.partial(of_run, make_shifts)),
    )


def _unaugmented(setup: Setup, progress: Progress) -> Callable[[int], list[Unaugmented]] | None:
    settings: Mapping[str, Any] = setup.settings
    folder = settings['evaluate']['unaugmented']
    if not folder:
        return None

    def drawn(count: int) -> list[Unaugmented]:
        return unaugmented.fakes(
            expanded(folder),
            count,
            settings,
            setup.reference,
            allow=setup.allow or (),
            progress=progress,
        )

    return functools.cache(drawn)
