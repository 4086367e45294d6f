"""The reference node: it implements the contract of docs/contract.md."""
