"""A trained run, restored whole from its workdir for evaluation."""

import argparse
import copy
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan_jax.experiment import config
from gan_jax.experiment.setup import Setup, build_setup
from gan_jax.run import posthoc
from gan_jax.run.choose_checkpoint import read_settings, refuse_other_images, restore_step
from gan_jax.run.refusals import refuse_batch_norm, refuse_packages, refuse_weights
from gan_jax.runtime import checkpoint


class Trained(NamedTuple):
    """The setup of a run on one device, and one of its checkpoints."""

    setup: Setup
    checkpoint: checkpoint.Restored


def restore_from_flags(flags: argparse.Namespace, **evaluate: Any) -> Trained:
    """The run that the flags of `flags.add_flags` name; the rest is as in `restore_run`."""
    refuse_packages(flags.allow, flags.workdir)
    run = restore_run(
        flags.workdir,
        flags.step,
        flags.allow,
        data_dir=flags.data_dir,
        evaluate={'weights': flags.weights, 'batch_norm': flags.batch_norm, **evaluate},
    )
    refuse_batch_norm(flags.batch_norm, run.checkpoint.state.g.variables)
    return run


def restore_run(
    folder: Path,
    step: str,
    allow: Sequence[str],
    *,
    data_dir: Path | None = None,
    evaluate: Mapping[str, Any] | None = None,
) -> Trained:
    """The run in a workdir at one of its checkpoints.

    Args:
        folder: the workdir.
        step: a number, 'last', or 'best', see `best.best_by`.
        allow: packages whose code the run's config may name, as in `load.resolve`.
        data_dir: folder of the data set; None is the folder in the config. References and
            published weights are kept in `data_dir`, see `data.folder_of`, never in the config's
            folder.
        evaluate: replacements for values of config.evaluate; None keeps a value.

    Raises:
        UserError: there is no run or no such checkpoint, the config is invalid or names other
            code, or the config or the data do not match the checkpoint (65).
    """
    settings = read_settings(folder, lambda settings: config.faults(settings, allow))
    saved = copy.deepcopy(settings)
    if data_dir is not None:
        settings['data']['dir'] = str(data_dir)
    if (weights := (evaluate or {}).get('weights')) is not None:
        refuse_weights(weights, settings)
    settings['evaluate'] |= {k: v for k, v in (evaluate or {}).items() if v is not None}
    setup = build_setup(settings, devices=1, allow=allow, data_dir=data_dir)
    read = functools.partial(checkpoint.restore, template=setup.program.shapes)
    found = restore_step(folder, step, saved, read)
    refuse_other_images(folder, settings['data']['name'], setup.dataset, found.metadata)
    state = posthoc.completed(folder, found.state, settings, settings['evaluate']['weights'])
    return Trained(setup, found._replace(state=state))
