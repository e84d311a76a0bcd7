"""The cost of one augmentation in a step, compiled by itself.

That is an upper bound: inside a step an augmentation shares a program, and some memory traffic,
with its neighbours.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.augment.operation import Op
from gan_jax.benchmark.timing import Candidate
from gan_jax.benchmark.workload import Workload
from gan_jax.experiment import named_code
from gan_jax.experiment.blocks import is_block
from gan_jax.keys import named
from gan_jax.runtime import sharding

STRENGTH = 0.25  # of an op alone, in the range of every op; the cost does not depend on it


class Recipe(NamedTuple):
    """An op or a policy with the strength that it is called with."""

    apply: Op
    strength: np.float32


def ops() -> dict[str, Recipe]:
    """Every op by its name."""
    return {name: Recipe(op, np.float32(STRENGTH)) for name, op in policies.OPS.items()}


def policies_of(settings: Mapping) -> dict[str, Recipe]:
    """Every policy that a config names, as a whole, by its text; a scheduled strength is fixed."""
    terms = settings['terms'].values()
    texts = [settings['augment'][use] for use in ('real', 'critic', 'view')]
    texts += [block.get('policy', '') for block in terms]
    given = named_code.amounts(settings, 'strength').items()
    strengths = {text: STRENGTH if is_block(at.value) else at.value for text, at in given}
    return {
        text: Recipe(policies.parse(text), np.float32(strengths.get(text, 0)))
        for text in dict.fromkeys(texts)
        if text
    }


def candidates(recipe: Recipe, workload: Workload) -> dict[str, Candidate]:
    """The candidates 'forward' and 'through' of an augmentation.

    'forward' augments a batch of reals and a batch of fakes, as bCR does in each update of D.
    'through' augments fakes and computes their gradient, as an update of G does.
    """
    shape = workload.settings['batch_size'], *workload.dataset.images.shape[1:]
    images = np.random.default_rng(0).random((3, *shape), np.float32)
    where = sharding.batch_sharding(workload.mesh)
    real, fake, cotangent = (jax.device_put(array, where) for array in images)
    key = jax.random.key(0)

    def forward(real, fake):
        batches = {'real': real, 'fake': fake}
        return [recipe.apply(named(key, n), x, recipe.strength) for n, x in batches.items()]

    def through(fake, cotangent):
        own = named(key, 'fake')
        augmented, back = jax.vjp(lambda x: recipe.apply(own, x, recipe.strength), fake)
        return augmented, back(cotangent)

    return {
        'forward': _calls(jax.jit(forward), real, fake),
        'through': _calls(jax.jit(through), fake, cotangent),
    }


def _calls(function, *arguments) -> Candidate:
    # Devices of a CPU share its threads: two concurrent calls with collectives, as `mixup` has,
    # could each hold a thread and wait for the other.
    one_by_one = jax.default_backend() == 'cpu'

    def take(count: int) -> None:
        for _ in range(count):
            result = function(*arguments)
            if one_by_one:
                jax.block_until_ready(result)
        jax.block_until_ready(result)

    return take
