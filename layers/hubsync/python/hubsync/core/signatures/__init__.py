"""Who sent a request."""
