"""The file format of a reproduction, and the store of such files."""
