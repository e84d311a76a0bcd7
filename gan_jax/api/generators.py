"""`gan_jax.load_generator`: a trained generator from wherever it lies."""

from collections.abc import Collection
from pathlib import Path

from gan_jax.api.quiet import quiet
from gan_jax.exported import hub
from gan_jax.run.flags import STEP
from gan_jax.run.generators import restore_generator
from gan_jax.runtime.errors import UserError
from gan_jax.runtime.paths import expanded
from gan_jax.runtime.ranges import quoted
from gan_jax.sampling.generator import Generator


@quiet()
def load_generator(
    source: str | Path,
    *,
    step: int | str | None = None,
    weights: str | None = None,
    allow: str | Collection[str] = (),
    data_dir: str | Path | None = None,
) -> Generator:
    """A trained generator, without its discriminator, its terms or a train step.

    `generator.generate(range(64))` gives the 64 images of `python -m gan_jax.sample`, uint8
    [64, H, W, C]; `z = generator.latents(seeds)` gives latents [N, Z], and
    `generator.generate(z, label=3)` makes images of these, or of others; see
    `sampling.generator.Generator`.

    Args:
        source: the workdir of a run, a folder of `python -m gan_jax.export`, or the name of such a
            folder on the Hugging Face Hub, 'user/repository' or 'user/repository@revision', for
            which the extra 'hub' is needed.
        step: of a run: a number, 'last' or 'best'; None is the last.
        weights: of a run: 'ema', 'raw', an average by its name in the config, or 'std:0.08', made
            of the averages with a std; None is as its config says.
        allow: packages that you trust: code of them that the config names is run. Code of other
            packages is refused, but for what gan_jax has for that place.
        data_dir: of a run: the folder of its data, for latents that are made of the training
            images. Other generators need no data.

    Raises:
        UserError: a sentence: there is no such run, step or weights, or it names other code.
    """
    chosen = 'last' if step is None else f'{step}'
    if not STEP.holds(chosen):
        raise UserError(f'step is {quoted(step)}: give {STEP}')
    name, allowed = f'{source}', [allow] if isinstance(allow, str) else [*allow]
    folder = hub.pull(name) if hub.is_name(name) else expanded(source)
    place = None if data_dir is None else expanded(data_dir)
    return restore_generator(folder, chosen, allowed, weights=weights, data_dir=place)
