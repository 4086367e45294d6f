"""The Hypothesis state machine, and the backend that draws plainly from the seed."""
