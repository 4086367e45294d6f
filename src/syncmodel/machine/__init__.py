"""The Hypothesis state machine of a cluster, the backend that draws plainly, and its searches."""
