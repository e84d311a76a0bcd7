"""What a config costs on this machine: `python -m gan_jax.benchmark`."""
