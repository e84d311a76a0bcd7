"""Reports: a run, or several, as one HTML page that needs nothing else."""
