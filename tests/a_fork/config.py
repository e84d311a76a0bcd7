"""A run in which all that can be one's own is: no line of gan_jax knows this folder.

python -m gan_jax.train --config=tests/a_fork/config.py --workdir=DIR
"""

import runpy


def get_config():
    c = runpy.run_path('tests/smoke.py')['get_config']('method=none')
    c.steps = 4
    c.every.update(log=2, sample=4, evaluate=4, full=4, checkpoint=2)
    c.generator = dict(fn='tests.a_fork.networks.Generator', width=8)
    c.augment.view = 'tests.a_fork.operations.negative'
    c.averages = dict(d=dict(halflife_images=64.0, ramp=0.5))
    c.terms.novelty = dict(fn='tests.a_fork.terms.novelty', weight=0.1)
    c.terms.novelty.temperature = dict(
        fn='tests.a_fork.schedules.stairs', start=2.0, height=0.5, over=2.0, unit='steps'
    )
    c.data = dict(fn='tests.a_fork.reader.stripes', name='stripes', size=16)
    c.data.update(dir='', fraction=1.0, subset_seed=0, held_out=0.0, background='')
    c.evaluate.metrics = ''
    c.evaluate.full = ''
    c.evaluate.brightness = dict(fn='tests.a_fork.metrics.brightness', every=2)
    c.evaluate.largest = dict(fn='tests.a_fork.metrics.largest', every=1)
    c.writers.rows = dict(fn='tests.a_fork.writers.rows')
    return c
