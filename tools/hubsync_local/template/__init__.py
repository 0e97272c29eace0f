"""template.yaml as the local stack understands it."""
