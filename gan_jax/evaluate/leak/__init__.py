"""The leak meter: the share of generated images that show an augmentation of the reals."""
