"""What is to be written of each record, and what came of it."""
