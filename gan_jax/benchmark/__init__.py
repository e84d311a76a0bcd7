"""The cost of a config on this machine: `python -m gan_jax.benchmark`."""
