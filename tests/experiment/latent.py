"""R3GAN2 in the codes of digits by `my_convolutions.py` of docs/own_parts.md, small."""

import runpy


def get_config(text=''):
    c = runpy.run_path('configs/r3gan2_imagenet256_latent.py')['get_config'](text)
    c.steps, c.batch_size, c.dtype, c.latent.dim = 150, 16, 'float32', 8
    c.data.update(name='digits', size=16, autoencoder=dict(fn='my_convolutions.trained'))
    for network in (c.generator, c.discriminator):
        network.update(widths=(16,), group_size=16, blocks=1)
    c.generator.num_classes = c.logit.num_classes = 10
    for term in (c.terms.r1, c.terms.r2):
        term.weight = 1.0
    rate = dict(fn='gan_jax.schedules.inverse_root', peak=0.02, ramp=0.02, over=0.2, unit='run')
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate = dict(rate)
    c.every.update(log=50, sample=150, evaluate=150, full=150, checkpoint=150, snapshot=150)
    c.evaluate.update(metrics='fd_digits', full='', num=500)
    c.evaluate.seen = dict(fn='tests.a_fork.metrics.sides', every=150)
    return c
