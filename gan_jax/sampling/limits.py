"""Limits of what is drawn, which the command line names without JAX."""

import re

from gan_jax.runtime.ranges import Number

MOST_IMAGES = 1_000_000  # of one seed: a picture or a metric holds them in memory

PSI = Number(0, 1)  # share of w's way from its average

BATCH_NORM = re.compile(r'moving|batch|standing\(([1-9]\d{0,3})\)')
