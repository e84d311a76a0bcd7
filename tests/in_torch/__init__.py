"""The train step in PyTorch, to compare ours with; only `supported` imports no torch.

A package with an `__init__.py`, as no other folder of tests: the benchmark loads it by its path.
"""
