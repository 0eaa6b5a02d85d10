"""The training of one auto-encoder: configuration, augmentation, checkpoints, embeddings."""
