"""What syncmodel has to know of the server: what it stores, how it runs, how to reach it."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from syncmodel import Counter, Schema, Table, Token
from syncmodel.adapter import Processes, Refused

SERVER = Path(__file__).with_name("server.py")


class Notes(Processes):
    """Notes on servers of this machine."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))

    def argv(self, node):
        peers = [f"{peer}={self.dials(node, peer)}" for peer in self.nodes if peer != node]
        return [sys.executable, SERVER, node, self.port(node), *peers]

    def ready(self, node):
        return self.ask(node, "position") is not None

    def create(self, node, row, columns):
        return self.ask(node, "create", id=row.name, columns=dict(columns))

    def set(self, node, row, column, value):
        return self.ask(node, "set", id=row.name, column=column, value=value)

    def add(self, node, row, column, by):
        return self.ask(node, "add", id=row.name, column=column, value=by)

    def delete(self, node, row):
        self.ask(node, "delete", id=row.name)

    def rows(self, node, prefix):
        return [("notes", name, columns) for name, columns in self.ask(node, "notes").items()]

    def position(self, node):
        return self.ask(node, "position")

    def ask(self, node, path, **asked):
        data = json.dumps(asked).encode() if asked else None
        try:
            url = f"http://127.0.0.1:{self.port(node)}/{path}"
            with urllib.request.urlopen(url, data, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["code"]) from None
        except urllib.error.URLError as error:
            raise error.reason from None
