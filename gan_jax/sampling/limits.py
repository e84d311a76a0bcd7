"""Limits of what is drawn, which the command line names without JAX."""

import re

from gan_jax.runtime.ranges import Integer, Number

MOST_IMAGES = 1_000_000  # of one seed: a picture or a metric holds them in memory

PSI = Number(0, 1)  # share of w's way from its average
PSI_LAYERS = Integer(1, 1000)  # the first layers that psi is for; no network has as many

BATCH_NORM = re.compile(r'moving|batch|standing\(([1-9]\d{0,3})\)')
