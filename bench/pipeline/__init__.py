"""The order of a search's stages; the only package that uses tuning, tracking and reporting together."""
