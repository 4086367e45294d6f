"""A store of customers, orders and lines, replicated by last writer wins. It has a bug."""


class Store:
    """One replica: for each row its stamp, its author, and its columns (None: deleted)."""

    def __init__(self):
        self.rows = {}

    def put(self, key, author, columns):
        """Write a row, later than whatever is known of it."""
        stamp, *_ = self.rows.get(key, (0,))
        self.rows[key] = (stamp + 1, author, columns)

    def get(self, key):
        """The columns of a row, hidden or not; None if it is not there."""
        *_, columns = self.rows.get(key, (None,))
        return columns

    def pull(self, other):
        """Take over every row of another replica that is newer there."""
        for key, theirs in other.rows.items():
            if key not in self.rows or theirs[0] >= self.rows[key][0]:
                self.rows[key] = theirs

    def shown(self):
        """The rows that show: neither deleted, nor of a row that does not show."""
        found = {}
        for table, parent in (("customers", None), ("orders", "customer"), ("lines", "order")):
            for (of, name), (_, _, columns) in sorted(self.rows.items()):
                if of == table and columns is not None:
                    if parent is None or (parent + "s", columns[parent]) in found:
                        found[of, name] = columns
        return found
