"""A run of a small StyleGAN2, through the public command."""

from pathlib import Path
from typing import Any

from gan_jax import train

TINY = Path(__file__).parent / 'sweeps' / 'tiny.py'
CONFIG = """import runpy
def get_config(text=''):
    c = runpy.run_path({tiny!r})['get_config']('method=none')
    c.generator = dict(
        fn='gan_jax.models.stylegan2.generator.Generator', num_classes=10, units=8, layers=1,
        base=64, most=4, **{further!r})
    c.data.size = 8
    c.steps = {steps}
    return c
"""


def trained(folder: Path, steps: int, **further: Any) -> Path:
    """The workdir of a run of some steps, in a folder.

    Args:
        folder: exists.
        steps: of the run.
        **further: of the generator's block.
    """
    config, run = folder / 'styled.py', folder / 'run'
    config.write_text(CONFIG.format(tiny=str(TINY), further=further, steps=steps))
    assert train.main([f'--config={config}', f'--workdir={run}']) == 0
    return run
