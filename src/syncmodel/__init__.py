"""syncmodel: a tester of sync and rollback for clusters of replicated nodes.

A run is a list of steps; the model says what each node may show after each of them; engines
differ only in where the steps come from and where they are performed. See docs/architecture.md.
"""
