"""What plugins need of each other and of their host (their ABI), and the order that follows.

Lives here: a plugin's manifest, packaging it, what does not fit together in a set of plugins, and
their migrations, in dependency order. It is asked when a plugin is packaged, when a deployment is
planned, and when an application loads its plugins. Not here: the form of a package's migrations
(`packaged`), and what is done about all this (`deployment`, `config`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import networkx as nx

from syncmodel.errors import FormatError
from syncmodel.reference.node import packaged
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import Migration

#: The version of the plugin API that this host offers, and the oldest that it still serves.
HOST_API, OLDEST_HOST_API = 1, 1
#: The schema of the host itself: its migrations come first, and go last.
CORE = "core"
NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


@attrs.frozen
class Problem:
    """Something that does not fit, with a code for programs."""

    code: str
    message: str


@attrs.frozen
class Manifest:
    """One version of a plugin: the host API that it was built for, and capabilities by version.

    It `provides` itself, too, in its version; of what it `requires` a later version will do.
    `migrations`: whether its package brings its own, in a file without which it is not whole.
    """

    plugin: str
    version: int
    host_api: int = HOST_API
    requires: Mapping[str, int] = attrs.field(factory=dict)
    provides: Mapping[str, int] = attrs.field(factory=dict)
    migrations: bool = False

    @property
    def offers(self) -> dict[str, int]:
        """What others may require of it."""
        return {**self.provides, self.plugin: self.version}


#: Those of the plugins that come with the node. A file in the store takes their place.
SHIPPED = tuple(Manifest("supertest", version) for version in (1, 2, 3))


def package(
    layout: Layout, manifest: Manifest, migrations: Sequence[Migration] | None = None
) -> None:
    """Put a plugin's manifest into the store of a machine, with all `migrations` of this version.

    None: those that are shipped are its migrations. Raises `FormatError` for a package that no
    machine could load or migrate to: nothing is written then.
    """
    manifest = attrs.evolve(manifest, migrations=migrations is not None)
    name, version = manifest.plugin, manifest.version
    where = f"plugin {name!r:.60}"
    read(attrs.asdict(manifest), where)
    wrong = alone(manifest)
    if wrong:
        raise FormatError(f"{where}: {wrong[0].message}")
    own = packaged.to_json(migrations or ())
    packaged.read(own, name, version, where)
    others = [one for one in migrations or () if one.plugin != name]
    if others:
        raise FormatError(f"{where}: {others[0].name} is a migration of {others[0].plugin}.")
    path, beside = layout.manifest(name, version), layout.plugin_migrations(name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    if migrations is None:
        beside.unlink(missing_ok=True)
    else:
        beside.write_text(json.dumps(own), encoding="utf-8")
    path.write_text(json.dumps(attrs.asdict(manifest)), encoding="utf-8")


def read(data: Any, where: str) -> Manifest:
    """A manifest from its JSON form. Raises `FormatError`."""
    if not isinstance(data, dict) or not {"plugin", "version"} <= data.keys():
        raise FormatError(f"{where}: a manifest is an object with a plugin and a version.")
    names = [data["plugin"]]
    numbers = [data["version"], data.get("host_api", HOST_API)]
    for field in ("requires", "provides"):
        capabilities = data.get(field, {})
        if not isinstance(capabilities, dict):
            raise FormatError(f"{where}: {field} is not an object of names and versions.")
        names += capabilities
        numbers += capabilities.values()
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise FormatError(f"{where}: {name!r:.60} is no name: a-z, 0-9 and -, at most 41.")
    for number in numbers:
        if type(number) is not int or number < 1:
            raise FormatError(f"{where}: {number!r:.60} is no version: a whole number from 1 on.")
    if type(data.get("migrations", False)) is not bool:
        raise FormatError(f"{where}: migrations is not true or false.")
    known = {field.name for field in attrs.fields(Manifest)}
    strange = sorted(data.keys() - known)
    if strange:
        raise FormatError(f"{where}: a manifest has no {strange[0]!r:.60}.")
    return Manifest(**data)


def alone(manifest: Manifest) -> list[Problem]:
    """What is wrong with a plugin whatever else there is."""
    found = []
    name = f"{manifest.plugin} {manifest.version}"
    if not OLDEST_HOST_API <= manifest.host_api <= HOST_API:
        found.append(
            Problem(
                "host_api",
                f"{name} was built for version {manifest.host_api} of the host's API; this host "
                f"offers {HOST_API}.",
            )
        )
    if manifest.plugin == CORE:
        found.append(Problem("reserved", f"{CORE!r} is the host itself, and no plugin's name."))
    if manifest.requires.keys() & manifest.offers.keys():
        found.append(Problem("cycle", f"{name} requires what it provides itself."))
    return found


def together(manifests: Sequence[Manifest]) -> list[Problem]:
    """What does not fit in this set of plugins, in a fixed order; nothing: it can be loaded."""
    found = [problem for manifest in manifests for problem in alone(manifest)]
    offered: dict[str, Manifest] = {}
    for manifest in manifests:
        for name in manifest.offers:
            if name in offered:
                both = f"{offered[name].plugin} and {manifest.plugin}"
                found.append(Problem("provided_twice", f"{both} both provide {name}."))
            offered[name] = manifest
    for manifest in manifests:
        for name, least in sorted(manifest.requires.items()):
            there = offered[name].offers[name] if name in offered else None
            if there is None or there < least:
                has = "there is none" if there is None else f"there is version {there}"
                found.append(
                    Problem(
                        "missing_requirement",
                        f"{manifest.plugin} {manifest.version} requires {name} {least}, and {has}.",
                    )
                )
    # By component, not by cycle: of those a hostile manifest makes more than can be counted.
    parts = nx.strongly_connected_components(_graph(manifests))
    knots = [" and ".join(sorted(part)) for part in parts if len(part) > 1]
    return found + [Problem("cycle", f"{knot} need each other.") for knot in knots]


def in_order(
    migrations: Iterable[Migration], manifests: Sequence[Manifest]
) -> tuple[Migration, ...]:
    """The migrations so that each comes after all that it rests on: the core's first, then those
    of plugins by what they require, and a plugin's own by version.

    Plugins that need nothing of each other keep the order that they were given in.
    """
    given, graph = list(migrations), _graph(manifests)
    # A plugin without migrations may need others, too, and be needed.
    names = list(dict.fromkeys([CORE, *(one.plugin for one in given), *graph]))
    graph.add_nodes_from(names)
    graph.add_edges_from((CORE, name) for name in names if name != CORE)
    # What can't be planned is refused before; a loop among what goes must not stop it from going.
    places = {name: place for place, name in enumerate(names)}
    whole = nx.is_directed_acyclic_graph(graph)
    order = nx.lexicographical_topological_sort(graph, places.__getitem__) if whole else names
    rank = {name: place for place, name in enumerate(order)}
    return tuple(sorted(given, key=lambda one: (rank[one.plugin], one.version)))


def of_plugins(layout: Layout, plugins: Mapping[str, int]) -> tuple[list[Manifest], list[Problem]]:
    """The manifests of these plugins, by name, and what keeps some of them from being read."""
    found, wrong = [], []
    shipped = {(one.plugin, one.version): one for one in SHIPPED}
    for name, version in sorted(plugins.items()):
        try:
            manifest = _stored(layout, name, version) or shipped.get((name, version))
        except FormatError as error:
            wrong.append(Problem("bad_manifest", str(error)))
            continue
        if manifest is None:
            wrong.append(Problem("no_manifest", f"{name} {version} was never packaged here."))
        else:
            found.append(manifest)
    return found, wrong


def fit(layout: Layout, plugins: Mapping[str, int]) -> list[Problem]:
    """Why these plugins can't be loaded on this machine; nothing: they can."""
    manifests, wrong = of_plugins(layout, plugins)
    return [*wrong, *together(manifests)]


def migrations_of(
    layout: Layout,
    versions: Mapping[str, int],
    shipped: Sequence[Migration],
    there: Sequence[Migration] = (),
) -> tuple[list[Migration], list[Problem]]:
    """All migrations of these plugins (and the core), in no order, and what is wrong with them.

    Of each plugin those that the package of this version brings; `shipped` ones where it brings
    none, and for the core; and where they can't be read, those that are `there`.
    """
    brought: list[Migration] = []
    usual, wrong = {}, []
    for name, version in sorted(versions.items()):
        own = None if name == CORE else _own(layout, name, version)
        if isinstance(own, Problem):
            wrong.append(own)
            brought += [one for one in there if one.plugin == name and one.version <= version]
        elif own is None:
            usual[name] = version
        else:
            brought += own
    return [*(m for m in shipped if m.version <= usual.get(m.plugin, 0)), *brought], wrong


def migrated_twice(migrations: Iterable[Migration]) -> list[Problem]:
    """The names that migrations of two plugins have."""
    owners: dict[str, str] = {}
    found = []
    for one in migrations:
        owner = owners.setdefault(one.name, one.plugin)
        if owner != one.plugin:
            both = f"{owner} and {one.plugin} both have a migration {one.name}."
            found.append(Problem("migrated_twice", both))
    return found


def _own(layout: Layout, name: str, version: int) -> Sequence[Migration] | Problem | None:
    """Those that a package brings, None if it brings none; or why they can't be had."""
    path = layout.plugin_migrations(name, version)
    try:
        return packaged.load(path, name, version)
    except FormatError as error:
        return Problem("bad_migrations", str(error))
    except FileNotFoundError:
        pass
    try:
        manifest = _stored(layout, name, version)
    except FormatError:
        return None  # `of_plugins` says so
    if manifest is None or not manifest.migrations:
        return None
    return Problem("no_migrations", f"{path}: {name} {version} was packaged with it.")


def _stored(layout: Layout, name: str, version: int) -> Manifest | None:
    path = layout.manifest(name, version)
    try:
        manifest = read(json.loads(path.read_text(encoding="utf-8")), str(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: not a manifest: {error}") from None
    if (manifest.plugin, manifest.version) != (name, version):
        raise FormatError(f"{path}: it is that of {manifest.plugin} {manifest.version}.")
    return manifest


def _graph(manifests: Iterable[Manifest]) -> nx.DiGraph[str]:
    """Plugins, and an edge from each one to those that require something of it."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    there = list(manifests)
    by_capability = {name: one.plugin for one in there for name in one.offers}
    graph.add_nodes_from(one.plugin for one in there)
    for one in there:
        for name in one.requires:
            if name in by_capability and by_capability[name] != one.plugin:
                graph.add_edge(by_capability[name], one.plugin)
    return graph
