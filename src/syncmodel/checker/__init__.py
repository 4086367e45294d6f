"""A generic, bounded, exhaustive model checker. Pure; knows nothing of sync."""
