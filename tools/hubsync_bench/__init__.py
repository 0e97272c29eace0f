"""Figures that anyone can reproduce: `make bench`. Each row says what it measures."""
