"""Clusters on anyone's hosts: the file that names them, and the target that is made of it."""
