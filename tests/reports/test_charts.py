"""Specifications of charts: their numbers are the log's, and no name in them is code."""

import json

import pytest

from gan_jax.reports import charts, families
from gan_jax.reports.curves import Curve
from tests.reports.made import HOSTILE

TWO = {'real': Curve((1, 2, 3), (0.5, 0.25, 4.0)), 'fake': Curve((1, 3), (7.0, 8.0))}


def rows(spec):
    """{label: {step: value}} of a chart's data."""
    found = spec['data']['values']
    return {one['label']: dict(zip(one['step'], one['v0'], strict=True)) for one in found}


def test_the_numbers_are_those_of_the_curves():
    expected = {'real': {1: 0.5, 2: 0.25, 3: 4.0}, 'fake': {1: 7.0, 3: 8.0}}
    for level in (None, 0, 2):
        assert rows(charts.lines('loss', TWO, smoothing=level)) == expected


def test_the_reader_s_level_chooses_among_all_averages():
    spec = charts.lines('loss', TWO, smoothing=2)
    flat, chosen = spec['transform']
    assert flat['flatten'] == ['step', 'v0', 'v1', 'v2', 'v3', 'v4']
    assert chosen['calculate'] == '[datum.v0, datum.v1, datum.v2, datum.v3, datum.v4][smoothing]'
    assert spec['params'] == [{'name': 'smoothing', 'value': 2}]
    assert charts.lines('loss', TWO)['params'][0]['value'] == 0


@pytest.mark.parametrize('level', [0, 2])
def test_the_values_themselves_stay_in_a_paler_line(level):
    plain, smooth = charts.lines('loss', TWO), charts.lines('loss', TWO, smoothing=level)
    assert [one['encoding']['y']['field'] for one in plain['layer']] == ['shown', 'shown']
    raw, *others = smooth['layer']
    assert raw['encoding']['y']['field'] == 'v0' and raw['mark']['opacity'] < 1
    assert [one['encoding']['y']['field'] for one in others] == ['shown', 'shown']


def test_the_description_says_the_chart_in_words():
    said = charts.lines('loss', TWO)['description']
    assert said == (
        'loss over steps. real: 0.5 at step 1, 4 at step 3, lowest 0.25, highest 4; '
        'fake: 7 at step 1, 8 at step 3, lowest 7, highest 8.'
    )


def test_names_are_data_and_titles_alone():
    """Fields and expressions of Vega are code: the same, whatever a metric is called."""
    plain = charts.lines('loss', {'x': TWO['real']}, smoothing=2)
    named = charts.lines('datum.v0', {'");evil("': TWO['real']}, smoothing=2)
    assert named['transform'] == plain['transform']

    def fields(tree):
        if isinstance(tree, dict):
            for key, value in tree.items():
                if key in ('field', 'calculate', 'filter', 'expr', 'signal', 'param', 'flatten'):
                    yield json.dumps(value)
                yield from fields(value)
        elif isinstance(tree, list):
            for one in tree:
                yield from fields(one)

    assert [*fields(named)] == [*fields(plain)] != []


def test_a_chart_of_a_hostile_name_is_json():
    spec = charts.lines(HOSTILE, {HOSTILE: TWO['real']}, smoothing=2)
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec


def test_one_curve_needs_no_legend():
    assert charts.colour(['a'])['legend'] is None and charts.colour(['a', 'b'])['legend']


# Which metrics share a chart ---------------------------------------------------------------------

CURVE = Curve((1,), (1.0,))


@pytest.mark.parametrize(
    ('metric', 'kind'),
    [
        ('d/adversarial/real', 'losses'),
        ('g/adversarial/fake', 'losses'),
        ('d/grad_norm', 'norms'),
        ('g/update_norm', 'norms'),
        ('eval/fd_digits', 'distances'),
        ('eval/fd_digits_floor', 'distances'),
        ('eval/fid10k_test', 'distances'),
        ('eval/swd8192_train', 'distances'),
        ('eval/linear_probe', 'probes'),
        ('eval/effective_rank', 'probes'),
        ('eval/overfit', 'overfitting'),
        ('eval/logit_test', 'overfitting'),
        ('eval/sensitivity_flip', 'sensitivity'),
        ('eval/leak@translation(0.2)', 'leak'),
        ('eval/leak_rate@cutout(0.2)', 'leak'),
        ('eval/modes', 'metrics'),
        ('eval/mine/part', 'metrics'),
        ('time/images_per_second', 'time'),
        ('strength', 'numbers'),
    ],
)
def test_every_metric_has_a_family(metric, kind):
    assert families.kind_of(metric) == kind
    (family,), left_out = families.families({'run': {metric: CURVE}})
    assert family.anchor == kind and left_out == 0


@pytest.mark.parametrize(
    ('metric', 'level'),
    [
        ('d/adversarial/real', 2),
        ('g/update_norm', 2),
        ('eval/fd_digits', 0),
        ('eval/linear_probe', 0),
        ('eval/modes', None),
    ],
)
def test_training_is_seen_smoothed_and_distances_and_probes_when_the_reader_asks(metric, level):
    (family,), _ = families.families({'run': {metric: CURVE}})
    assert family.smoothing == level


def test_metrics_of_one_run_that_belong_together_share_a_chart():
    names = ('d/grad_norm', 'g/grad_norm', 'd/bce/real', 'd/bce/fake', 'eval/fd', 'eval/fd_floor')
    found, _ = families.families({'run': dict.fromkeys((*names, 'eval/fd_digits'), CURVE)})
    charts_ = {chart.title: [*chart.curves] for family in found for chart in family.charts}
    assert charts_ == {
        'grad norm': ['d', 'g'],
        'd/bce': ['real', 'fake'],
        'fd_digits': ['fd_digits'],
        'fd': ['fd', 'fd_floor'],
    }


def test_several_runs_have_a_curve_each_in_a_chart_for_each_metric():
    runs = {'a': {'d/bce/real': CURVE, 'eval/x': CURVE}, 'b': {'d/bce/real': CURVE}}
    found, _ = families.families(runs)
    charts_ = {chart.title: [*chart.curves] for family in found for chart in family.charts}
    assert charts_ == {'d/bce/real': ['a', 'b'], 'x': ['a']}


def test_of_too_many_charts_the_last_families_are_left_out():
    names = [f'time/t{i}' for i in range(40)] + [f'd/term{i}' for i in range(40)]
    found, left_out = families.families({'run': dict.fromkeys(names, CURVE)})
    assert left_out == 80 - families.CHARTS
    assert [len(one.charts) for one in found] == [40, families.CHARTS - 40]
    assert [one.anchor for one in found] == ['losses', 'time']
