"""Where nodes live; one file per kind of place."""
