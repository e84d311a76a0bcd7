"""gan_jax: GANs with augmentation, consistency and contrastive regularisation, in JAX."""
