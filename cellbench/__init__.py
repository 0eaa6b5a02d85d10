"""Unsupervised representations of centred cells: suppression of surroundings, models, training and scores."""

__version__ = "0.1.0"
