"""Sweeps: a grid of runs, its training, its tables and its figure."""
