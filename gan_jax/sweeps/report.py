"""The report of a sweep: its figure with error bars, its tables, its paired differences."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gan_jax.reports import build, charts, limits, markup, read, sections
from gan_jax.reports.curves import Curve, finite
from gan_jax.reports.markup import DASH, Cell
from gan_jax.reports.page import Page
from gan_jax.reports.sections import Training
from gan_jax.runtime import workdir
from gan_jax.sweeps import record, results
from gan_jax.sweeps.arms import keys, label, only, varied
from gan_jax.sweeps.charts import figure_charts, named
from gan_jax.sweeps.grid import Sweep
from gan_jax.sweeps.results import Result
from gan_jax.sweeps.statistics import Difference, paired, summary
from gan_jax.sweeps.table import by_seed, finished, metrics, number, plus_minus, values_of, varying

Results = Mapping[str, Result]

is_sweep = record.is_sweep
ROWS = 500  # of the table of runs, at most
CURVES = 8  # arms whose curves are drawn: as many as there are colours


def report(folder: Path, training_of: Callable[[Path], Training], live: str = '') -> bytes:
    """The page of a sweep.

    Args:
        folder: its workdir.
        training_of: workdir of a run -> the images that it is trained on, or why there are none.
        live: as in `Page.html`.

    Raises:
        UserError: as `record.read`, or the workdir has links (65).
    """
    sweep, title = record.read(folder)
    workdir.refuse_links(folder)
    found = {run.name: _sound(folder / run.name, run.settings['steps']) for run in sweep.runs}
    page = Page(title, build.subtitle())
    page.section('overview', 'Overview', *_overview(sweep, found))
    page.section('figure', 'Figure', *_figure(page, sweep, found))
    page.section('arms', 'Arms', *_arms(sweep, found))
    page.section('contrasts', 'Contrasts', *_contrasts(sweep, found))
    page.section('progress', 'Progress', *_progress(page, sweep, found))
    page.section('runs', 'Runs', _runs(sweep, found))
    _examples(page, folder, sweep, training_of)
    return page.html(live)


def _sound(folder: Path, steps: int) -> Result:
    """The result of a run with numbers alone: its files may be from somebody else."""
    found = results.read_result(folder, steps)
    rows = [
        (step, {name: finite(value) for name, value in values.items()})
        for step, values in found.evaluations
    ]
    reason = found.reason if isinstance(found.reason, str) else ''
    return found._replace(evaluations=tuple(rows), reason=reason)


def _overview(sweep: Sweep, found: Results) -> list[str]:
    statuses = [one.status for one in found.values()]
    said = [
        ('runs', len(sweep.runs)),
        *((word, statuses.count(word)) for word in dict.fromkeys(statuses)),
        ('arms', len(sweep.arms)),
        ('seeds', len({run.seed for run in sweep.runs})),
        ('metric', f'{sweep.metric}, {"higher" if sweep.higher else "lower"} is better'),
        ('baseline', named(sweep, sweep.baseline)),
    ]
    constant = only(sweep.arms[0], [k for k in keys(sweep.arms) if k not in varied(sweep.arms)])
    said += [('all runs', label(constant))] if constant else []
    failed = [f'{name}: {one.reason}' for name, one in found.items() if one.status == 'failed']
    return [markup.pairs(said), markup.bullets(failed, 'warnings')]


def _figure(page: Page, sweep: Sweep, found: Results) -> list[str]:
    if not any(values_of(sweep, found, arm) for arm in sweep.arms):
        names = ', '.join(dict.fromkeys(n for one in found.values() for n in one.values))
        return [markup.note(f'No finished run has {sweep.metric}; measured are: {names or DASH}.')]
    words = markup.note(
        'Points are means over seeds, bars one standard deviation to both sides, small dots the '
        'seeds. A dashed line is the baseline.'
    )
    drawn = [page.chart(spec) for spec in figure_charts(sweep, found)]
    return [words, f'<div class="charts">{"".join(drawn)}</div>']


def _arms(sweep: Sweep, found: Results) -> list[str]:
    columns, (first, *others) = varied(sweep.arms), metrics(sweep, found)
    baseline = by_seed(sweep, found, sweep.baseline, first)
    against = f'difference to {named(sweep, sweep.baseline)}'
    head = ['arm', *columns, 'runs', first, against, '95 % interval', 'pairs', 'outcome', *others]
    rows = []
    for arm in sweep.arms:
        values = by_seed(sweep, found, arm, first)
        own = arm == sweep.baseline
        difference = None if own else paired(values, baseline)
        outcome = 'baseline' if own else verdict(difference, higher=sweep.higher)
        rows.append(
            [
                Cell(named(sweep, arm)),
                *(Cell(arm.get(key, DASH), finite(arm.get(key))) for key in columns),
                Cell(finished(sweep, found, arm)),
                _summary(values),
                *_difference(difference),
                Cell(outcome),
                *(_summary(by_seed(sweep, found, arm, name)) for name in others),
            ]
        )
    words = (
        'Mean ± standard deviation over training seeds at the last step. Differences are paired by '
        "seed; the interval is Student's, for each by itself. Where it holds 0 the arms are not "
        'told apart.'
    )
    return [markup.note(words), markup.table('Arms', head, rows, sorts=True)]


def verdict(difference: Difference | None, *, higher: bool) -> str:
    """The outcome of a paired comparison: 'better', 'worse', 'not told apart', or too few pairs.

    Args:
        difference: from `paired`.
        higher: True if higher values are better.
    """
    if difference is None or difference.count < 2:
        return 'too few pairs'
    if not (difference.low > 0 or difference.high < 0):
        return 'not told apart'
    return 'better' if (difference.low > 0) == higher else 'worse'


def _difference(found: Difference | None) -> list[Cell]:
    """Cells: the mean, the interval, and the number of pairs."""
    if found is None:
        return [Cell(DASH), Cell(DASH), Cell(0, 0)]
    half = (found.high - found.low) / 2
    mean, low, high = (number(value, half) for value in found[:3])
    interval = f'[{low}, {high}]' if found.count > 1 else DASH
    count = Cell(found.count, found.count)
    return [Cell(mean, found.mean), Cell(interval, finite(found.low)), count]


def _summary(values: Mapping[int, float]) -> Cell:
    found = summary([*values.values()])
    return Cell(plus_minus(found), found.mean if found else None)


def _contrasts(sweep: Sweep, found: Results) -> list[str]:
    rows = []
    for one, other in sweep.contrasts:
        for name in varying(sweep, found):
            values = (by_seed(sweep, found, arm, name) for arm in (one, other))
            difference = paired(*values)
            # Of other metrics nobody has said what is better.
            outcome = verdict(difference, higher=sweep.higher) if name == sweep.metric else DASH
            cells = [named(sweep, one), named(sweep, other), name]
            rows.append([*map(Cell, cells), *_difference(difference), Cell(outcome)])
    head = ['arm', 'against', 'metric', 'difference', '95 % interval', 'pairs', 'outcome']
    caption = 'Paired differences between arms'
    return [markup.table(caption, head, rows, sorts=True)] if rows else []


def _progress(page: Page, sweep: Sweep, found: Results) -> list[str]:
    """The metric over steps, each arm's mean over its seeds."""
    curves = {}
    for arm in sweep.arms:
        runs = [found[run.name] for run in sweep.runs if run.arm == arm]
        if curve := _mean_curve(runs, sweep.metric):
            curves[named(sweep, arm)] = curve
    if not curves:
        return []
    some = dict([*curves.items()][:CURVES])
    left_out = len(curves) - len(some)
    words = 'Means over the seeds that have reached a step.'
    words += f' The first {CURVES} arms are drawn, {left_out} are not.' if left_out else ''
    chart = page.chart(charts.lines(sweep.metric, some))
    return [markup.note(words), chart]


def _mean_curve(runs: Sequence[Result], metric: str) -> Curve | None:
    values: dict[int, list[float]] = {}
    for run in runs:
        for step, row in run.evaluations:
            if row.get(metric) is not None:
                values.setdefault(step, []).append(row[metric])
    steps = sorted(values)
    means = tuple(sum(values[step]) / len(values[step]) for step in steps)
    return Curve(tuple(steps), means) if steps else None


def _runs(sweep: Sweep, found: Results) -> str:
    columns, names = varied(sweep.arms), metrics(sweep, found)
    rows = []
    for run in sweep.runs[:ROWS]:
        one = found[run.name]
        rows.append(
            [
                Cell(run.name),
                *(Cell(run.arm.get(key, DASH), finite(run.arm.get(key))) for key in columns),
                Cell(run.seed, run.seed),
                Cell(one.status),
                Cell(one.step, one.step),
                *(Cell(markup.number(v), v) for v in (one.values.get(name) for name in names)),
            ]
        )
    head = ['run', *columns, 'seed', 'status', 'step', *names]
    some = '' if len(rows) == len(sweep.runs) else f', the first {ROWS} of {len(sweep.runs)}'
    return markup.table(f'Runs{some}', head, rows, sorts=True)


def _examples(
    page: Page, folder: Path, sweep: Sweep, training_of: Callable[[Path], Training]
) -> None:
    """Samples, and the configs, of the first run of each arm."""
    first = {named(sweep, run.arm): run.name for run in reversed(sweep.runs)}
    places = {name: folder / first[name] for name in first}
    order = [named(sweep, arm) for arm in sweep.arms if named(sweep, arm) in places]
    there = [(n, places[n]) for n in order if (places[n] / 'config.json').exists()]
    runs = [read.read_run(place, name) for name, place in there[: limits.RUNS]]
    if runs:
        training = [training_of(runs[0].folder), *([''] * (len(runs) - 1))]
        sections.samples(page, runs, training)
        sections.configs(page, runs)
