"""Machines that are rented: one file per provider, and what all of them have in common."""
