"""Session (perform, settle, compare) and what drives it: explore, replay, minimise."""
