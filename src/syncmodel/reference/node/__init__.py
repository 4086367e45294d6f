"""The reference node: it implements the contract that a real cluster offers."""
