"""Local machines: real processes of this computer that hold reference nodes."""
