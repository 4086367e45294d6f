"""Admin requests to virtual nodes that must be refused: by the check that a real node makes.

What a node does with one that it takes is not here: a run ends with that answer.
"""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.nostr.forged import Request, forged
from syncmodel.nostr.keys import Key
from syncmodel.nostr.nip98 import Asked, SeenIds, UnauthorizedError, check
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.misused import QUESTION, REPLAYED, UNAUTHORIZED
from syncmodel.transport.urls import ADMIN_URL

#: The administrator of every virtual node.
ADMIN = Key.from_hex(sha256(b"syncmodel: the administrator of virtual nodes").hexdigest())


def took(world: VirtualWorld, node: str, method: str) -> VirtualWorld:
    """A node takes a good request, and notes it; one that does not run takes none."""
    if not world.runs(node) or node in world.paused:
        return world
    machine, request = world.machines[node], _request(world, node, method)
    asked = machine.asked.set(method, request)
    noted = machine.accepted.set(request.nonce, request.now_s)
    return world.with_machine(node, replace(machine, asked=asked, accepted=noted))


def misuse(
    world: VirtualWorld, node: str, variant: str, method: str
) -> tuple[VirtualWorld, Outcome]:
    """One bad request, and its answer."""
    if not world.runs(node):
        return world, refused("unreachable")
    if node in world.paused:
        return world, unknown(acts.STANDS_STILL)
    if variant != REPLAYED:
        request = _request(world, node, method)
        peer = next((one for one in world.setup.names if one != node), "")
        header = forged(request, variant, ADMIN, world.setup.nodes[peer or node].pubkey)
        return world, _answer(world, node, request, header)
    if method not in world.machines[node].asked:
        world = took(world, node, QUESTION)
    asked = world.machines[node].asked
    request = asked[method if method in asked else QUESTION]
    return world, _answer(world, node, request, request.authorization(ADMIN))


def _answer(world: VirtualWorld, node: str, request: Request, header: str | None) -> Outcome:
    machine, core = world.machines[node], world.setup.nodes[node]
    asked, now_s = Asked.of(request.url, "POST", request.body), world.now_s(node)
    admins = core.pieces.administrators(frozenset({ADMIN.public}))
    try:
        event = check(header, asked, now_s, admins, core.pubkey)
        used = request.nonce in machine.accepted
        SeenIds([(event.created_at, event.id)] if used else []).admit(event, now_s)
    except UnauthorizedError:
        return refused(UNAUTHORIZED)
    return accepted()


def _request(world: VirtualWorld, node: str, method: str) -> Request:
    """A good request that the node has not had yet."""
    before = [int(one.nonce) for one in world.machines[node].asked.values()]
    nonce, place = str(1 + max(before, default=0)), world.setup.nodes[node].pubkey
    return Request(ADMIN_URL, method.encode(), world.now_s(node), nonce, place)
