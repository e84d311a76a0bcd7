"""The sections of a report on one run or several: what the workdirs hold, as HTML and charts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import spaced
from gan_jax.evaluate.names import is_distance
from gan_jax.reports import charts, curves, markup, nearest, pictures
from gan_jax.reports.curves import finite
from gan_jax.reports.families import FLOOR, Family, families
from gan_jax.reports.markup import DASH, Cell, number, text
from gan_jax.reports.page import Page
from gan_jax.reports.read import RunRecord
from gan_jax.sampling.pictures import grid, ungrid

ROOM = 1_800_000  # bytes of all pictures of samples
REALS = 64  # in the grid of real images, as many as a picture of samples has
ROOM_OF_GRIDS = 300_000  # bytes of all grids of real images, of all of nearest ones, of all figures
TOGETHER = 16_000  # points of all curves of a page, about
CLASSES = 200  # names that are listed
SCORES = 60  # files of scores that are shown
FIGURES = 4  # of such a file
Training = np.ndarray | str  # uint8 [N, H, W, C], or why there are none; '': they are shown above


def overview(page: Page, runs: Sequence[RunRecord]) -> None:
    """The state of each run, its warnings and failures, and its newest numbers."""
    parts = [_status_table(runs)]
    for run in runs:
        of = f' of {run.name}' if len(runs) > 1 else ''
        said = [*_sentences(run.status.get('warnings')), *run.failures[-5:]]
        parts += [_alarms(run, of)]
        if said:
            parts += [f'<h3>Warnings{text(of)}</h3>', markup.bullets(said, 'warnings')]
    page.section('overview', 'Overview', *parts)


def _status_table(runs: Sequence[RunRecord]) -> str:
    head = ['run', 'status', 'step', 'of', 'written', 'best by', 'value', 'at step', 'last']
    rows = []
    for run in runs:
        metric = next(filter(_is_distance, run.curves), '')
        curve = run.curves.get(metric)
        least = min(zip(curve.values, curve.steps, strict=True)) if curve else (None, None)
        rows.append(
            [
                Cell(run.name),
                Cell(_word(run.status.get('status'), 'not begun')),
                _whole(run.status.get('step')),
                _whole(run.settings.get('steps')),
                Cell(_word(run.status.get('time'), DASH)),
                Cell(metric.removeprefix('eval/') or DASH),
                Cell(number(least[0]), least[0]),
                _whole(least[1]),
                Cell(number(curve.last), curve.last) if curve else Cell(DASH),
            ]
        )
    several = len(runs) > 1
    caption = 'State of the runs' if several else 'State of the run'
    return markup.table(caption, head, rows, sorts=several)


def _alarms(run: RunRecord, of: str) -> str:
    reason = run.status.get('reason')
    if run.status.get('status') != 'failed' or not isinstance(reason, str):
        return ''
    return f'<p class="alarm"><strong>Failed{text(of)}:</strong> {text(reason)}</p>'


def samples(page: Page, runs: Sequence[RunRecord], training: Sequence[Training]) -> None:
    """The pictures of each run over time, beside real images."""
    room, most = ROOM // len(runs), max(4, pictures.FRAMES // len(runs))
    parts = []
    for run, images in zip(runs, training, strict=True):
        found, unreadable = pictures.frames(run.pictures, room, most)
        if len(runs) > 1:
            parts.append(f'<h3>{text(run.name)}</h3>')
        if unreadable:
            parts.append(markup.note(f'Pictures that cannot be read: {unreadable}.'))
        player = _player(run, found) if found else markup.note('There is no picture yet.')
        parts.append(
            f'<div class="beside">{player}{_reals(images, ROOM_OF_GRIDS // len(runs))}</div>'
        )
    page.section('samples', 'Samples over time', *parts)


def _player(run: RunRecord, found: Sequence[pictures.Frame]) -> str:
    last = len(found) - 1
    images = ''.join(
        _picture(one, f'Samples of {run.name} at step {one.step}', hidden=i < last)
        for i, one in enumerate(found)
    )
    steps = ','.join(str(one.step) for one in found)
    label = f'Step of the samples of {run.name}'
    return (
        f'<figure class="frames" data-steps="{steps}"><div>{images}</div><figcaption>'
        f'<label>Step <output>{found[last].step}</output>'
        f'<input type="range" min="0" max="{last}" value="{last}" aria-label="{text(label)}" '
        f'aria-valuetext="step {found[last].step}"></label>'
        f'<button type="button">Play</button></figcaption></figure>'
    )


def _picture(one: pictures.Frame, words: str, *, hidden: bool = False) -> str:
    return (
        f'<img src="{one.address}" width="{one.width}" height="{one.height}" '
        f'alt="{text(words)}"{" hidden" if hidden else ""}>'
    )


def _reals(images: Training, room: int) -> str:
    if isinstance(images, str):
        return images and markup.note(f'Real images are missing: {images}')
    some = images[spaced(len(images), min(REALS, len(images)))]
    made = pictures.frame(grid(np.asarray(some)), room)
    return (
        f'<figure>{_picture(made, "Real images of the training data")}'
        '<figcaption>Real images, evenly spaced over the training data</figcaption></figure>'
    )


def neighbours(page: Page, runs: Sequence[RunRecord], training: Sequence[Training]) -> None:
    """The nearest training images of each run's newest samples."""
    parts = []
    for run, images in zip(runs, training, strict=True):
        if len(runs) > 1:
            parts.append(f'<h3>{text(run.name)}</h3>')
        parts.append(_neighbours(run, images, ROOM_OF_GRIDS // len(runs)))
    page.section('nearest', 'Nearest training images', *parts)


def _neighbours(run: RunRecord, images: Training, room: int) -> str:
    if isinstance(images, str):
        return markup.note(f'They are missing: {images}')
    newest = pictures.read(run.pictures[-1][1]) if run.pictures else None
    drawn = None if newest is None or run.size is None else ungrid(newest, run.size)
    if drawn is None:
        return markup.note(
            'They are missing: there is no picture of samples of the size in the config.'
        )
    if fault := nearest.fault(drawn, images):
        return markup.note(f'They are missing: {fault}')
    found = nearest.nearest_images(drawn, images)
    flat = found.images.reshape(-1, *found.images.shape[2:])
    made = pictures.frame(grid(flat, columns=found.images.shape[1]), room)
    words = (
        f'Top row: samples at step {run.pictures[-1][0]}. Below each: its {nearest.NEIGHBOURS} '
        'nearest training images, by the distance of pixels, the nearest first.'
    )
    ours, theirs = np.median(found.distances), np.median(found.between_real)
    said = (
        f'Median distance of a sample to the nearest training image: {ours:.1f} grey levels; of a '
        f'training image to the nearest other one: {theirs:.1f}. A sample much nearer than that is '
        'a copy.'
    )
    return (
        f'<figure>{_picture(made, words)}<figcaption>{text(words)}</figcaption></figure>'
        + markup.note(said)
    )


def logs(page: Page, runs: Sequence[RunRecord]) -> None:
    """The curves of the logs, a section for each family."""
    found, left_out = families({run.name: run.curves for run in runs})
    count = sum(len(chart.curves) for family in found for chart in family.charts)
    most = min(curves.POINTS, max(40, TOGETHER // max(1, count)))
    for family in found:
        drawn = [
            page.chart(charts.lines(one.title, one.curves, smoothing=family.smoothing, most=most))
            for one in family.charts
        ]
        control = _smoothing(family)
        words = markup.note(family.words) if family.words else ''
        grid_of_charts = f'<div class="charts">{"".join(drawn)}</div>'
        page.section(family.anchor, family.title, words, control, grid_of_charts)
    left_out += sum(run.left_out for run in runs)
    if left_out:
        page.add(markup.note(f'Metrics that are left out, since there are too many: {left_out}.'))


def _smoothing(family: Family) -> str:
    if family.smoothing is None:
        return ''
    last, chosen = len(curves.LEVELS) - 1, family.smoothing
    weights = ','.join(f'{weight:g}' for weight in curves.LEVELS)
    return (
        f'<p class="control"><label>Smoothing <output>{curves.LEVELS[chosen]:g}</output>'
        f'<input type="range" class="smoothing" min="0" max="{last}" value="{chosen}" '
        f'data-weights="{weights}" aria-label="Smoothing of the curves: {text(family.anchor)}" '
        f'aria-valuetext="{curves.LEVELS[chosen]:g}"></label></p>'
    )


def results(page: Page, runs: Sequence[RunRecord]) -> None:
    """Scores of `evaluate`, each with its protocol, versions and device."""
    drawn = [(run, one) for run in runs for one in run.results[-(SCORES // len(runs)) :]]
    room = ROOM_OF_GRIDS // max(1, sum(len(one.figures) for _, one in drawn))
    parts = []
    for run, one in drawn:
        parts.append(_result(one.content, f'{run.name}: ' if len(runs) > 1 else ''))
        parts += [_curves(name, path, room) for name, path in [*one.figures.items()][:FIGURES]]
    if not parts:
        parts = [markup.note('No scores yet: python -m gan_jax.evaluate writes them to results/.')]
    page.section('results', 'Scores', *parts)


def _result(found: Mapping[str, Any], of: str) -> str:
    checkpoint, protocol = (_block(found.get(key)) for key in ('checkpoint', 'protocol'))
    step, scores = checkpoint.get('step'), _block(found.get('metrics'))
    rows = [[Cell(name), Cell(number(finite(v)), finite(v))] for name, v in scores.items()]
    caption = f'{of}step {step}, {_word(found.get("time"), "no time")}'
    beside = {
        'commit': found.get('commit'),
        'training seed': found.get('training_seed'),
        'checkpoint': checkpoint.get('digest'),
    }
    about = [
        *((f'protocol: {key}', value) for key, value in protocol.items()),
        *((f'versions: {key}', value) for key, value in _block(found.get('versions')).items()),
        *((key, value) for key, value in beside.items() if value is not None),
    ]
    return markup.table(caption, ['metric', 'value'], rows) + markup.folded(
        'Protocol, versions and device', markup.pairs(about)
    )


def _curves(name: str, path: Path, room: int) -> str:
    """The figure of a score's curves."""
    if (picture := pictures.read(path)) is None:
        return markup.note(f'The figure of {name} cannot be read.')
    words = f'{name}; its numbers: {path.with_suffix(".csv").name}'
    made = _picture(pictures.frame(picture, room), words)
    return f'<figure class="curves">{made}<figcaption>{text(words)}</figcaption></figure>'


def configs(page: Page, runs: Sequence[RunRecord]) -> None:
    """The configs: where runs differ, and each key."""
    parts = []
    if len(runs) > 1:
        keys = sorted({key for run in runs for key in run.settings})
        other = [k for k in keys if len({repr(run.settings.get(k)) for run in runs}) > 1]
        rows = [[Cell(k), *(Cell(_setting(run, k)) for run in runs)] for k in other]
        parts.append(
            markup.table('Keys in which the runs differ', ['key', *(r.name for r in runs)], rows)
            if rows
            else markup.note('The runs have the same config.')
        )
    for run in runs:
        rows = [[Cell(key), Cell(_setting(run, key))] for key in sorted(run.settings)]
        whole = markup.table(f'Config of {run.name}', ['key', 'value'], rows)
        parts.append(markup.folded(f'Every key of {run.name}: {len(rows)}', whole))
        about = [
            *((f'version: {k}', v) for k, v in _block(run.status.get('versions')).items()),
            ('commit', run.status.get('commit') or 'not known'),
        ]
        parts.append(markup.folded(f'Versions and device of {run.name}', markup.pairs(about)))
        if run.classes:
            shown = [*run.classes[:CLASSES]]
            parts.append(
                markup.folded(f'Classes of {run.name}: {len(run.classes)}', markup.bullets(shown))
            )
    page.section('config', 'Config', *parts)


def _setting(run: RunRecord, key: str) -> Any:
    return run.settings.get(key, DASH)


def _is_distance(metric: str) -> bool:
    name = metric.removeprefix('eval/')
    return name != metric and not name.endswith(FLOOR) and is_distance(name)


def _whole(value: Any) -> Cell:
    """A cell with an integer of a JSON file; a dash if it is none."""
    return Cell(value, finite(value)) if type(value) is int else Cell(DASH)


def _word(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def _block(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sentences(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
