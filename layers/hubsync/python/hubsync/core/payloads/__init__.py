"""What a request says: payloads to change events."""
