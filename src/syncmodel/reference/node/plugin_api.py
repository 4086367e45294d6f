"""The plugin's API over HTTP. `core` decides what a request does and answers."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from syncmodel.reference.node.application import Application
from syncmodel.reference.node.ports import Read, Write
from syncmodel.reference.node.store import StoreError
from syncmodel.reference.node.surface import answer, decoded, denied, not_ready, read_body
from syncmodel.reference.node.writes import success


class PluginApi:
    """The endpoint of everything under /plugins-api/PLUGIN."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def respond(self, request: Request, path: str) -> Response:
        """Answer one request; `path` is below the plugin's, decoded."""
        try:
            if request.method == "GET":
                return self._read(path, request)
            arrived = self._app.state
            body, _ = await read_body(request)
            asked = Write(request.method, path, body, self._app.now_s(), arrived)
            given = self._app.submit(asked)
        except StoreError as exc:
            return not_ready(str(exc))
        assert given is not None
        return answer(given.status, given.body)

    def _read(self, path: str, request: Request) -> Response:
        app = self._app
        if app.state.plugin is None:
            return denied(404, "no_plugin", "the running generation has no such plugin")
        if path == "state":
            run_id = _run_id(request.scope["query_string"])
            if not run_id:
                return denied(400, "malformed", "say which run, once and in UTF-8: state?run_id=R")
            app.flush()
            return answer(200, success(app.store.state(run_id)))
        if path == "health":
            bugs = list(app.config.bugs)
            status = {"status": "ok", "version": app.state.plugin, "bugs": bugs}
            return answer(200, success(status))
        if path == "schema":
            return answer(200, success(app.store.schema()))
        given = app.submit(Read(path, _run_id(request.scope["query_string"]), app.now_s()))
        assert given is not None
        return answer(given.status, given.body)


def _run_id(query: bytes) -> str | None:
    """The run that a query names, if it names exactly one."""
    if decoded(query) is None:
        return None
    pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True)
    found = [value for name, value in pairs if name == "run_id"]
    return found[0] if len(found) == 1 else None
