"""A search from beginning to end: explore, shrink, confirm, save."""
