"""The means of a log window, and the pace of a run."""

import jax.numpy as jnp
import pytest
from clu.metrics import Average

from gan_jax.run import observe
from gan_jax.runtime.errors import DIVERGED, UserError


def window(**values):
    """Running means of the values of each name."""
    means = {name: Average.empty() for name in values}
    for name, seen in values.items():
        for value in seen:
            means[name] = means[name].merge(Average.from_model_output(jnp.float32(value)))
    return means


def test_means_come_by_name():
    assert observe.means(window(b=[1, 2], a=[5]), 3) == {'a': 5.0, 'b': 1.5}


def test_a_window_in_which_a_term_never_acted_has_no_value_of_it():
    """A mean over nothing is 0 / 0, which is no divergence."""
    assert observe.means(window(d=[1, 3], lazy=[]), 7) == {'d': 2.0}


def test_a_mean_that_is_not_finite_ends_the_run():
    with pytest.raises(UserError, match='a is nan at step 3') as caught:
        observe.means(window(a=[1, float('nan')]), 3)
    assert caught.value.status == DIVERGED


def test_the_pace_leaves_out_what_precedes_the_first_step_and_says_it_once(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(observe.time, 'monotonic', lambda: now[0])
    pace = observe.Pace(20)  # as a run that goes on
    now[0] += 30  # of compilation
    pace.on_step(20)
    pace.on_step(21)
    assert pace.row(21, images=8) == {'time/seconds_to_first_step': 30.0}
    pace.mark(21)
    now[0] += 2
    pace.on_step(25)
    found = pace.row(25, images=8)
    assert found == {'time/images_per_second': 16.0, 'time/seconds_per_step': 0.5}


def test_a_row_before_the_first_step_has_no_pace():
    assert observe.Pace(20).row(20, images=8) == {}
