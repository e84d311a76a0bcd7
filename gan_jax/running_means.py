"""The running means of the metrics of a log window, `clu.metrics.Average` by name."""

from collections.abc import Mapping
from typing import Any

import jax
from clu.metrics import Average


def empty(names: Mapping[str, Any]) -> dict[str, Average]:
    """Empty running means, one for each name."""
    return {name: Average.empty() for name in names}


def merge_metrics(
    running: Mapping[str, Average], values: Mapping[str, jax.Array]
) -> dict[str, Average]:
    """The running means after one more step; names without a running mean are left out."""
    updated = dict(running)
    for name in running:  # a fixed order: a set's order would give every process another program
        if name in values:
            updated[name] = running[name].merge(Average.from_model_output(values[name]))
    return updated
