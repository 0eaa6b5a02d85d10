"""How fast cellbench is, always beside a peer in the same run: `make perf`."""
