"""StyleGAN2 (Karras et al. 2019, arXiv 1912.04958) with ADA's configurations (arXiv 2006.06676).

A side of the map, 4, 8, 16, ..., is a block. ch(side) = min(base / side, most) are its channels.

    mapping     z, and a dense layer of the class, each over its root mean square; `layers` dense
                layers, whose weights move at a hundredth of the rate: w
    generator   a learned 4×4 constant; a block has two 3×3 convolutions, and the first doubles the
                map; each is modulated by w and has noise, a bias and a leaky ReLU
    skip        an RGB image at every side, doubled and added up (the default)
    resnet      a 1×1 shortcut in every block, both paths times √½; RGB at the last side alone
    orig        neither
    trunk       1×1 from RGB; a block has two 3×3 convolutions, and the second halves the map
                ('resnet': beside a 1×1 shortcut); at 4×4 the minibatch standard deviation, a 3×3
                convolution, a dense layer
    logit       a dense layer; with classes <dense layer of the features, mapping of the class>

    generator:      fn='gan_jax.models.stylegan2.generator.Generator', num_classes=10, layers=2
    discriminator:  fn='gan_jax.models.stylegan2.discriminator.Trunk', architecture='orig', group=32
    logit:          fn='gan_jax.models.stylegan2.discriminator.Logit', num_classes=10

These are ADA's networks for CIFAR-10, with z of 512 numbers: 20,215,315 and 23,089,664 parameters,
without classes 19,947,539 and 20,720,641. Its configuration 'auto' has the trunk's 'resnet',
group=4, and below 512 pixels base=16384. A trunk with a group looks across the batch, so
`config.joint` has to be False.

Kernels are [height, width, inputs, outputs]. To take weights of the published code, transpose its
kernels, and reorder the rows of the trunk's dense layer, which are [height, width, channel] here
and [channel, height, width] there; `tests/oracle/published_weights.py` of the repository does so.
"""
