"""The flags of every command, a module each, and its --help; reading them needs no JAX."""
