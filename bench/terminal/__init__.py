"""How a program speaks and listens."""
