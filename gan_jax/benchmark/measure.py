"""All measurements of one config: first whole steps, then single augmentations."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gan_jax.benchmark import augmentations, compiled
from gan_jax.benchmark.baselines import Baselines
from gan_jax.benchmark.collectives import collectives
from gan_jax.benchmark.flops import Work
from gan_jax.benchmark.roofline import Roofline, make_roofline
from gan_jax.benchmark.timing import Candidate, Timings, interleave, spread
from gan_jax.benchmark.workload import Settings, Workload, left_out, make_workload, state_of
from gan_jax.experiment.feed import make_feed
from gan_jax.runtime import sharding
from gan_jax.runtime.progress import Progress, no_progress

NO_BASELINES = Baselines({}, {})


class Steps(NamedTuple):
    """The candidates of whole steps, compiled.

    Attributes:
        step: of the whole config.
        peak: bytes in use after its first step, see `compiled.peak_in_use`.
        candidates: 'step', 'loop', and the step of every config with parts left out.
        work: of all candidates but 'loop'.
        removed: part that is left out -> the candidate without it.
        alone: the candidate with the adversarial term alone.
    """

    step: compiled.Compiled
    peak: int | None
    candidates: dict[str, Candidate]
    work: dict[str, Work]
    removed: dict[str, str]
    alone: str


def measure(
    whole: Workload,
    repeats: int,
    *,
    parts: bool = True,
    baselines: Callable[[], Baselines] = lambda: NO_BASELINES,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """The cost of a config, as JSON.

    Seconds are of one step: median, least and greatest of the turns; a ratio is taken turn by turn.
    'step' is the compiled step, back to back, with its arguments on the device already; 'loop' is
    `train`'s loop between two events, the feed included. The host gap is the share of the loop's
    time in which the device waits, 1 - step / loop.

    Args:
        whole: the workload of the config.
        repeats: turns.
        parts: measure the cost of terms and augmentations too, which compiles dozens of programs.
        baselines: makes the candidates of other frameworks.
        progress: reports the work.

    Raises:
        UserError: another framework has no equivalent of the config.
    """
    steps = _compiled(whole, parts, progress)
    roofline = make_roofline(whole.mesh, whole.settings['dtype'])
    others = baselines()
    candidates = {**steps.candidates, 'roofline': roofline.take, **others.candidates}
    with progress('measuring steps') as tick:
        turns = interleave(candidates, repeats, least=_least(), tick=tick)
    seconds, work = turns.seconds, steps.work
    images = whole.settings['d_steps'] * whole.settings['batch_size']
    gap = {'host_gap': spread(1 - seconds['step'] / seconds['loop'])}
    measured = {n: _baseline(turns, n, images) for n in others.candidates}
    return {
        'step': _timed(turns, 'step', images),
        'loop': _timed(turns, 'loop', images) | gap,
        'work': {'counted': work['step']._asdict(), 'xla_per_device': _by_xla(steps.step.call)},
        'roofline': _share_of_roofline(turns, roofline, work['step'].needed),
        'memory': {
            'planned_per_device': compiled.memory(steps.step.call),
            'peak_in_use': steps.peak,
        },
        'communication': _communication(whole, steps.step.call),
        'compile': {'lower': steps.step.lower, 'compile': steps.step.compile},
        'left_out': {
            what: _ratios(seconds['step'], seconds[name], work['step'], work[name])
            for what, name in steps.removed.items()
        },
        'augmentations': (
            _augmentations(whole, steps.candidates[steps.alone], repeats, progress)
            if parts
            else {'ops': {}, 'policies': {}}
        ),
        'against': {**measured, **others.absent},
    }


def _compiled(whole: Workload, parts: bool, progress: Progress) -> Steps:
    with progress('compiling') as tick:
        with compiled.uncached():
            made = compiled.compile_step(whole.program)
        first = whole.program.init(whole.experiment.hyper)
        loop = compiled.as_trained(whole, state_of(first, first))
        loop(1)
        peak = compiled.peak_in_use()  # of a run alone: nothing else is on the device yet

        # One more copy of the data on the device, which all steps share.
        gan, size = whole.experiment.gan, whole.settings['batch_size']
        batches, reals = gan.batches(whole.settings['d_steps']), gan.latent.reals
        feed = make_feed(whole.dataset, whole.mesh, batch_size=size, rows=batches, reals=reals)
        held, rows = feed.resident(), feed.index_batch(whole.settings['seed'], 0)

        def back_to_back(one: Workload, call: jax.stages.Compiled) -> Candidate:
            hyper = jax.device_put(one.experiment.hyper, sharding.replicated(one.mesh))
            return compiled.back_to_back(
                call, state_of(first, one.program.shapes), held, rows, hyper
            )

        removed, alone, fewer = _with_less(whole) if parts else ({}, 'step', {})
        candidates = {'step': back_to_back(whole, made.call), 'loop': loop}
        work = {'step': whole.work()}
        for i, (name, one) in enumerate(fewer.items()):
            tick(i + 1, len(fewer) + 1)
            candidates[name] = back_to_back(one, compiled.compile_step(one.program).call)
            work[name] = one.work()
    return Steps(made, peak, candidates, work, removed, alone)


def _with_less(whole: Workload) -> tuple[dict[str, str], str, dict[str, Workload]]:
    """The candidates with parts left out.

    Returns:
        part that is left out -> the name of the candidate without it; the name of the candidate
        with the adversarial term alone; and name -> workload for all of them, each config once.
    """
    removed, alone = left_out(whole.settings)
    known: list[tuple[str, Settings]] = [('step', whole.settings)]
    names = {}
    for what, settings in {**removed, 'all of these': alone}.items():
        name = next((n for n, s in known if s == settings), f'without {what}')
        if name not in dict(known):
            known.append((name, settings))
        names[what] = name
    fewer = {name: make_workload(settings, whole.dataset) for name, settings in known[1:]}
    alone = names['all of these']
    if len(removed) < 2:
        del names['all of these']
    return names, alone, fewer


def _least() -> float:
    """Seconds of a turn; few on a CPU, which does not run asynchronously."""
    return 0.05 if jax.default_backend() == 'cpu' else 0.5


def _timed(turns: Timings, name: str, images: int) -> dict[str, Any]:
    seconds = spread(turns.seconds[name])
    rate = images / seconds['median']
    return {'seconds': seconds, 'images_per_second': rate, 'steps_a_turn': turns.steps[name]}


def _by_xla(call: jax.stages.Compiled) -> dict[str, float]:
    cost = call.cost_analysis() or {}
    names = {'flops': 'flops', 'bytes': 'bytes accessed'}
    return {ours: float(cost[xlas]) for ours, xlas in names.items() if xlas in cost}


def _communication(whole: Workload, call: jax.stages.Compiled) -> dict[str, Any]:
    found = collectives(call.as_text())
    return {'gradients': whole.gradients(), 'collectives': [one._asdict() for one in found]}


def _share_of_roofline(turns: Timings, roofline: Roofline, needed: int) -> dict[str, Any]:
    product, step = turns.seconds['roofline'], turns.seconds['step']
    floor = needed / roofline.flops * product
    return {
        'size': roofline.size,
        'flops_per_second': spread(roofline.flops / product),
        'achieved': spread(needed / step),
        'share': spread(floor / step),
        'floor_seconds': spread(floor),
    }


def _ratios(seconds, without, work, work_without) -> dict[str, Any]:
    flops = work.needed / work_without.needed
    time = seconds / without
    return {'time': spread(time), 'flops': flops, 'time_over_flops': spread(time / flops)}


def _baseline(turns: Timings, name: str, images: int) -> dict[str, Any]:
    # The baselines draw the images of each step themselves, as the loop does and 'step' does not.
    ratio = spread(turns.seconds['loop'] / turns.seconds[name])
    return {**_timed(turns, name, images), 'loop_over_this': ratio}


def _augmentations(
    whole: Workload, alone: Candidate, repeats: int, progress: Progress
) -> dict[str, Any]:
    """Every op and every policy of the config, as shares of the step with one term alone."""
    recipes = {
        'ops': augmentations.ops(),
        'policies': augmentations.policies_of(whole.settings),
    }
    augments = {
        (name, part): take
        for kind in recipes.values()
        for name, recipe in kind.items()
        for part, take in augmentations.candidates(recipe, whole).items()
    }
    with progress('measuring augmentations') as tick:
        turns = interleave({'alone': alone, **augments}, repeats, least=_least(), tick=tick)

    def cost(name):
        forward, through = (turns.seconds[name, part] for part in ('forward', 'through'))
        both = whole.settings['d_steps'] * forward + through
        return {
            'forward': spread(forward),
            'through': spread(through),
            'share': spread(both / turns.seconds['alone']),
        }

    return {kind: {name: cost(name) for name in names} for kind, names in recipes.items()}
