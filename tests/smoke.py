"""The shipped digits config, small enough to train in a test: --config=tests/smoke.py"""

import runpy
from pathlib import Path

SHIPPED = Path(__file__).parent.parent / 'configs' / 'digits.py'


def get_config(text=''):
    c = runpy.run_path(str(SHIPPED))['get_config'](text)
    c.steps = 30
    c.batch_size = 8
    c.latent.dim = 16
    c.generator.width = 0.0625
    c.discriminator.width = 0.0625
    c.evaluate.num = 100
    c.every.update(log=4, sample=10, evaluate=10, full=20, checkpoint=7, snapshot=5)
    c.mesh.data = 1
    # Fast enough that the pictures of two steps differ.
    c.optim.g.learning_rate = c.optim.d.learning_rate = 0.003
    return c
