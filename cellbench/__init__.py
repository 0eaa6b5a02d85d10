"""Unsupervised representations of centred cells: data sets, suppression, models, training, scores."""

__version__ = "0.1.0"
