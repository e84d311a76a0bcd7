"""Every augmentation op, under the name by which a policy finds it.

The ops are the augmentations of "Image Augmentations for GAN Training" (Zhao et al. 2020,
2006.02595), of the methods that it is compared with, and of later work on representations.

Every op is `op(key, images, strength)`: float images [B, H, W, C] in [0, 1] to images of the same
shape, dtype and range, with a fresh draw for each image; `strength` is the paper's λ, a traced
scalar that bounds the amount α drawn for an image, unless the op says otherwise. Strength 0 is the
identity, bit for bit, except for `simclr`, whose strength drives the crop only. `flip`, `rotate90`
and DiffAugment's ops have no strength. The strength of ADA's is a probability. DiffAugment's and
ADA's do not clip to the range. The key is consumed. Gradients flow through the images.
`operation.op` lists the errors.

A new op is a new function in the file of its kind, imported here.
"""

# ruff: noqa: F401  (imported to be found)

from gan_jax.augment.ada.pipe import ada_bg, ada_bgc, ada_bgcfnc, ada_r3gan
from gan_jax.augment.detail import blur, instance_noise
from gan_jax.augment.diffaugment import (
    diffaugment_color,
    diffaugment_cutout,
    diffaugment_translation,
)
from gan_jax.augment.fields import random_field
from gan_jax.augment.masks import patch_mask, random_erasing
from gan_jax.augment.mixing import cutmix, mixup
from gan_jax.augment.quantisation import random_quantisation
from gan_jax.augment.random_ops import augmix, randaugment
from gan_jax.augment.simclr import simclr
from gan_jax.augment.spatial import (
    cutout,
    flip,
    rotate90,
    shift,
    translation,
    translation_x,
    translation_y,
    zoom_in,
    zoom_out,
)
from gan_jax.augment.tones import (
    blueness,
    brightness,
    contrast,
    grayscale,
    greenness,
    hue,
    redness,
    saturation,
)
