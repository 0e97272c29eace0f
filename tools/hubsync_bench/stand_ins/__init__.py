"""What the measured process talks to: other processes, and cheap enough to be no brake."""
