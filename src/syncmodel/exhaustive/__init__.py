"""Exhaustive search of two things: the model itself, and the node's core against the model.

`limits` says how much may happen in a run, `knowledge` is the model with an abstract correct
system under it, and the searches themselves are `syncmodel.checker`'s.
"""
