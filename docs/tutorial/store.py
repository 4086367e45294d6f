"""A store of customers, orders and lines, replicated by last writer wins. It has a bug."""


class Store:
    """One replica: for each row its stamp, its author, and its columns (None: deleted)."""

    def __init__(self):
        self.rows, self.clock = {}, 0

    def put(self, key, author, columns):
        """Write a row, with a later stamp than any before."""
        self.clock += 1
        self.rows[key] = (self.clock, author, columns)

    def get(self, key):
        """The columns of a row, hidden or not; None if it is not there."""
        return self.rows[key][2] if key in self.rows else None

    def pull(self, other):
        """Take over every row of another replica that is newer there."""
        for key, theirs in other.rows.items():
            if key not in self.rows or theirs[:2] > self.rows[key][:2]:
                self.rows[key] = theirs

    def shown(self):
        """The rows that show: neither deleted, nor of a row that does not show."""
        found = {}
        for table, parent in (("customers", None), ("orders", "customer"), ("lines", "order")):
            for (of, name), (_, _, columns) in sorted(self.rows.items()):
                if of != table or columns is None:
                    continue
                if parent is None or (parent + "s", columns[parent]) in found:
                    found[of, name] = columns
        return found
