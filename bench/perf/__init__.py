"""Speed of cellbench compared with peers in the same run: `make perf`."""
