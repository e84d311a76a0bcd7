"""The metrics of a run: what they are given, and a metric that fails."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from gan_jax import data, labels
from gan_jax.experiment import config
from gan_jax.experiment.setup import build_setup
from gan_jax.run import evaluation
from gan_jax.run.evaluation import describe_metrics, evaluate, make_evaluator
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.progress import Stopped, no_progress

CONFIG = str(Path(__file__).parents[1] / 'smoke.py')


def settings(*overrides):
    return json.loads(config.load_config(CONFIG, [f'--config.{o}' for o in overrides]).to_json())


@pytest.mark.slow
def test_metrics_are_given_what_the_config_says(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(
        evaluation, 'prepare_metrics', lambda metrics, context: given.append(context)
    )
    plain = settings('evaluate.num=70', 'data.fraction=0.5', 'data.dir=somewhere')
    conditional = settings('data.size=32', 'latent.labels=uniform')
    conditional['generator'] = dict(
        fn='gan_jax.models.resnet.Generator', width=0.0625, num_classes=10
    )
    for one in (plain, conditional):
        make_evaluator(build_setup(one)).prepare('modes')
    make_evaluator(build_setup(plain, allow=(), data_dir=tmp_path)).prepare('modes')
    first, second, foreign = given
    assert (first.num, first.batch_size, str(first.data_dir)) == (70, 8, 'somewhere')
    half = 721  # of each class
    assert (len(first.train.images), len(first.train_subset.images)) == (1437, half)
    assert len(first.held_out().images) == 360
    assert first.allow is None and foreign.allow == ()
    assert foreign.data_dir == tmp_path  # where somebody else's config says, nothing is written
    assert (first.conditional(), second.conditional()) == (False, True)
    part = data.subset(data.load('digits'), 0.5, 0)[0].labels
    assert first.class_counts == labels.counts_of(part, 10)
    assert second.class_counts == (1,) * 10
    assert [*first.devices] == jax.local_devices()[:1]  # a CPU's devices are the same cores


@pytest.mark.slow
def test_a_generator_whose_input_cannot_be_shifted_is_refused_before_the_first_step():
    stylegan3 = Path(__file__).parents[2] / 'configs' / 'digits_stylegan3.py'
    asked = ['--config.evaluate.metrics=eqt9_int,eqt9_frac', '--config.evaluate.full=']
    for file, refused in ((CONFIG, True), (stylegan3, False)):
        setup = build_setup(json.loads(config.load_config(str(file), asked).to_json()))
        evaluator = make_evaluator(setup)
        if refused:
            with pytest.raises(UserError, match='config.generator has none to shift') as caught:
                describe_metrics(setup, evaluator)
            assert "'eqt9_int'" in str(caught.value) and "'eqt9_frac'" in str(caught.value)
        else:
            assert 'what they need is there' in describe_metrics(setup, evaluator)


def failing(error):
    """The setup and evaluator of a run whose images and metrics cannot be made."""

    def fail(*arguments):
        raise error

    prepared = SimpleNamespace(num=3, measure=fail)
    setup = SimpleNamespace(generate=fail, experiment=SimpleNamespace(hyper=None))
    return setup, SimpleNamespace(prepare=lambda metrics: prepared)


def test_images_that_cannot_be_made_are_told_of_and_nothing_is_measured():
    told = []
    values = evaluate(
        *failing(ValueError('no image')),
        ['a,b'],
        None,
        0,
        no_progress,
        lambda *of: told.append(of),
    )
    assert values.keys() == {'a', 'b'} and all(map(math.isnan, values.values()))
    ((names, error),) = told
    assert (names, str(error)) == (['a', 'b'], 'no image')


@pytest.mark.parametrize('error', [Stopped('x'), KeyboardInterrupt()])
def test_a_signal_is_no_fault_of_a_metric(error):
    with pytest.raises(type(error)):
        evaluate(*failing(error), ['a'], None, 0, no_progress, lambda *_: pytest.fail('told'))


def test_without_a_callback_the_error_is_raised():
    with pytest.raises(ValueError, match='no image'):
        evaluate(*failing(ValueError('no image')), ['a'], None, 0, no_progress)
