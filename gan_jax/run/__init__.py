"""One run in its workdir: log, pictures, checkpoints, evaluation, resuming, reading it back."""
