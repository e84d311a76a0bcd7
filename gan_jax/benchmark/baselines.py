"""Other frameworks as candidates, timed in turn with ours.

The step in PyTorch is no part of the package: it lies with the tests that compare it with ours.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gan_jax
from gan_jax.benchmark.timing import Candidate
from gan_jax.benchmark.workload import RANDOM, Settings, Workload
from gan_jax.data.dataset import labels_of
from gan_jax.runtime import environment
from gan_jax.runtime.errors import MISSING, UserError, first_line

IN_TORCH = 'tests.in_torch'


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
        UserError: this is no checkout, PyTorch is not installed, or the config has no equivalent.
    """
    _load_package(IN_TORCH, Path(gan_jax.__file__).parents[1] / 'tests' / 'in_torch')
    try:
        step = importlib.import_module(f'{IN_TORCH}.step')
    except ModuleNotFoundError as error:
        if error.name and error.name.split('.')[0] == 'torch':
            raise UserError(
                '--against=torch needs PyTorch, which is not installed: '
                f'{environment.install_packages("torch")}',
                MISSING,
            ) from error
        raise
    step.supported.check(settings)
    return step


def _load_package(name: str, folder: Path) -> None:
    """Makes a folder importable by that name, whatever else is called so on Python's path."""
    if not (folder / '__init__.py').is_file():
        raise UserError(
            f'--against=torch needs a checkout of gan_jax, and {folder} is not there: run the '
            'benchmark from a clone of the repository, or leave the flag out',
            MISSING,
        )
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / '__init__.py')
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


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
