"""The operator's command `hubsync`: it asks, prints and decides nothing."""
