"""Metrics by the path of their functions: what they are given, and what is refused."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_jax import train
from gan_jax.evaluate import __main__ as evaluate
from gan_jax.evaluate import own, protocol, references
from gan_jax.evaluate.context import Context
from gan_jax.evaluate.extractor import from_path
from gan_jax.experiment import config
from gan_jax.runtime import workdir
from gan_jax.runtime.errors import MISSING, UserError
from tests import hostile
from tests.evaluate.test_checks import images

TINY = Path(__file__).parents[1] / 'sweeps' / 'tiny.py'
SOURCE = '''
import jax
import numpy as np

from gan_jax.metric import Metric

SEEN = []


def grey(level: float = 0.0, num=None) -> Metric:
    """The mean grey of generated images, above a level."""

    def measure(of):
        SEEN.append(of)
        return of.images.mean() - level

    return Metric(measure, num=num)


def norm(layer: str = 'Dense_0') -> Metric:
    return Metric(lambda of: np.linalg.norm(of.state.g.params[layer]['kernel']), num=0)


def against() -> Metric:
    def measure(of):
        fake, real = of.features('looking.rows'), of.features('looking.rows', 'test')
        return {'distance': fake.mean() - real.mean(), 'reals': len(of.real('test').images)}

    return Metric(measure, num=3, splits=('test',))


def noise(num=0) -> Metric:
    return Metric(lambda of: jax.random.uniform(of.key), num)


def rows(images):
    return np.asarray(images, np.float32).reshape(len(images), -1)


def broken() -> Metric:
    return Metric(lambda of: 1 / 0, num=1)


def text() -> Metric:
    return Metric(lambda of: {'a': 'b'}, num=0)


def many() -> Metric:
    return Metric(lambda of: of.images, num=2)


def none() -> Metric:
    return Metric(lambda of: of.features('looking.rows').mean(), num=0)


def greedy() -> Metric:
    return Metric(lambda of: 0.0, num=-1)


def unmade() -> Metric:
    raise RuntimeError('as it happens')


def other():
    return 7
'''


@pytest.fixture(autouse=True)
def looking(module_of):
    """The module of somebody's metrics."""
    module_of('looking', SOURCE)


def settings(**blocks):
    return {'evaluate': {'metrics': '', 'full': '', **blocks}}


def context(test=40, **blocks):
    train, held_out = images(40), images(test) if test else None

    def of_test():
        if held_out is None:
            raise UserError("no split 'test'", MISSING)
        return held_out

    mine = own.build(settings(**{n: {'every': 1, **block} for n, block in blocks.items()}))
    return Context(train, of_test, train, None, num=5, own=mine)


def prepare(metrics, tmp_path, **blocks):
    given = context(**blocks)._replace(data_dir=tmp_path)
    return protocol.prepare_metrics(metrics, given)


def fakes(count):
    return np.arange(count * 256, dtype=np.uint8).reshape(count, 16, 16, 1)


def test_a_metric_is_a_number_of_the_images_that_it_asks_for(tmp_path):
    level = dict(fn='looking.grey', level=2.0)
    two = prepare('a,b', tmp_path, a=level, b=dict(level, num=2))
    drawn = fakes(5) // 2
    drawn[:2] = 7
    assert two.num == 5  # config.evaluate.num
    assert two.measure(drawn, None, None) == {'a': drawn.mean() - 2, 'b': 5.0}
    first, second = sys.modules['looking'].SEEN
    assert (len(first.images), len(second.images)) == (5, 2)
    assert first.labels.tolist() == context().generated_labels(5).tolist()
    assert first.real('train').name == 'digits'


def test_a_metric_of_parts_compares_features_of_fakes_and_reals(tmp_path):
    found = prepare('mine', tmp_path, mine=dict(fn='looking.against'))
    assert found.num == 3
    values = found.measure(fakes(3), None, None)
    assert values == {'mine/distance': 127.5, 'mine/reals': 40.0}  # reals are black
    assert [*(tmp_path / 'references').iterdir()]  # the reals' features are kept
    kept = references.features(images(40), from_path('looking.rows'), tmp_path)
    assert kept.shape == (40, 256)


def test_random_numbers_are_the_same_at_every_step_and_others_for_each_metric(tmp_path):
    found = prepare('a,b', tmp_path, a=dict(fn='looking.noise'), b=dict(fn='looking.noise'))
    assert found.num == 0
    first, second = (found.measure(fakes(0), None, None) for _ in range(2))
    assert first == second and first['a'] != first['b']


@pytest.mark.parametrize(
    ('name', 'sentence'),
    [
        ('broken', 'ZeroDivisionError: division by zero'),
        ('text', "it returns 'b': return a number, or a dict of numbers"),
        ('many', r'it returns an array \[2, 16, 16, 1\]: return a number, or a dict of'),
        ('none', r'it takes features of no image: give Metric\(..., num=...\)'),
    ],
)
def test_a_metric_that_fails_is_named_with_its_reason(name, sentence, tmp_path):
    found = prepare('mine', tmp_path, mine=dict(fn=f'looking.{name}'))
    with pytest.raises(UserError, match=f'^config.evaluate.mine: {sentence}'):
        found.measure(fakes(2), None, None)
    told = []
    values = found.measure(fakes(2), None, None, failed=lambda *of: told.append(of))
    assert math.isnan(values['mine']) and told[0][0] == ['mine']


@pytest.mark.parametrize(
    ('block', 'sentence'),
    [
        (dict(fn='looking.greedy'), 'it asks for -1 images: give 0 to 1,000,000, or None'),
        (dict(fn='looking.unmade'), 'RuntimeError: as it happens'),
        (dict(fn='looking.other'), 'looking.other makes a int, and not a metric: .* Metric'),
        (dict(fn='builtins.dict'), 'does not say which keywords it takes'),
    ],
)
def test_a_function_that_makes_no_metric_is_refused_before_the_first_step(block, sentence):
    with pytest.raises(UserError, match=f'^config.evaluate.mine: .*{sentence}'):
        context(mine=block)


def test_the_splits_that_a_metric_reads_have_to_be_there():
    given = context(test=None, mine=dict(fn='looking.against'))
    with pytest.raises(UserError, match="no split 'test': add one, or take out of config.evalu"):
        protocol.check_metrics('mine', given)
    assert protocol.check_metrics('mine', context(mine=dict(fn='looking.against'))) is True
    assert protocol.check_metrics('mine', given._replace(outlined=True)) is False


@pytest.mark.parametrize('name', ['fd_digits', 'gsnr', 'fid10k_test', 'fid10', 'leak'])
def test_a_name_of_ours_is_refused(name):
    with pytest.raises(UserError, match=f'config.evaluate.{name} brings .* another name'):
        protocol.check_metrics('', context(**{name: dict(fn='looking.norm')}))


def test_a_bare_word_is_free_and_a_misspelt_name_finds_it(tmp_path):
    assert prepare('fid', tmp_path, fid=dict(fn='looking.noise')).measure([], None, None)['fid']
    with pytest.raises(UserError, match="no metric 'brigt'; did you mean 'bright'"):
        protocol.check_metrics('brigt', context(bright=dict(fn='looking.norm')))


def test_what_a_value_depends_on_stands_beside_it(tmp_path):
    found = prepare('mine', tmp_path, mine=dict(fn='looking.grey', level=0.5))
    described = found.protocol['own']['mine']
    digest = described.pop('source_sha256')
    assert described == {'fn': 'looking.grey', 'level': 0.5, 'num': 5} and len(digest) == 64


# Configs -----------------------------------------------------------------------------------------


def faults(allow=None, **blocks):
    return config.faults(
        hostile.changed(hostile.settings(), {f'evaluate.{k}': v for k, v in blocks.items()}), allow
    )


def test_a_block_is_a_function_or_names_with_an_interval():
    assert faults(fid=dict(fn='looking.grey', every=5, level=0.1)) == []
    assert faults(often=dict(metrics='diversity,kd100_test@digits', every=7)) == []


@pytest.mark.parametrize(
    ('blocks', 'sentence'),
    [
        (dict(a=dict(fn='looking.grey')), 'config.evaluate.a.every is None: give an integer from'),
        (dict(a=dict(fn='looking.grey', every=0)), 'config.evaluate.a.every is 0: give an integer'),
        (
            dict(a=dict(fn='looking.grey', every=1, levle=1.0)),
            "takes no 'levle'; did you mean 'lev",
        ),
        (dict(a=dict(fn='looking.grey', every=1, level='x')), "a.level is 'x': give a number"),
        (dict(a=dict(fn='looking.gray', every=1)), "config.evaluate.a.fn: 'looking' has no 'gray'"),
        (
            dict(a=dict(metrics='modes', every=1)),
            "evaluate.a.metrics both measure 'modes'",
        ),
        (dict(a=dict(metrics='', every=1)), "config.evaluate.a.metrics is '': give names of"),
        (dict(a=dict(metrics='diversity')), 'config.evaluate.a.every is missing: give an integer'),
        (dict(a=dict(every=3)), 'config.evaluate.a.metrics is missing: give names of metrics'),
        (dict(a={}), "config has no use for 'evaluate.a'"),
        (
            dict(a=dict(metrics='diversity', every=1, b=2)),
            "config has no use for 'evaluate.a.b'",
        ),
        (
            dict(a=dict(metrics='kd10_test@no.where', every=1)),
            "config.evaluate.a.metrics names 'kd10_test@no.where': cannot import 'no'",
        ),
        ({'a-b': dict(fn='looking.grey', every=1)}, "has a block 'a-b': name it by letters"),
        (
            dict(a=dict(fn='looking.grey', every=1), b=dict(metrics='a', every=2)),
            "config.evaluate.a and config.evaluate.b.metrics both measure 'a': leave it out of one",
        ),
        (dict(num=dict(fn='looking.grey', every=1)), 'config.evaluate.num is missing'),
    ],
)
def test_a_wrong_block_is_refused_with_its_key(blocks, sentence):
    assert sentence in '\n'.join(faults(**blocks))


def test_somebody_else_s_config_runs_no_metric_of_theirs():
    (fault,) = faults((), a=dict(fn='evil_module.f', every=1))
    assert fault.startswith("config.evaluate.a.fn: 'evil_module.f' is code of evil_module")
    assert '--allow=evil_module' in fault
    (fault,) = faults((), a=dict(fn='gan_jax.runtime.load.build', every=1))
    assert 'is not a metric: in the config of a workdir that is a function of a package' in fault
    (fault,) = faults((), a=dict(metrics='kd10_test@evil_module.f', every=1))
    assert '--allow=evil_module' in fault


# A run -------------------------------------------------------------------------------------------

BLOCKS = """
    c.evaluate.metrics = 'modes'
    c.evaluate.grey = dict(fn='looking.grey', every=3, num=7)
    c.evaluate.norm = dict(fn='looking.norm', every=4)
    c.evaluate.often = dict(metrics='diversity', every=5)
"""


def run(tmp_path, *flags, more=''):
    """Trains tiny.py's 12 steps with metrics of its own; its rows of metrics by step."""
    (tmp_path / 'mine.py').write_text(
        'import runpy\n\n\ndef get_config(text=""):\n'
        f'    c = runpy.run_path({str(TINY)!r})["get_config"](text){BLOCKS}{more}    return c\n'
    )
    train.main([f'--config={tmp_path}/mine.py', f'--workdir={tmp_path}/run', *flags])
    lines = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
    return {row['step']: row for row in map(json.loads, lines)}


@pytest.mark.slow
def test_each_metric_has_its_own_interval_and_the_rest_of_the_run_is_the_same(tmp_path):
    rows = run(tmp_path)
    at = {
        name: [step for step, row in rows.items() if f'eval/{name}' in row]
        for name in ('modes', 'grey', 'norm', 'diversity')
    }
    assert at == {
        'modes': [0, 6, 12],
        'grey': [0, 3, 6, 9, 12],
        'norm': [0, 4, 8, 12],
        'diversity': [0, 5, 10, 12],
    }
    assert all(row['eval/grey'] is not None for row in rows.values() if 'eval/grey' in row)
    assert (
        evaluate.main(
            [f'--workdir={tmp_path}/run', '--allow=tests', '--allow=looking', '--metrics=grey,norm']
        )
        == 0
    )
    (result,) = (json.loads(p.read_text()) for p in (tmp_path / 'run' / 'results').iterdir())
    # The state of the checkpoint, and the first images of the run's seed.
    assert result['metrics']['norm'] == rows[12]['eval/norm']
    assert result['protocol']['own']['grey']['num'] == 7
    np.testing.assert_allclose(result['metrics']['grey'], rows[12]['eval/grey'], rtol=1e-3)


@pytest.mark.slow
def test_metrics_may_change_when_a_run_goes_on_and_one_that_fails_ends_nothing(tmp_path):
    run(tmp_path, '--config.steps=5')
    more = "    c.evaluate.bad = dict(fn='looking.broken', every=2)\n"
    rows = run(tmp_path, '--config.evaluate.grey.every=2', more=more)
    assert [step for step, row in rows.items() if 'eval/grey' in row] == [0, 3, 5, 6, 8, 10, 12]
    assert rows[8]['eval/bad'] is None and rows[8]['eval/grey'] is not None
    why = 'bad failed at step 8: config.evaluate.bad: ZeroDivisionError: division by zero'
    assert rows[8]['eval_failed'] == why
    assert workdir.read_status(tmp_path / 'run')['status'] == 'done'


def test_a_dry_run_checks_them(tmp_path, capsys):
    (tmp_path / 'mine.py').write_text(
        'import runpy\n\n\ndef get_config(text=""):\n'
        f'    c = runpy.run_path({str(TINY)!r})["get_config"](text){BLOCKS}'
        "    c.evaluate.bad = dict(fn='looking.unmade', every=2)\n    return c\n"
    )
    command = [f'--config={tmp_path}/mine.py', '--dry_run']
    with pytest.raises(UserError, match='^config.evaluate.bad: RuntimeError: as it happens'):
        train.main(command)
    monkeyed = (tmp_path / 'mine.py').read_text().replace('looking.unmade', 'looking.norm')
    (tmp_path / 'mine.py').write_text(monkeyed)
    assert train.main(command) == 0
    said = capsys.readouterr().out
    assert 'metrics: modes,grey,norm,diversity,bad; what they need is there' in said
