"""A grid of runs: what is in it, what came of it, and how that is shown."""
