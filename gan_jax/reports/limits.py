"""Limits of a report, which the command line names without JAX."""

RUNS = 12  # in one report, at most: a colour for each, and room for their pictures
