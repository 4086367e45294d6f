"""A toy to start from: notes with a title and votes, one store for each replica, last writer wins.

Put your own library in its place.
"""


class Store:
    """For each note its stamp, its author, and its columns (None: deleted)."""

    def __init__(self, author):
        self.author, self.clock, self.notes = author, 0, {}

    def put(self, name, columns):
        """Write a note, with a later stamp than all that this replica has seen."""
        self.clock += 1
        self.notes[name] = (self.clock, self.author, columns)
        return columns

    def get(self, name):
        """The columns of a note; None if it is not there."""
        return self.notes[name][2] if name in self.notes else None

    def pull(self, other):
        """Take over every note that is newer in another replica."""
        self.clock = max(self.clock, other.clock)
        for name, theirs in other.notes.items():
            if name not in self.notes or theirs[:2] > self.notes[name][:2]:
                self.notes[name] = theirs
