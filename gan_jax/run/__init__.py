"""One run in its workdir: training state, log, pictures, checkpoints, and reading it all back."""
