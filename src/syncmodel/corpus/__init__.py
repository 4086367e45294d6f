"""Reproductions as files: the format (`format`) and the folder that keeps them (`store`)."""

from syncmodel.corpus.format import (
    NETWORK,
    PASSES,
    Confirmed,
    Expected,
    Reproduction,
    System,
    Systems,
    nodes_of,
    promises,
    to_text,
    usual,
)
from syncmodel.corpus.store import check_folder, file_name, load, load_all, save

__all__ = [
    "NETWORK",
    "PASSES",
    "Confirmed",
    "Expected",
    "Reproduction",
    "System",
    "Systems",
    "check_folder",
    "file_name",
    "load",
    "load_all",
    "nodes_of",
    "promises",
    "save",
    "to_text",
    "usual",
]
