"""How a program reads its command line and signals, and how it writes to the terminal."""
