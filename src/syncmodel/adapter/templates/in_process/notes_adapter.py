"""What syncmodel has to know of the notes: what they are, and how to reach them."""

from notes import Store

from syncmodel import Counter, Schema, Table, Token
from syncmodel.adapter import InProcess


class Notes(InProcess):
    """Notes in memory."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    refuses = False  # the store does not say "exists" or "no such row" by itself

    def replica(self, node):
        return Store(node)

    def create(self, node, row, columns):
        return self.at[node].put(row.name, dict(columns))

    def set(self, node, row, column, value):
        store = self.at[node]
        return store.put(row.name, {**store.get(row.name), column: value})

    def add(self, node, row, column, by):
        store = self.at[node]
        before = store.get(row.name)
        return store.put(row.name, {**before, column: before[column] + by})

    def delete(self, node, row):
        self.at[node].put(row.name, None)

    def rows(self, node, prefix):
        notes = self.at[node].notes.items()
        return [("notes", name, columns) for name, (_, _, columns) in notes if columns is not None]

    def pull(self, sender, receiver):
        self.at[receiver].pull(self.at[sender])
