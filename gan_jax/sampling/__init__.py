"""Sampling: images from a trained generator."""
