"""Workloads of the benchmark: a config's train step, and the config with something left out."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Jaxpr
from jax.sharding import Mesh

from gan_jax.benchmark.flops import Work, of_jaxpr, trace
from gan_jax.data import DataSet
from gan_jax.data.dataset import as_seen
from gan_jax.experiment import setup
from gan_jax.experiment.build import Experiment
from gan_jax.experiment.images import load_images, outline_images
from gan_jax.experiment.program import Program
from gan_jax.runtime.errors import MISSING, UserError
from gan_jax.state import nbytes, trained
from gan_jax.step import make_train_step

RANDOM = 4096  # random images that replace a data set that is not here

Settings = Mapping[str, Any]


class Workload(NamedTuple):
    """The train step of a config on a data set; nothing is compiled yet.

    Attributes:
        settings: the resolved config, every term acting in every step.
        dataset: the images that it trains on, or codes in their place.
        experiment: networks, terms and hyperparameters.
        program: the train step.
    """

    settings: Settings
    dataset: DataSet
    experiment: Experiment
    program: Program

    @property
    def mesh(self) -> Mesh:
        """The devices that share a batch."""
        return self.program.shapes.step.sharding.mesh

    def traced(self) -> Jaxpr:
        """The jaxpr of a step, without dead code."""
        settings, shape = self.settings, self.dataset.images.shape[1:]
        rows = self.experiment.gan.batches(settings['d_steps']), settings['batch_size']
        batch = {
            'image': jax.ShapeDtypeStruct((*rows, *shape), self.dataset.images.dtype),
            **dict.fromkeys(('label', 'index'), jax.ShapeDtypeStruct(rows, np.int32)),
        }
        step = make_train_step(self.experiment.gan, self.experiment.terms)
        return trace(step, self.program.shapes, batch, self.experiment.hyper)

    def state_bytes(self) -> int:
        """Bytes of the state."""
        return nbytes(self.program.shapes)

    def gradients(self) -> int:
        """Bytes of the gradients that a step sums over devices: of D in each update, and of G.

        The gradients of networks of terms are among them.
        """
        state, terms = self.program.shapes, self.experiment.terms
        d, g = (
            nbytes([net.params for net in trained(state, side, terms).values()]) for side in 'dg'
        )
        return self.settings['d_steps'] * d + g

    def work(self) -> Work:
        """The work of a step; its bytes include the state, in and out."""
        work = of_jaxpr(self.traced())
        return work._replace(bytes=work.bytes + 2 * self.state_bytes())


def make_workload(
    settings: Settings, dataset: DataSet, among: Sequence[jax.Device] | None = None
) -> Workload:
    """The workload of a config on a data set.

    Args:
        settings: the resolved config.
        dataset: the images that it trains on.
        among: as in `setup.build_trainer`.

    Raises:
        UserError: as `setup.build_trainer`.
    """
    settings = copy.deepcopy(dict(settings))
    for block in settings['terms'].values():
        block.pop('every', None)  # so that all steps are the same
    built = setup.build_trainer(settings, dataset, among=among)
    return Workload(settings, as_seen(dataset), *built)


def images_of(settings: Settings) -> tuple[DataSet, bool]:
    """The data set of a config, and whether it is real.

    A published data set that is not prepared is replaced by random images of its form, which cost
    the same.

    Raises:
        UserError: as `load_images`, for other data sets.
    """
    form, real = form_of(settings)
    if real:
        return form, True
    rng, total = np.random.default_rng(0), max(RANDOM, settings['batch_size'])
    form = as_seen(form)
    images = rng.integers(0, 256, (total, *form.images.shape[1:]), np.uint8)
    if form.images.dtype != np.uint8:  # of codes
        images = (images / 255).astype(form.images.dtype)
    labels = rng.integers(0, form.num_classes, total, np.int32) if form.num_classes else None
    return form._replace(images=images, labels=labels), False


def form_of(settings: Settings) -> tuple[DataSet, bool]:
    """The data set of a config, or blank images of its form; and whether it is real.

    Raises:
        UserError: as `load_images`, for a data set that is not published.
    """
    asked = settings['data']
    try:
        return load_images(asked), True
    except UserError as error:
        form = outline_images(asked)
        if error.status != MISSING or form is None:
            raise
        return form, False


def kept_term(settings: Settings) -> str:
    """The term that is never left out: 'adversarial', or the first if none has that name."""
    active = [name for name in settings['terms'] if _acts(settings, name)]
    return 'adversarial' if 'adversarial' in active else active[0]


def left_out(settings: Settings) -> tuple[dict[str, Settings], Settings]:
    """The config with one part left out, for each part, and with all of them left out.

    The parts are all terms but `kept_term`, the augmentation of reals and the critic's.

    Returns:
        part -> config, and the config without all parts.
    """
    changes: dict[str, Callable[[Any], None]] = {}
    for name in settings['terms']:
        if name != kept_term(settings) and _acts(settings, name):
            changes[f'terms.{name}'] = lambda s, name=name: _silence(s['terms'][name])
    for use in ('real', 'critic'):
        if settings['augment'][use]:
            changes[f'augment.{use}'] = lambda s, use=use: s['augment'].update({use: ''})
    alone = _changed(settings, *changes.values())
    return {name: _changed(settings, change) for name, change in changes.items()}, alone


def state_of(whole: Any, shapes: Any) -> Any:
    """A copy of a state for a program whose config leaves parts out.

    Args:
        whole: the state of the whole config's program.
        shapes: of the other program's state.
    """
    leaves = dict(jax.tree_util.tree_leaves_with_path(whole))
    return jax.tree_util.tree_map_with_path(lambda path, _: leaves[path].copy(), shapes)


def _acts(settings: Settings, name: str) -> bool:
    return any(jax.tree.leaves(settings['terms'][name]['weight']))


def _silence(block: dict[str, Any]) -> None:
    block['weight'] = jax.tree.map(lambda _: 0.0, block['weight'])


def _changed(settings: Settings, *changes: Callable[[Any], None]) -> Settings:
    changed = copy.deepcopy(settings)
    for change in changes:
        change(changed)
    return changed
