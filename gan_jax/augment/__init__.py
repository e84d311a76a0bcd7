"""Augmentations, and policies of them as text; called, it is `api.augmenting.augment`."""

from gan_jax.runtime import callable_module

callable_module.calls(__name__, 'gan_jax.api.augmenting.augment')
