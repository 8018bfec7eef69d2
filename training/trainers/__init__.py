"""One training run as a process of its own: `python -m training.trainers run.json`."""
