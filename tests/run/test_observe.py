"""The means of a log window."""

import math
from types import SimpleNamespace

import jax.numpy as jnp
import pytest
from clu.metrics import Average

from gan_jax.run import observe
from gan_jax.runtime.errors import DIVERGED, UserError
from gan_jax.runtime.progress import Stopped, no_progress


def window(**values):
    """Running means of the values of each name."""
    means = {name: Average.empty() for name in values}
    for name, seen in values.items():
        for value in seen:
            means[name] = means[name].merge(Average.from_model_output(jnp.float32(value)))
    return means


def failing_parts(error):
    """Of a run whose images, or whose metrics, cannot be made."""

    def fail(*arguments):
        raise error

    evaluation = SimpleNamespace(num=3, measure=fail)
    return SimpleNamespace(
        evaluation=lambda metrics: evaluation,
        generate=fail,
        experiment=SimpleNamespace(hyper=None),
    )


def test_images_that_cannot_be_made_are_told_of_and_nothing_is_measured():
    told = []
    values = observe.evaluate_run(
        failing_parts(ValueError('no image')),
        'a,b',
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
        observe.evaluate_run(
            failing_parts(error), 'a', None, 0, no_progress, lambda *_: pytest.fail('told')
        )


def test_who_asks_for_no_word_gets_the_error():
    with pytest.raises(ValueError, match='no image'):
        observe.evaluate_run(failing_parts(ValueError('no image')), 'a', None, 0, no_progress)


def test_means_come_by_name():
    assert observe.means(window(b=[1, 2], a=[5]), 3) == {'a': 5.0, 'b': 1.5}


def test_a_window_in_which_a_term_never_acted_has_no_value_of_it():
    """A mean over nothing is 0 / 0, which is no divergence."""
    assert observe.means(window(d=[1, 3], lazy=[]), 7) == {'d': 2.0}


def test_a_mean_that_is_not_finite_ends_the_run():
    with pytest.raises(UserError, match='a is nan at step 3') as caught:
        observe.means(window(a=[1, float('nan')]), 3)
    assert caught.value.status == DIVERGED
