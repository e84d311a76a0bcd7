"""An exported generator read back: without data, terms, or any code but its network's."""

import contextlib
import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from gan_jax.experiment.build import build_latent
from gan_jax.experiment.generator import build_generator
from gan_jax.exported import description as descriptions
from gan_jax.exported import own_code, tensors
from gan_jax.exported.description import Description, block_faults_of
from gan_jax.latents import Latent
from gan_jax.runtime import sharding
from gan_jax.runtime.errors import DATA, PartError, UserError, of_part
from gan_jax.runtime.leaves import by_name, struct_of, tree_of
from gan_jax.runtime.paths import opened
from gan_jax.runtime.workdir import refuse_links
from gan_jax.sampling.generator import Generator, shapes_of

WEIGHTS = 'generator.safetensors'


def read_generator(
    folder: Path, allow: Collection[str], devices: list[jax.Device] | None = None
) -> Generator:
    """The generator of a folder that `write.write_folder` wrote.

    The folder may be from anybody: nothing in it is run but code of packages in `allow`.

    Args:
        folder: the exported folder.
        allow: packages whose code the network may be, as in `load.resolve`. Code of one's own that
            lies in the folder is run from there.
        devices: as in `Generator`.

    Raises:
        UserError: the folder is damaged, not of this version or holds links (65), or its network is
            code that is not allowed (2).
    """
    refuse_links(folder)
    found = descriptions.read(folder)
    network, latent = _built(folder, found, [*allow])
    dim = found.latent['dim']
    try:
        with of_part('generator'):
            shapes = shapes_of(network, dim)
    except PartError as error:
        raise UserError(f'{folder}/{descriptions.NAME}: {error}', DATA) from error
    leaves = _checked_weights(folder, found, by_name(shapes))
    return Generator(
        network,
        tree_of(leaves, shapes),
        image_shape=found.shape,
        latent_dim=dim,
        class_counts=found.class_counts,
        class_names=found.class_names,
        step=found.step,
        latent=latent,
        batch_norm=found.batch_norm,
        devices=devices,
    )


def read_the_one(
    folder: Path,
    allow: Collection[str],
    step: str,
    weights: str | None,
    batch_norm: str | None = None,
) -> Generator:
    """The generator of a folder on all devices, for somebody who could have chosen one of a run.

    Args:
        folder, allow: as in `read_generator`.
        step: the checkpoint that was asked for; 'last' is no choice.
        weights, batch_norm: likewise; None is no choice.

    Raises:
        UserError: as `read_generator`, or something is chosen, and the folder has one of each.
    """
    asked = {'step': None if step == 'last' else step, 'weights': weights, 'batch_norm': batch_norm}
    for name, value in asked.items():
        if value is not None:
            raise UserError(
                f'{name} is {value}, and {folder} is an exported generator, which has one of each: '
                'leave it out, or give the workdir of its run'
            )
    return read_generator(folder, allow, sharding.workers(-1))


def read_leaves(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of an exported generator by name, 'params/Dense_0/kernel'; no code is run.

    Raises:
        UserError: the folder is damaged or holds links (65).
    """
    refuse_links(folder)
    found, path = descriptions.read(folder), folder / WEIGHTS
    forms = {name: struct_of(form) for name, form in tensors.forms(path).items()}
    return _checked_weights(folder, found, forms)


def _built(folder: Path, found: Description, allow: list[str]) -> tuple[nn.Module, Latent]:
    """The network and the latents, from modules of the folder where it has some."""
    with contextlib.ExitStack() as inside:
        if found.code:
            _refuse_code(folder, found, allow)
            place, names = folder / own_code.FOLDER, own_code.tops(found.code)
            inside.enter_context(own_code.imported_from(place, names))
        if wrong := block_faults_of(found, allow):
            raise UserError('\n'.join(f'{folder}/{descriptions.NAME}: {one}' for one in wrong))
        settings: Mapping[str, Any] = {**found._asdict()}
        try:
            network = build_generator(settings, found.shape, allow, len(found.class_counts))
            latent = build_latent(settings, allow)
        except PartError as error:
            raise UserError(f'{folder}/{descriptions.NAME}: {error}') from error
    if latent.fit is not None:
        raise UserError(
            f'{folder}/{descriptions.NAME}: latent.fn is {found.latent["fn"]}, whose latents are '
            'made of training images, which an exported generator has not: take its workdir'
        )
    return network, latent


def _refuse_code(folder: Path, found: Description, allow: list[str]) -> None:
    """Refuses code in the folder that is not allowed, or is not as it was exported."""
    names = own_code.tops(found.code)
    allowed = {one.partition('.')[0] for one in allow}
    if missing := [name for name in names if name not in allowed]:
        raise UserError(
            f'the network of {folder} is code of {", ".join(missing)}, which lies in '
            f'{folder / own_code.FOLDER} and would be run: read it and, if you trust it, give '
            + ' '.join(f'--allow={name}' for name in missing)
            + f', or allow={missing!r} in Python'
        )
    for name, digest in found.code.items():
        _refuse_other(folder / own_code.FOLDER / name, digest)


def _checked_weights(
    folder: Path, found: Description, expected: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    with _readable(folder / WEIGHTS) as path:
        leaves = tensors.read(path, expected)
    _refuse_other(path, found.weights_sha256)
    return leaves


def _refuse_other(path: Path, digest: str) -> None:
    with _readable(path), opened(path) as file:
        same = hashlib.file_digest(file, 'sha256').hexdigest() == digest
    if not same:
        raise UserError(
            f'{path} is not the file that was exported: take the folder as it was exported', DATA
        )


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """The path; an OSError inside becomes a sentence."""
    try:
        yield path
    except OSError as error:
        raise UserError(
            f'{path} cannot be read ({error.strerror}): take the folder as it was exported', DATA
        ) from error
