"""A trained generator from wherever it lies: a workdir, or an exported folder.

An exported one is read without Orbax, which reads checkpoints.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

from gan_jax.exported.description import is_exported
from gan_jax.exported.read import read_the_one
from gan_jax.run.refusals import refuse_batch_norm, refuse_packages
from gan_jax.sampling.generator import Generator


def restore_from_flags(flags: argparse.Namespace) -> Generator:
    """The generator of the run that the flags of `flags.add_flags` name.

    Raises:
        UserError: as `restore_generator`, or --batch_norm is given for a network without BatchNorm.
    """
    refuse_packages(flags.allow, flags.workdir)
    found = restore_generator(
        flags.workdir,
        flags.step,
        flags.allow,
        weights=flags.weights,
        batch_norm=flags.batch_norm,
        data_dir=flags.data_dir,
    )
    refuse_batch_norm(flags.batch_norm, found.variables)
    return found


def restore_generator(
    folder: Path,
    step: str,
    allow: Collection[str] | None,
    *,
    weights: str | None = None,
    batch_norm: str | None = None,
    data_dir: Path | None = None,
) -> Generator:
    """The generator of a run at one of its checkpoints, or of an exported folder.

    Args:
        folder: the workdir, or a folder of `gan_jax.export`, which has one step and its weights.
        step: a number, 'last', or 'best', see `best.best_by`.
        allow: packages whose code its block may name, as in `load.resolve`.
        weights: 'ema', 'raw', a name in config.averages, or 'std:0.08', see `posthoc`; None is as
            config.evaluate says.
        batch_norm: see `generate.make_generate`; None is as config.evaluate says.
        data_dir: as in `trained.restore_run`, for latents that are made of the training images.

    Raises:
        UserError: no run, no such checkpoint or weights, a generator, latents or an autoencoder
            with faults or of other code, a config that is not the checkpoint's, latents of other
            images, or an autoencoder with other weights; of an exported folder as
            `exported.read.read_the_one`.
    """
    if is_exported(folder):
        return read_the_one(folder, allow or (), step, weights, batch_norm)
    from gan_jax.run.trained_generator import generator_of, read_run

    run = read_run(folder, step, allow, weights)
    return generator_of(folder, run, allow, batch_norm, data_dir)
