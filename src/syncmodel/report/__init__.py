"""Reports of a history, for people and programs."""
