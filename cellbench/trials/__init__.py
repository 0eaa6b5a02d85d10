"""One trial: the training of one configuration on one fold with one seed, its scores, and its files."""
