"""Where steps are performed; one file per kind of system."""
