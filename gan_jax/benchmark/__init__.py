"""How long a training step takes, and where the time goes."""
