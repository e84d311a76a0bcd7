"""The smallest R3GAN in the codes of tests/a_fork/autoencoders.py."""

import runpy


def get_config(text=''):
    c = runpy.run_path('configs/digits_r3gan.py')['get_config'](text)
    c.steps, c.batch_size, c.latent.dim = 4, 20, 8
    c.every.update(log=2, sample=4, evaluate=4, full=4, checkpoint=2, snapshot=4)
    c.generator.widths = c.discriminator.widths = (8, 8)
    c.terms.r1.weight = c.terms.r2.weight = 1.0
    for optimizer in (c.optim.g, c.optim.d):
        optimizer.learning_rate, optimizer.b2 = 1e-3, 0.9
    c.data.autoencoder = dict(fn='tests.a_fork.autoencoders.patches')
    c.evaluate.update(metrics='fd_digits,gsnr', full='', num=100)
    return c
