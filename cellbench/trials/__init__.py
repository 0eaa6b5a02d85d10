"""One trial: train one configuration on one fold with one seed, score it, and write its files."""
