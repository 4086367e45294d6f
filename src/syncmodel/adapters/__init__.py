"""Adapters of systems that are not ours, to search and to learn from: docs/adapters.md.

Each needs its system and its client library (`pip install 'syncmodel[adapters]'`), and imports
nothing of either before it is asked for.
"""
