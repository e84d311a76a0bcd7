"""The leak meter: how much of an augmentation a generator has learned to draw."""
