"""A train step compiled for accelerators that need not be here, and the numbers of its program."""
