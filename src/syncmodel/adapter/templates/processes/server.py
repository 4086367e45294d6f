"""A toy to start from: a server of notes. Replicas pull from each other; the last writer wins.

    python server.py NAME PORT [PEER=PORT ...]

Put your own server in its place. It keeps its log in ./log.jsonl and takes requests on 127.0.0.1:
GET /notes, GET /position, POST /log (the position that one has: the rest comes back), and POST
/create, /set, /add, /delete.
"""

import json
import sys
import threading
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAUSE_S = 0.01


class Store:
    """All entries by author, in the order in which each wrote them; the newest of a note wins."""

    def __init__(self, name):
        self.name, self.clock, self.logs, self.notes = name, 0, {}, {}
        self.lock, self.file = threading.RLock(), open("log.jsonl", "a+")
        self.file.seek(0)
        for line in self.file:
            self.apply(json.loads(line))

    def apply(self, entry):
        """Take over one entry; those of an author come in order, each once."""
        log = self.logs.setdefault(entry["author"], [])
        if entry["number"] != len(log):
            return False
        log.append(entry)
        self.clock = max(self.clock, entry["stamp"])
        stamp, old = (entry["stamp"], entry["author"]), self.notes.get(entry["id"])
        if old is None or stamp > old[0]:
            self.notes[entry["id"]] = (stamp, entry["columns"])
        return True

    def take(self, entry):
        """Apply it, and keep it."""
        with self.lock:
            if self.apply(entry):
                self.file.write(json.dumps(entry) + "\n")
                self.file.flush()

    def get(self, name):
        return self.notes[name][1] if name in self.notes else None

    def put(self, name, columns):
        number = len(self.logs.get(self.name, []))
        stamp = self.clock + 1
        self.take(
            {"author": self.name, "number": number, "stamp": stamp, "id": name, "columns": columns}
        )
        return columns

    def write(self, op, asked):
        """(status, answer) of one request."""
        with self.lock:
            note = self.get(asked["id"])
            if op == "create" and note is not None:
                return 409, {"code": "exists"}
            if op != "create" and note is None:
                return 404, {"code": "no_such_row"}
            if op == "create":
                note = asked["columns"]
            elif op == "delete":
                note = None
            else:
                added = note[asked["column"]] + asked["value"] if op == "add" else asked["value"]
                note = {**note, asked["column"]: added}
            return 200, self.put(asked["id"], note)

    def position(self):
        with self.lock:
            return {author: len(log) for author, log in self.logs.items()}

    def since(self, position):
        with self.lock:
            return [e for a, log in self.logs.items() for e in log[position.get(a, 0) :]]

    def shown(self):
        with self.lock:
            return {name: columns for name, (_, columns) in self.notes.items() if columns}


def follow(store, port):
    """Pull from one peer, for ever."""
    while True:
        try:
            asked = json.dumps(store.position()).encode()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/log", asked, timeout=5) as answer:
                for entry in json.load(answer):
                    store.take(entry)
        except (OSError, HTTPException):
            pass  # down, or killed in the middle of an answer
        threading.Event().wait(PAUSE_S)


class Handler(BaseHTTPRequestHandler):
    store = None
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answers = {"/notes": self.store.shown, "/position": self.store.position}
        self.answer(*((200, answers[self.path]()) if self.path in answers else (404, None)))

    def do_HEAD(self):
        self.answer(200, None)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/log":
            self.answer(200, self.store.since(asked))
        else:
            self.answer(*self.store.write(self.path[1:], asked))

    def answer(self, status, body):
        data = b"" if body is None and self.command == "HEAD" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    name, port, *peers = sys.argv[1:]
    Handler.store = Store(name)
    for peer in peers:
        dialled = int(peer.partition("=")[2])
        threading.Thread(target=follow, args=(Handler.store, dialled), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
