"""PURE. What may be true of the cluster: plan, belief, and the divergences between belief and sight."""
