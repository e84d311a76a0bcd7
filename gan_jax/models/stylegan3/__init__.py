"""StyleGAN3-T (Karras et al. 2021, arXiv 2106.12423): images that move as their latents say.

A map is taken for samples of a continuous signal, and no layer lets frequencies alias. So a shift
of the input, which is waves over the plane, shifts the image, and not its texture under it.

    mapping     StyleGAN2's, two layers
    input       waves sin 2π(f·x + φ) turned and shifted by w, then a dense layer
    layer       a modulated 3×3 convolution; the map is sampled more finely, goes through a leaky
                ReLU and is sampled again, each time through a low-pass filter; 14 of them
    image       a modulated 1×1 convolution without demodulation; a quarter of it

From layer to layer the band grows from 2 waves a side to half the image's pixels, see `bands`.
Maps are 10 samples wider than the image on each side, but for the last two. There is no noise and
there are no mixed styles.

    generator:      fn='gan_jax.models.stylegan3.generator.Generator'
    discriminator:  fn='gan_jax.models.stylegan2.discriminator.Trunk', architecture='resnet'
    logit:          fn='gan_jax.models.stylegan2.discriminator.Logit'

The generator has 37,768,199 parameters at 32 and 64 pixels, 32,833,523 at 128; with base=16384
32,300,555 at 64 and 27,034,685 at 128. It takes 8 to 20 times the products of StyleGAN2's at these
sizes, see docs/results.md. StyleGAN3-R, with 1×1 kernels and round filters, is not here.
"""
