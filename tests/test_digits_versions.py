"""Versions of published networks for digits of 16 pixels: each trains by one command."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('quick')]

CONFIGS = Path(__file__).parent.parent / 'configs'
STYLEGAN2 = ('generator.units=8', 'generator.most=4', 'discriminator.most=4')
BIGGAN = (
    *('generator.shared=4', 'latent.dim=8'),
    *('generator.widths=[8,4,4]', 'discriminator.widths=[8,4,4]'),
)
# The shipped ones are narrow; these are for the compiler.
NARROW = {
    'digits_stylegan3': (*STYLEGAN2, 'generator.depth=3'),
    'digits_biggan': BIGGAN,
    'digits_biggan:network=sagan': ('generator.channels=1', 'discriminator.channels=1'),
    'digits_biggan:method=reacgan': BIGGAN,
    'digits_stylegan2:method=insgen': STYLEGAN2,
}
FEW = ('steps=3', 'batch_size=8', 'mesh.data=1', 'evaluate.metrics=')
OFTEN = [f'every.{what}=3' for what in ('log', 'sample', 'checkpoint')]


@pytest.mark.parametrize('name', NARROW)
def test_trains_by_one_command(name, tmp_path):
    file, _, arguments = name.partition(':')
    flags = [f'--config.{one}' for one in (*NARROW[name], *FEW, *OFTEN)]
    config = f'--config={CONFIGS / file}.py:{arguments}'
    assert train.main([config, f'--workdir={tmp_path}', *flags]) == 0
    rows = [json.loads(line) for line in (tmp_path / 'metrics.jsonl').read_text().splitlines()]
    measured = {name: value for row in rows for name, value in row.items() if '/' in name}
    assert {'d/grad_norm', 'g/grad_norm', 'g/adversarial/fake'} <= {*measured}
    assert all(math.isfinite(value) for value in measured.values())
    before, after = (np.asarray(Image.open(tmp_path / f'samples/{n:08}.png')) for n in (0, 3))
    assert after.std() > 0 and not np.array_equal(before, after)
