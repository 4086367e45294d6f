"""The suite: `pytest` searches for sequences after which the nodes disagree."""

from notes_adapter import Notes

from syncmodel import ClusterMachine


class TestNotes(ClusterMachine):
    target = Notes
