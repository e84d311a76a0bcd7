"""Shared by every program: devices, processes, files, checkpoints, signals, errors, flags."""
