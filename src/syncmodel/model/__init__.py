"""PURE. What may be true of the cluster: plan, belief, and the divergences of sight from it.

No clock, no randomness, no I/O: every value here can be hashed, compared and searched.
"""
