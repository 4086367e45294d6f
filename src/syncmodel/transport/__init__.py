"""httpx over SSH channels, and the clients of a node's two HTTP surfaces."""
