"""The train step in PyTorch, to time ours against; torch is imported by `step` and what it uses."""
