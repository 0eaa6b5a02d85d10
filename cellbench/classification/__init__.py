"""Classifiers on a trained encoder."""
