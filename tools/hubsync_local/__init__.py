"""A stack without Docker for development and tests; never shipped."""
