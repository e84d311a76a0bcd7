"""The functions that `import gan_jax` offers to a notebook or a program."""
