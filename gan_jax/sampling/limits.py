"""Limits of what is drawn, which the command line names without JAX."""

import re

MOST_IMAGES = 1_000_000  # of one seed: a picture or a metric holds them in memory

BATCH_NORM = re.compile(r'moving|batch|standing\(([1-9]\d{0,3})\)')
