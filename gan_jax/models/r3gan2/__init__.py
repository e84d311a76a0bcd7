"""R3GAN2: R3GAN's successor, with layers that preserve magnitudes, for 8, 16, 32, ... pixels.

There is no paper. The networks are built from a description of IFeelBloated/R3GAN2, down to the
numbers of parameters, of G / D:

    CIFAR-10      widths=(512,) * 3, num_classes=10                       17,335,425 / 17,720,832
                  without classes                                         17,269,249 / 17,192,448
    FFHQ, 64 px   widths=(512,) * 4                                       22,653,441 / 22,572,544
    FFHQ, 256 px  widths=(*(512,) * 4, 256, 128)                          24,855,425 / 24,771,456
    ImageNet, 32  widths=(1024,) * 3, num_classes=1000                    60,947,969 / 63,718,400
    ImageNet, 64  widths=(1024,) * 4, num_classes=1000                    80,104,961 / 82,867,200
    in codes of 32x32x32  widths=(512,) * 3, num_classes=1000             17,413,633 / 18,242,560

with latents of 64 numbers. G and D take the same widths, of the maps of 8, 16, ... pixels.

    generator:      fn='gan_jax.models.r3gan2.generator.Generator', num_classes=10
    discriminator:  fn='gan_jax.models.r3gan2.discriminator.Trunk'
    logit:          fn='gan_jax.models.r3gan2.discriminator.Logit', num_classes=10

Weights are used normalised (`magnitude`); the term `gan_jax.terms.forced_norm.forced_norm` also
stores them so after every update, as the authors do. Every block begins as the identity.
"""
