"""Decisions, without clock, socket, environment or randomness: same input, same answer."""
