"""Who is in the cluster, and whose rows count: what changes when either does."""

from msgspec.structs import replace

from syncmodel.reference.node.ports import (
    Cursor,
    Drop,
    Hangup,
    Member,
    Members,
    Output,
    Redial,
    Trust,
)
from syncmodel.reference.node.state import Node, State
from syncmodel.reference.node.tables import in_order, project

Step = tuple[State, tuple[Output, ...]]


def is_member(state: State, node: Node, peer: str) -> bool:
    """Whether rows may pass between us and `peer`: neither of us has left the cluster."""
    return node.name not in state.inactive and peer not in state.inactive


def dials(state: State, node: Node, peer: str) -> bool:
    """Whether we keep a connection to `peer`: both are members, and we have not given it up."""
    return is_member(state, node, peer) and not state.link(peer).given_up


def trust(state: State, given: Trust, node: Node) -> Step:
    """Trust changes what shows; and what was refused before is asked for again."""
    change = {given.pubkey}
    trusted = state.trusted | change if given.trusted else state.trusted - change
    if trusted == state.trusted:
        return state, ()
    outputs: list[Output] = [_stored(state, Members(trusted, state.inactive), node)]
    state = replace(state, trusted=trusted)
    if state.plugin is not None and node.pieces.shows_anew(given.trusted):
        for key, authors in in_order(state.rows):
            if given.pubkey in authors:
                state, shows = project(state, key, node)
                outputs.extend(shows)
    if not node.pieces.asks_again(given.trusted):
        return state, tuple(outputs)
    return _ask_all_again(state, node, outputs)


def _stored(before: State, now: Members, node: Node) -> Members:
    return node.pieces.remembered(now, Members(before.trusted, before.inactive))


def _ask_all_again(state: State, node: Node, outputs: list[Output]) -> Step:
    for peer in node.peers:
        state = state.with_link(peer.name, state.link(peer.name).at(None, 0).down())
        outputs.append(Cursor(peer.name, None, 0))
        if is_member(state, node, peer.name):
            outputs.append(Redial(peer.name, peer.addresses[0]))
    return state, tuple(outputs)


def member(state: State, given: Member, node: Node) -> Step:
    change = {given.name}
    inactive = state.inactive - change if given.active else state.inactive | change
    if inactive == state.inactive:
        return state, ()
    outputs: list[Output] = [_stored(state, Members(state.trusted, inactive), node)]
    state = replace(state, inactive=inactive)
    ends = node.pieces.hangs_up(True)
    for peer in node.peers:
        link = state.link(peer.name)
        if not is_member(state, node, peer.name):
            state = state.with_link(peer.name, link.down())
            outputs += [Hangup(peer.name)] if ends else []
        elif given.active and not link.connected:
            link = link.at(link.log_id, node.pieces.returns_at(link.applied))
            state = state.with_link(peer.name, replace(link, told_at=state.position))
            outputs.append(Redial(peer.name, peer.addresses[0]))
    drops = ends and node.pieces.drops_who_left()
    for (conn, _), one in in_order(state.subscriptions) if drops else ():
        if one.peer is not None and not is_member(state, node, one.peer):
            outputs.append(Drop(conn))
    return state, tuple(outputs)
