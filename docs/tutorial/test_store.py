"""The store under test: what it stores, how to write and read it, how its replicas sync."""

from store import Store

from syncmodel import ClusterMachine, CutsLinks, Settled, Target, View, accepted, refused
from syncmodel.model.columns import Counter, Ref, Token
from syncmodel.model.schema import Schema, Table


class Shop(Target, CutsLinks):
    """Replicas of the store that pull from each other."""

    schema = Schema(
        Table("customers", Token("name")),
        Table("orders", Ref("customer", "customers"), Token("note")),
        Table("lines", Ref("order", "orders"), Counter("pieces")),
    )
    waits = False
    cut = frozenset()

    async def begin(self, net):
        self.stores = {node: Store() for node in self.nodes}
        self.cut = net.cut

    async def write(self, node, write):
        store, key = self.stores[node], write.row[:2]
        shown = store.shown()
        code = write.refusal(lambda row: store.get(row[:2]), lambda row: row[:2] in shown)
        if code is not None:
            return refused(code)
        store.put(key, node, write.applied(store.get(key)))
        return accepted(store.get(key))

    async def read(self, node):
        shown = self.stores[node].shown()
        tables = {table: [] for table in self.schema.by_name}
        for (table, name), columns in shown.items():
            tables[table].append((name, columns))
        return View.of(self.schema, tables)

    async def settle(self, net, *, control, limit_s):
        for _ in self.nodes:
            for sender, receiver in net.connected:
                self.stores[receiver].pull(self.stores[sender])
        return Settled({node: await self.read(node) for node in net.up})

    async def set_cut(self, cut):
        self.cut = cut


class TestShop(ClusterMachine):
    target = Shop
