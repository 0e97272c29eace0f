"""The main job with definite faults: what is sent, how it runs, what it shows."""
