"""Shrinking a failing run: what is tried, in which order, and what counts as smaller."""
