"""Classifiers built on a trained encoder."""
