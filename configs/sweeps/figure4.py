"""Figure 4 of Zhao et al. 2020, arXiv 2006.02595: does an augmentation make real and fake overlap?

    python -m configs.sweeps.figure4 --workdir=workdirs/digits
    python -m configs.sweeps.figure4 --workdir=workdirs/stacked --augment=translation,redness,mixup

No sweep: a trained run, and for each augmentation t and strength the ratio of the Fréchet distance
between t(real) and t(generated) to that between real and generated. Below 1 the two sets have come
closer. Writes figure4.csv, figure4.md and figure4.png to DIR/results, and prints the table.

In the paper (read off the figure, ends of the curves, weak to strong): translation 0.85 to 0.5,
instance_noise 0.8 to 0.33, greenness 0.97 to 0.72, mixup 0.97 to 0.67; overlap alone does not make
better samples, as instance_noise shows. Which strengths and which run the figure is of is not given
to us: here any run, and the strengths are --strength. Real images are the train split, and each
image, real or generated, meets its own draw. The features are the embedded digits classifier's, so
the run must be one on digits.
"""

if __name__ == '__main__':
    from gan_jax.runtime import begin

    begin.command()

import argparse
import csv
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.augment import policy as policies
from gan_jax.evaluate import features, frechet
from gan_jax.evaluate.digit_metrics import DIGITS
from gan_jax.experiment import blocks, config
from gan_jax.keys import named
from gan_jax.run import trained
from gan_jax.run.flags import add_data_flag, add_flags
from gan_jax.runtime import cli
from gan_jax.runtime.errors import UserError

BATCH = 500  # images that mixup and cutmix find their partners among
AUGMENT = 'translation,instance_noise,greenness,mixup'
STRENGTH = '0.1,0.2,0.3,0.4,0.5'

Ratios = Mapping[tuple[str, float], float]


def main(arguments: Sequence[str]) -> None:
    """Measures one run."""
    flags = _parse(arguments)
    run = trained.restore_run(flags.workdir, flags.step, flags.allow, data_dir=flags.data_dir)
    if run.setup.reference.name not in DIGITS:
        raise UserError(
            f"the features are of digits and mean nothing on '{run.setup.reference.name}': "
            'give the --workdir of a run on digits'
        )
    drawn = run.setup.generate(run.checkpoint.state, flags.seed, range(flags.num))
    fake = np.concatenate(list(drawn))
    found = ratios(run.setup.reference.images, fake, flags.augment, flags.strength, seed=flags.seed)
    folder = flags.workdir / 'results'
    folder.mkdir(exist_ok=True)
    _write(folder, found)
    print((folder / 'figure4.md').read_text(), end='')
    try:
        _draw(folder / 'figure4.png', found)
    except ImportError:
        print("figure4.png is left out: matplotlib is missing; pip install 'gan_jax[plots]'")


def ratios(
    real: np.ndarray,
    fake: np.ndarray,
    ops: Sequence[str],
    strengths: Sequence[float],
    *,
    seed: int = 0,
    extract: Callable[[np.ndarray], np.ndarray] = lambda images: features.digits(images).features,
) -> dict[tuple[str, float], float]:
    """FD(t(real), t(fake)) / FD(real, fake) for every augmentation and strength.

    Args:
        real: uint8 [N, H, W, C].
        fake: uint8 [M, H, W, C].
        ops: policies that take a strength.
        strengths: of each.
        seed: of the draws.
        extract: uint8 [n, H, W, C] -> features [n, F].
    """

    def distance(real, fake):
        moments = [frechet.moments(extract(images)) for images in (real, fake)]
        return frechet.distance(*moments)

    plain, found = distance(real, fake), {}
    for op in ops:
        change = _augment(op)
        for strength in strengths:
            root = jax.random.key(seed)
            pair = [
                change(named(root, kind), images, strength)
                for kind, images in (('real', real), ('fake', fake))
            ]
            found[op, strength] = distance(*pair) / plain
    return found


def _augment(op: str) -> Callable[[jax.Array, np.ndarray, float], np.ndarray]:
    """(key, uint8 [N, H, W, C], strength) -> uint8 of the same shape; one compilation an op."""

    @jax.jit
    def batch(key, images, strength):
        changed = policies.parse(op)(key, images.astype(jnp.float32) / 255, strength)
        return jnp.round(changed * 255).astype(jnp.uint8)

    def change(key, images, strength):
        parts = [images[first : first + BATCH] for first in range(0, len(images), BATCH)]
        keys = [named(key, i) for i in range(len(parts))]
        return np.concatenate(
            [batch(k, part, np.float32(strength)) for k, part in zip(keys, parts, strict=True)]
        )

    return change


def _write(folder: Path, found: Ratios) -> None:
    ops, strengths = _axes(found)
    with (folder / 'figure4.csv').open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['augment', 'strength', 'ratio'])
        writer.writerows([op, strength, ratio] for (op, strength), ratio in found.items())
    rows = [['augmentation', *map(str, strengths)], ['---'] * (1 + len(strengths))]
    rows += [[op, *(f'{found[op, s]:.2f}' for s in strengths)] for op in ops]
    (folder / 'figure4.md').write_text(''.join(f'| {" | ".join(row)} |\n' for row in rows))


def _draw(path: Path, found: Ratios) -> None:
    from matplotlib.figure import Figure

    ops, strengths = _axes(found)
    figure = Figure(figsize=(5, 3.5), layout='constrained')
    axis = figure.subplots()
    for op in ops:
        axis.plot(strengths, [found[op, s] for s in strengths], marker='o', label=op)
    axis.axhline(1, color='grey', linewidth=1)
    axis.set(xlabel='strength', ylabel='FD(t(real), t(fake)) / FD(real, fake)')
    axis.legend()
    figure.savefig(path, dpi=150)


def _axes(found: Ratios) -> Iterator[list]:
    return (list(dict.fromkeys(column)) for column in zip(*found, strict=True))


def _numbers(text: str) -> list[float]:
    return [cli.within(blocks.NUMBER)(number) for number in text.split(',')]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = cli.Parser('configs.sweeps.figure4', __doc__.splitlines()[0])
    add_flags(parser)
    add_data_flag(parser)
    parser.add_argument('--augment', default=AUGMENT, help='a,b; each takes the strength')
    parser.add_argument('--strength', default=STRENGTH, type=_numbers, help='a,b')
    parser.add_argument(
        '--num',
        type=cli.within(config.VALUES['evaluate.num']),
        default=5000,
        help='generated images',
    )
    parser.add_argument(
        '--seed', type=cli.within(config.VALUES['seed']), default=0, help='of latents and draws'
    )
    flags = parser.parse_args(arguments)
    try:
        flags.augment = flags.augment.split(',')
        for op, strength in itertools.product(flags.augment, flags.strength):
            policies.check(op, strength)
    except ValueError as error:
        parser.error(str(error))
    return flags


if __name__ == '__main__':
    cli.run(main)
