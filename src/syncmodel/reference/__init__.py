"""The reference system: the node that syncmodel tests itself with, and the places it runs in."""
