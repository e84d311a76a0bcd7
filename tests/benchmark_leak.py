"""Measures the leak meter: false alarms and power beside unaugmented models, then trained arms.

    python -m gan_jax.sweep --sweep=configs/sweeps/vanilla.py --workdir=workdirs/vanilla
    python tests/benchmark_leak.py --unaugmented=workdirs/vanilla --arms=workdirs/guidelines

A benchmark, not a test: nothing here passes or fails. Digits only. The rules are as in
`evaluate.leak.metric`: a classifier is trained on the first five models, and the other ones
calibrate. A second meter, trained on the next five, measures the first five, so that no model is
measured by a classifier that was trained on it, or calibrated by itself.
"""

import argparse
import functools
import itertools
import json
import time
from pathlib import Path

import numpy as np

from gan_jax import data
from gan_jax.evaluate.extractor import from_digits_net
from gan_jax.evaluate.leak import meter, metric
from gan_jax.evaluate.leak.classifier import learn
from gan_jax.evaluate.probes import augmented
from gan_jax.run import trained, unaugmented
from gan_jax.runtime import workdir
from gan_jax.runtime.versions import versions

TEACHERS = (range(5), range(5, 10))
METHODS = ('real_only', 'real_fake', 'bcr')
FLAG = 'leak_flagged'
COUNTS = (1, 3, 5)  # calibrations
RATIOS = (0.67, 1, 1.5, 2, 3, np.inf)  # of a distance to the calibrations' distance
# Three numbers with slashes are of images as they are, with a tenth augmented, and with all.
STATES = 'flagged | a tenth augmented: flagged | all augmented: flagged | leak, medians'
STATES += ' | detection rate, medians | detection rate, largest | TPR | AUROC | power at 10 %'

TRAIN = data.load('digits')
HELD_OUT = data.load('digits', split='test').images
distance = metric.distance_to(TRAIN, from_digits_net())


class Meter:
    """A classifier of one policy, and its scores of everything that calibrates."""

    def __init__(self, policy, teachers, models, moved, distances):
        taught = metric.training_set(TRAIN, [models[m] for m in teachers])
        self.score, self.distances = learn(taught, policy), distances
        self.others = [m for m in range(len(models)) if m not in teachers]
        self.plain, self.moved = (
            {(m, c): self.score(x) for m in self.others for c, x in enumerate(of[m])}
            for of in (models, moved)
        )
        self.reals = self.score(HELD_OUT), self.score(augmented(HELD_OUT, policy, 0))

    def matched(self, away, models, count=meter.MODELS):
        """`meter.matched` among some of the models."""
        chosen = meter.matched(away, [self.distances[m] for m in models], count=count)
        return [(models[i], c) for i, c in chosen]

    def verdict(self, scores, beside, rows=slice(None)):
        """The metric's values, or None if nothing calibrates; `rows` are the held-out images."""
        if not beside:
            return None
        sets = ([of[pair] for pair in beside] for of in (self.plain, self.moved))
        return meter.verdict(scores, *sets, *(reals[rows] for reals in self.reals))

    def measured(self, images, models, rows=slice(None)):
        away = max(distance(images), 0.01)  # the train split's own is 0 up to rounding
        return self.verdict(self.score(images), self.matched(away, models), rows)


def in_three_states(images, policy, seed):
    """The images as they are, with every tenth of them augmented, and with all."""
    moved = augmented(images, policy, 1 + seed)  # 0 is the draw of the calibrations
    tenth = images.copy()
    tenth[::10] = moved[::10]
    return images, tenth, moved


def of_reals(policy, meters, count):
    """name -> [seed][state]; of the held-out reals half are measured and half in the threshold.

    A seed draws these halves, the augmentations, and which half of the models can calibrate.
    """
    found = {'held-out reals': [], 'train reals': []}
    for seed in range(count):
        gauge, rng = meters[seed < 5], np.random.default_rng(seed)
        rows, measured = np.array_split(rng.permutation(len(HELD_OUT)), 2)
        models = rng.permutation(gauge.others)[: len(gauge.others) // 2].tolist()
        for name, images in zip(found, (HELD_OUT[measured], TRAIN.images), strict=True):
            states = in_three_states(images, policy, seed)
            found[name].append([gauge.measured(x, models, rows) for x in states])
    return found


def of_models(policy, meters, models, names):
    """name -> [model][state], and where the rules are changed, how -> [value], of fakes."""
    found, changed = {name: [] for name in names}, {}
    for m, checkpoints in enumerate(models):
        gauge, rng = meters[m < 5], np.random.default_rng(m)
        others = [other for other in gauge.others if other != m]
        for name, images in zip(names, checkpoints, strict=True):
            states = in_three_states(images, policy, m)
            found[name].append([gauge.measured(x, others) for x in states])
            beside, away = {}, distance(images)
            for count in COUNTS:
                beside[f'calibrations: {count}'] = gauge.matched(away, others, count)
            for low, high in itertools.pairwise(RATIOS):
                fit = []
                for other in rng.permutation(others).tolist():
                    ratios = away / np.array(gauge.distances[other])
                    inside = np.flatnonzero((low < ratios) & (ratios <= high))
                    fit += [(other, c) for c in inside[:1].tolist()]
                enough = len(fit) >= meter.MODELS
                beside[f'worse by {low} to {high}'] = fit[: meter.MODELS] if enough else []
            for how, chosen in beside.items():
                changed.setdefault(how, []).append(gauge.verdict(gauge.score(images), chosen))
    return found, changed


def of_arms(folder):
    """(policy, method, the seeds' images) of a sweep's arms."""
    for arm in sorted(folder.glob('method=*')):
        keys = dict(pair.split('=') for pair in arm.name.split(','))
        if keys['method'] in METHODS:
            images = []
            for run in sorted(arm.glob('seed=*')):
                setup, kept = trained.restore_run(run, 'last', ())
                drawn = setup.generate(kept.state, setup.settings['seed'], range(metric.IMAGES))
                images.append(np.concatenate(list(drawn)))
            yield f'{keys["augment"]}({keys["strength"]})', keys['method'], images


def flagged(values):
    """'1/19 [0.01, 0.25]', of those that are calibrated; Wilson's interval, two-sided 95 %."""
    flags = [value[FLAG] for value in values if value]
    low, high = meter.wilson(np.mean(flags), len(flags), 1.96) if flags else (0, 1)
    return f'{sum(flags)}/{len(flags)} [{abs(low):.2f}, {high:.2f}]'


def row(*cells):
    print('|', ' | '.join(cells), '|', flush=True)


def head(cells):
    print(f'\n| {cells} |\n{"|---" * (1 + cells.count("|"))}|')


def states_row(policy, name, by_seed):
    states = [*zip(*by_seed, strict=True)]

    def three(key, of):
        values = ([value[key] for value in state if value] or [np.nan] for state in states)
        return ' / '.join(f'{of(some):.3f}' for some in values)

    detections = three('leak_rate', np.median), three('leak_rate', max)
    known = [three(f'leak_{key}', np.median).split()[0] for key in ('tpr', 'auroc', 'power')]
    row(policy, name, *map(flagged, states), three('leak', np.nanmedian), *detections, *known)


def changed_row(policy, how, values):
    rates = [value['leak_rate'] for value in values if value] or [np.nan]
    row(policy, how, flagged(values), f'{np.quantile(rates, 0.95):.3f}', f'{max(rates):.3f}')


def arms_row(policy, method, images, meters):
    def seeds(key, values, digits=2):
        return ' '.join(f'{value[key]:.{digits}f}' if value else '-' for value in values)

    first, second = ([meter.measured(x, meter.others) for x in images] for meter in meters)
    cells = method, policy, ' '.join(f'{distance(x):.0f}' for x in images)
    detections, tpr = seeds('leak_rate', first, 3), seeds('leak_tpr', first)
    said = [seeds(key, x, n) for x in (first, second) for key, n in (('leak', 2), (FLAG, 0))]
    row(*cells, detections, tpr, *said)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--unaugmented', type=Path, required=True, help='15 runs or more')
    parser.add_argument('--arms', type=Path, help="a sweep's workdir")
    parser.add_argument('--policies', default='translation(0.2),cutout(0.2)')
    flags, start = parser.parse_args(), time.perf_counter()
    run = min(path.parent for path in flags.unaugmented.rglob('config.json'))
    names = [f'vanilla, {step} steps' for step in sorted(workdir.steps(run / 'checkpoints'))]
    verdict = {**workdir.read_config(run), 'seed': -1}  # none of them
    found = unaugmented.fakes(flags.unaugmented, metric.IMAGES, verdict, TRAIN)
    models = [model.images for model in found]
    distances = [[distance(x) for x in model] for model in models]
    for name, of in zip(names, zip(*distances, strict=True), strict=True):
        print(f'{name}: distance {np.median(of):.1f} ({min(of):.1f} to {max(of):.1f})')

    @functools.cache
    def meters_of(policy):
        moved = [[augmented(x, policy, 0) for x in model] for model in models]
        return [Meter(policy, teachers, models, moved, distances) for teachers in TEACHERS]

    head(f'meter | images | {STATES}')
    rules = []
    for policy in flags.policies.split(','):
        meters = meters_of(policy)
        found, changed = of_models(policy, meters, models, names)
        for name, by_seed in {**of_reals(policy, meters, len(models)), **found}.items():
            states_row(policy, name, by_seed)
        rules += [(policy, *item) for item in changed.items()]
    head(
        'meter | vanilla fakes | flagged | detection rate, 95 % quantile | detection rate, largest'
    )
    for cells in rules:
        changed_row(*cells)
    if flags.arms:
        meter = 'method | augmentation | distance | detection rate | TPR | leak | flagged'
        head(f'{meter} | by the second meter: leak | flagged')
        for policy, method, images in of_arms(flags.arms):
            arms_row(policy, method, images, meters_of(policy))
    print(f'\n{time.perf_counter() - start:.0f} s, {json.dumps(versions())}')


if __name__ == '__main__':
    main()
