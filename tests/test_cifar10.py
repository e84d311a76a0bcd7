"""From an archive of CIFAR-10 to trained networks, through the public commands."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.archives import maker

ROOT = Path(__file__).parent.parent
# Parameters at full width, the published ones without biases before a BatchNorm, and what makes the
# networks small.
CONFIGS = {
    'sndcgan': (3_820_099, 5_860_865, 'width=0.0625'),
    'resnet': (4_275_971, 1_053_825, 'width=0.0625'),
    'biggan': (9_415_044, 2_378_114, 'channels=8'),
}


def ordered(*words):
    """Runs `python -m gan_jax.` those words; what it says."""
    command = [sys.executable, '-m', f'gan_jax.{words[0]}', *map(str, words[1:])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('name', CONFIGS)
def test_prepared_trained_and_sampled(name, tmp_path):
    source, _ = maker.cifar10(tmp_path)
    out = ordered('prepare', '--dataset=cifar10', f'--source={source}', f'--data_dir={tmp_path}')
    assert 'train: 500 images of 32x32x3, 10 classes' in out

    command = ('train', f'--config=configs/cifar10_{name}.py', f'--config.data.dir={tmp_path}')
    generator, discriminator, small = CONFIGS[name]
    unmeasured = ['--config.evaluate.metrics=', '--config.evaluate.full=']
    text = ordered(*command, *unmeasured, '--dry_run')
    assert f'generator: {generator:,} parameters' in text
    assert f'discriminator: {discriminator:,} parameters' in text

    run = tmp_path / 'run'
    sizes = [f'--config.{side}.{small}' for side in ('generator', 'discriminator')]
    little = ['--config.steps=2', '--config.batch_size=8']
    out = ordered(*command, *sizes, *little, *unmeasured, f'--workdir={run}')
    assert 'done: 2 steps' in out
    row = json.loads((run / 'metrics.jsonl').read_text().splitlines()[-1])
    assert row['step'] == 2 and all(map(math.isfinite, row.values()))

    ordered('sample', f'--workdir={run}', '--num=3', f'--out={tmp_path / "images"}')
    images = [np.asarray(Image.open(file)) for file in (tmp_path / 'images').iterdir()]
    assert [image.shape for image in images] == [(32, 32, 3)] * 3
