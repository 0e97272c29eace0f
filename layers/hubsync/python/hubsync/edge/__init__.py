"""Side effects: what can fail for reasons that are not ours."""
