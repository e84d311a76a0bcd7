"""Other frameworks as candidates, timed in turn with ours."""

from typing import Any, NamedTuple

import numpy as np

from gan_jax.benchmark.timing import Candidate
from gan_jax.benchmark.workload import RANDOM, Settings, Workload
from gan_jax.data.dataset import labels_of
from gan_jax.runtime.errors import MISSING, UserError, first_line


class Baselines(NamedTuple):
    """The candidates of other frameworks.

    Attributes:
        candidates: those that run here, by name.
        absent: the others: name -> the reason.
    """

    candidates: dict[str, Candidate]
    absent: dict[str, str]


def torch(settings: Settings) -> Any:
    """The module of the PyTorch equivalent.

    Raises:
        UserError: it has no equivalent of the config, or PyTorch is not installed.
    """
    try:
        from gan_jax.benchmark.in_torch import step
    except ModuleNotFoundError as error:
        if error.name and error.name.split('.')[0] == 'torch':
            raise UserError(
                '--against=torch needs PyTorch, which is not installed: pip install torch', MISSING
            ) from error
        raise
    step.supported.check(settings)
    return step


def torch_baselines(module: Any, workload: Workload) -> Baselines:
    """PyTorch's train step, eager and by `torch.compile`, each after its first step.

    Args:
        module: from `torch`.
        workload: its settings and images are used.

    Raises:
        UserError: it has no equivalent of the config.
    """
    images = np.array(workload.dataset.images[:RANDOM])  # a copy: mapped images are read-only
    labels = labels_of(workload.dataset)[:RANDOM]

    def started(compiled: bool) -> Candidate:
        take = module.make(workload.settings, images, labels, compiled=compiled)
        take(1)
        return take

    found = {'eager': started(False)}
    try:
        return Baselines({**found, 'compiled': started(True)}, {})
    except Exception as error:  # torch.compile may lack anything, from a C++ compiler to memory
        return Baselines(found, {'compiled': f'not measured: {first_line(error)}'})
