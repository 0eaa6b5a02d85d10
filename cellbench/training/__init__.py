"""Trains one auto-encoder: configuration, augmentation, checkpoints, embeddings."""
