"""The relay, spoken to as its server does: who gets which answer, and who is dropped."""

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from any_frames import FRAMES, check_answers
from hypothesis import example, given, settings
from msgspec.structs import replace
from spoken_relay import KEYS, NOW_S, Call, Undialled, application, calling, case_event

from syncmodel.nostr.events import Event, unsigned
from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import (
    Auth,
    Close,
    Closed,
    Delivery,
    Eose,
    Filter,
    Ok,
    Publish,
    Req,
)
from syncmodel.nostr.nip42 import prove
from syncmodel.reference.node import outbox
from syncmodel.reference.node import relay as relays
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.outbox import LIMIT_BYTES
from syncmodel.reference.node.ports import Member, Published
from syncmodel.reference.node.relay import (
    FILTERS_LIMIT,
    OPEN_LIMIT,
    POLICY_VIOLATION,
    SUBSCRIPTIONS_LIMIT,
    VALUES_LIMIT,
    Relay,
)
from syncmodel.reference.node.serving import STRIDE
from syncmodel.reference.node.state import sync_status
from syncmodel.reference.node.websocket import SILENT

LOG = Req("log", (Filter(kinds=(30100, 30101), after=0),)).to_text()
CASE = json.dumps({"run_id": "r", "title": "t" * 200, "counter": 0})
GOOD = Req("good", (Filter(limit=0),)).to_text()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """For tests that leave nothing behind."""
    app = application(tmp_path_factory.mktemp("node"))
    yield app
    app.store.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Application]:
    app = application(tmp_path)
    yield app
    app.store.close()


def peer(app: Application, name: str) -> dict[str, Any]:
    status: Any = sync_status(app.state, app.node)
    of_peer: dict[str, Any] = status["peers"][name]
    return of_peer


# --- every frame has an answer -------------------------------------------------------------------


@given(FRAMES)
@example("[" * 100_000)
@example('["EVENT",' + '{"id":' * 50_000 + "}" * 50_000 + "]")
@example('["REQ","s",{"limit":' + "9" * 5_000 + "}]")
@example('["REQ","s",{"since":1e400}]')
@example('["REQ","s",{"#\\ud800":5}]')
@example('["REQ","s\\u0000",{"#d":["\\u0000","\\ud800"]}]')
@example('["EVENT",{"id":"' + "a" * 64 + '","content":"\\ud800"}]')
@example('["\\ud800\\n"]')
@example("\ufeff[]")
@example("\x00")
@example(b"\xff\xfe")
def test_every_frame_is_answered_and_the_next_request_too(
    shared: Application, frame: str | bytes
) -> None:
    asyncio.run(answered(shared, frame))


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(FRAMES)
def test_every_one_of_many_frames_is_answered(shared: Application, frame: str | bytes) -> None:
    asyncio.run(answered(shared, frame))


async def answered(app: Application, frame: str | bytes) -> None:
    """One connection says this, and something good."""
    async with calling(Relay(app)) as call:
        call.say(frame)
        call.say(GOOD)
        before = await call.heard_until(Eose("good"))
        assert call.closed is None
        check_answers(frame, before)


# --- what is too much ----------------------------------------------------------------------------


def test_too_much_is_closed_and_says_what_is_too_much(shared: Application) -> None:
    many = tuple(f"{number:064x}" for number in range(VALUES_LIMIT))
    refused = [
        Req("s", (Filter(),) * (FILTERS_LIMIT + 1)),
        Req("s", (Filter(ids=many),)),
        Req("s", (Filter(authors=many[: VALUES_LIMIT // 2]), Filter(tags=(("d", many[:512]),)))),
        Req("s", (Filter(tags=tuple((str(n), ()) for n in range(VALUES_LIMIT + 1))),)),
    ]

    async def main() -> None:
        async with calling(Relay(shared)) as call:
            for req in refused:
                call.say(req.to_text())
                answer = await call.heard()
                assert isinstance(answer, Closed)
                assert answer.sub == "s"
                assert answer.message.startswith("error: at most ")
            for number in range(SUBSCRIPTIONS_LIMIT):
                call.say(Req(f"s{number}", (Filter(limit=0),)).to_text())
                assert await call.heard() == Eose(f"s{number}")
            call.say(GOOD)
            answer = await call.heard()
            assert isinstance(answer, Closed)
            call.say(Req("s0", (Filter(limit=0),)).to_text())
            assert await call.heard() == Eose("s0")
            call.say(Close("s0").to_text())
            call.say(GOOD)
            assert await call.heard() == Eose("good")
        assert not shared.state.subscriptions

    asyncio.run(main())


def test_a_refused_req_ends_the_subscription_that_it_was_to_replace(app: Application) -> None:
    async def main() -> None:
        async with calling(Relay(app)) as call:
            call.say(Req("s", (Filter(),)).to_text())
            assert await call.heard() == Eose("s")
            call.say(Req("s", (Filter(),) * (FILTERS_LIMIT + 1)).to_text())
            assert isinstance(await call.heard(), Closed)
            call.say(Publish(case_event()).to_text())
            assert isinstance(await call.heard(), Ok)

    asyncio.run(main())


def test_who_never_reads_what_is_new_is_dropped_and_nothing_of_it_stays(app: Application) -> None:
    title = "t" * 200_000

    async def main() -> None:
        relay = Relay(app)
        async with calling(relay) as call, calling(relay) as other:
            call.say(Req("s", (Filter(),)).to_text())
            assert await call.heard() == Eose("s")
            call.reads.clear()
            for number in range(LIMIT_BYTES // len(title) + 2):
                other.say(Publish(case_event(f"c{number}", title=title)).to_text())
                answer = await other.heard()
                assert isinstance(answer, Ok)
                assert answer.accepted
            assert await call.ended() == (
                POLICY_VIOLATION,
                "error: you do not read what you asked for",
            )
        assert not app.connections
        assert not app.state.subscriptions

    asyncio.run(main())


@pytest.mark.parametrize("frame", ["no message", '["REQ","s"]', '["EVENT",{}]', b"bytes"])
def test_who_never_reads_answers_is_not_read_any_more(
    shared: Application, frame: str | bytes
) -> None:
    """What waits for it is bounded. That it is silent from then on is for its server to see."""
    frames = 20_000

    async def main() -> None:
        async with calling(Relay(shared)) as call:
            call.reads.clear()
            for _ in range(frames):
                call.say(frame)
            unread = frames + 1
            while unread > call.unread:
                unread = call.unread
                for _ in range(100):
                    await asyncio.sleep(0)
            assert unread > frames // 4
            call.reads.set()
            for _ in range(frames):
                await call.heard()

    asyncio.run(main())


# --- a backlog -----------------------------------------------------------------------------------


def fill(app: Application, count: int) -> None:
    """So many cases of n2, a second between each."""
    for number in range(count):
        event = unsigned(KEYS["n2"].public, NOW_S - number, 30100, (("d", f"r/c{number}"),), CASE)
        app.submit(Published(0, replace(event, sig="0" * 128), NOW_S))


def test_a_backlog_is_sent_in_order_and_what_is_new_after_it(app: Application) -> None:
    fill(app, 2_500)

    async def main() -> None:
        relay = Relay(app)
        async with calling(relay) as call, calling(relay) as other:
            call.say(LOG)
            call.say(Req("s", (Filter(limit=1_500), Filter(until=NOW_S - 1_000))).to_text())
            call.say(GOOD)
            new = case_event("new")
            log = await call.heard_until(Eose("log", app.state.log_id, 2_500))
            other.say(Publish(new).to_text())
            assert await other.heard() == Ok(new.id, True)
            stored = await call.heard_until(Eose("s"))
            assert [one.position for one in deliveries(log)] == list(range(1, 2_501))
            assert [NOW_S - one.event.created_at for one in deliveries(stored)] == [*range(2_500)]
            assert await call.heard() == Eose("good")
            assert [await call.heard() for _ in range(3)] == [
                Delivery("good", new),
                Delivery("log", new, 2_501),
                Delivery("s", new),
            ]

    asyncio.run(main())


def deliveries(messages: list[Any]) -> list[Delivery]:
    """These messages, which are nothing else."""
    assert all(isinstance(one, Delivery) for one in messages)
    return messages


def test_a_closed_or_replaced_subscription_gets_no_more_of_its_backlog(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is, no page is sent before all that was said is read.
    monkeypatch.setattr(relays, "PAGE_S", 60.0)
    fill(app, 2_500)

    async def main() -> None:
        async with calling(Relay(app)) as call:
            call.say(Req("s", (Filter(),)).to_text())
            call.say(Req("s", (Filter(limit=2),)).to_text())
            assert len(await call.heard_until(Eose("s"))) == 2
            call.say(Req("s", (Filter(),)).to_text())
            call.say(Close("s").to_text())
            call.say(GOOD)
            assert await call.heard_until(Eose("good")) == []

    asyncio.run(main())


@pytest.mark.slow
def test_many_heavy_backlogs_leave_the_loop_to_others(app: Application) -> None:
    """In processor time between two turns of the loop: other processes don't count."""
    fill(app, 2_000)
    heavy = Req("s", tuple(Filter(tags=(("d", (f"r/c{n}", "x")),)) for n in range(FILTERS_LIMIT)))

    async def main() -> float:
        relay = Relay(app)
        async with contextlib.AsyncExitStack() as stack:
            calls = [await stack.enter_async_context(calling(relay)) for _ in range(3)]
            for call in calls:
                call.say(LOG)
                call.say(heavy.to_text())
                call.say(Req("all", (Filter(),) * FILTERS_LIMIT).to_text())
                call.say(GOOD)
            left = [asyncio.create_task(call.heard_until(Eose("good"))) for call in calls]
            longest, before = 0.0, time.process_time()
            while not all(one.done() for one in left):
                await asyncio.sleep(0)
                now = time.process_time()
                longest, before = max(longest, now - before), now
            return longest

    gc.disable()  # what else is in this process is not the node's
    try:
        assert any(asyncio.run(main()) < 0.05 for _ in range(3))
    finally:
        gc.enable()


def test_in_one_turn_of_the_loop_little_is_looked_at(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In events compared, and with no time for a page: a page looks at the clock that often."""
    fill(app, 1_000)
    monkeypatch.setattr(outbox, "PAGE_S", 0.0)
    compared, matches = 0, Filter.matches

    def counted(one: Filter, event: Event) -> bool:
        nonlocal compared
        compared += 1
        return matches(one, event)

    monkeypatch.setattr(Filter, "matches", counted)
    heavy = Req("s", tuple(Filter(authors=(str(n),)) for n in range(FILTERS_LIMIT))).to_text()

    async def main() -> int:
        relay = Relay(app)
        async with contextlib.AsyncExitStack() as stack:
            calls = [await stack.enter_async_context(calling(relay)) for _ in range(3)]
            for call in calls:
                call.say(heavy)
                call.say(GOOD)
            left = [asyncio.create_task(call.heard_until(Eose("good"))) for call in calls]
            most = before = 0
            while not all(one.done() for one in left):
                await asyncio.sleep(0)
                most, before = max(most, compared - before), compared
            return most

    # The first page of each, where they come in the same turn, and one of anyone's.
    assert 0 < asyncio.run(main()) <= 4 * STRIDE
    assert compared == 3 * FILTERS_LIMIT * 1_000


def test_a_new_event_is_written_once_however_many_want_it(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long one for a thousand subscriptions took 0.7 s, for which nobody else was served."""
    written, to_json = 0, Event.to_json

    def counted(event: Event) -> dict[str, Any]:
        nonlocal written
        written += 1
        return to_json(event)

    async def main() -> None:
        relay = Relay(app)
        async with contextlib.AsyncExitStack() as stack:
            calls = [await stack.enter_async_context(calling(relay)) for _ in range(4)]
            for call, sub in product(calls, "abcde"):
                call.say(Req(sub, (Filter(),)).to_text())
                assert await call.heard() == Eose(sub)
            new = case_event("new")
            frame = Publish(new).to_text()
            monkeypatch.setattr(Event, "to_json", counted)
            calls[0].say(frame)
            for call, sub in product(calls, "abcde"):
                assert await call.heard() == Delivery(sub, new)
            assert written <= 2  # and once into the store

    asyncio.run(main())


def test_what_strangers_have_open_is_bounded_and_peers_are_none(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_, more = (Req(sub, (Filter(kinds=(1,) * 10),)).to_text() for sub in ("s", "t"))
    monkeypatch.setattr(relays, "ALL_OPEN_LIMIT", 100)

    async def main() -> None:
        relay = Relay(app)
        async with calling(relay) as other:
            async with calling(relay) as call:
                for _ in range(3):  # in place of itself it is no more
                    call.say(open_)
                    assert await call.heard() == Eose("s")
                other.say(more)
                answer = await other.heard()
                assert isinstance(answer, Closed)
                assert answer.message.startswith("error: at most so many filters are open here")
            other.say(more)
            assert await other.heard() == Eose("t")
            proof = other.prove("n2")
            assert await other.heard() == Ok(proof.id, True)
            other.say(open_)
            assert await other.heard() == Eose("s")
            async with calling(relay) as call:
                call.say(open_)
                assert await call.heard() == Eose("s")
                call.say(Close("s").to_text())
                call.say(more)
                assert await call.heard() == Eose("t")
        assert relay.strangers_open == 0

    asyncio.run(main())


def test_what_one_connection_has_open_is_bounded(app: Application) -> None:
    values = tuple(map(str, range(VALUES_LIMIT - 1)))

    async def main() -> None:
        async with calling(Relay(app)) as call:
            fits = OPEN_LIMIT // (64 + 1 + VALUES_LIMIT)
            for number in range(fits + 1):
                call.say(Req(f"s{number}", (Filter(ids=values),)).to_text())
                answer = await call.heard()
                assert type(answer) is (Eose if number < fits else Closed)

    asyncio.run(main())


# --- who is calling ------------------------------------------------------------------------------


def test_a_peer_that_proves_who_it_is_is_known_by_its_subscription(app: Application) -> None:
    dialler = app.diallers["n2"]
    assert isinstance(dialler, Undialled)

    async def main() -> None:
        fill(app, 3)
        assert peer(app, "n2")["to_send"] == 3
        async with calling(Relay(app)) as call:
            proof = call.prove("n2")
            assert await call.heard() == Ok(proof.id, True)
            call.say(LOG)
            await call.heard_until(Eose("log", app.state.log_id, 3))
            assert (peer(app, "n2")["to_send"], peer(app, "n3")["to_send"]) == (0, 3)
            assert dialler.dials == 1
        fill_one = case_event()
        app.submit(Published(0, fill_one, NOW_S))
        assert peer(app, "n2")["to_send"] == 1

    asyncio.run(main())


@pytest.mark.parametrize("said", ["nothing", "to another", "on an earlier one", "to no challenge"])
def test_who_has_not_proved_who_it_is_is_an_anonymous_reader(app: Application, said: str) -> None:
    async def main() -> None:
        fill(app, 3)
        relay = Relay(app)
        async with calling(relay) as earlier:
            pass
        before = app.state.links
        async with calling(relay) as call:
            quoted = {"on an earlier one": earlier.challenge, "to no challenge": ""}.get(said)
            if said != "nothing":
                relay_name = "n3" if said == "to another" else "n1"
                proof = call.prove("n2", relay=relay_name, challenge=quoted)
                answer = await call.heard()
                assert isinstance(answer, Ok)
                assert (answer.event_id, answer.accepted) == (proof.id, False)
            call.say(LOG)
            assert len(await call.heard_until(Eose("log", app.state.log_id, 3))) == 3
            assert peer(app, "n2")["to_send"] == 3
        assert app.state.links == before

    asyncio.run(main())


def test_a_proof_of_a_forger_or_a_stranger_changes_nothing(app: Application) -> None:
    async def main() -> None:
        fill(app, 3)
        async with calling(Relay(app)) as call:
            proof = prove(KEYS["n2"], KEYS["n1"].public, call.challenge, NOW_S)
            call.say(Auth(replace(proof, pubkey=KEYS["n3"].public)).to_text())
            assert (await refused(call)).startswith("invalid: ")
            stranger = prove(Key.generate(), KEYS["n1"].public, call.challenge, NOW_S)
            call.say(Auth(stranger).to_text())
            assert await call.heard() == Ok(stranger.id, True)
            call.say(LOG)
            await call.heard_until(Eose("log", app.state.log_id, 3))
            assert peer(app, "n2")["to_send"] == peer(app, "n3")["to_send"] == 3
            call.say(Auth(proof).to_text())
            assert await call.heard() == Ok(proof.id, True)
            call.prove("n3")
            assert (await refused(call)).startswith("restricted: ")

    asyncio.run(main())


async def refused(call: Call) -> str:
    answer = await call.heard()
    assert isinstance(answer, Ok)
    assert not answer.accepted
    return answer.message


def test_a_proof_is_no_event_that_is_stored(shared: Application) -> None:
    async def main() -> None:
        async with calling(Relay(shared)) as call:
            proof = prove(KEYS["n2"], KEYS["n1"].public, call.challenge, NOW_S)
            call.say(Publish(proof).to_text())
            assert (await refused(call)).startswith("blocked: unknown_kind: ")

    asyncio.run(main())


def test_who_is_no_member_any_more_is_served_nothing(app: Application) -> None:
    async def main() -> None:
        relay = Relay(app)
        async with calling(relay) as early, calling(relay) as late:
            early.prove("n2")
            assert isinstance(await early.heard(), Ok)
            app.submit(Member("n2", False))
            early.say(LOG)
            late.prove("n2")
            late.say(LOG)
            for call in (early, late):
                assert (await call.ended())[0] == POLICY_VIOLATION
                assert call.unheard == 0

    asyncio.run(main())


def test_a_member_that_leaves_gets_nothing_from_then_on(app: Application) -> None:
    """Not even what is new in the very turn in which it leaves, or what waits for it."""

    async def main() -> None:
        async with calling(Relay(app)) as call:
            call.prove("n2")
            assert isinstance(await call.heard(), Ok)
            call.say(LOG)
            await call.heard_until(Eose("log", app.state.log_id, 0))
            fill(app, 2)
            app.submit(Member("n2", False))
            app.submit(Published(0, case_event(), NOW_S))
            assert (await call.ended())[0] == POLICY_VIOLATION
            assert call.unheard == 0
        assert peer(app, "n2")["to_send"] == 3

    asyncio.run(main())


@pytest.mark.parametrize(("code", "to_send"), [(1006, 0), (SILENT, 3)])
def test_what_a_silent_peer_was_sent_does_not_count_as_sent(
    app: Application, code: int, to_send: int
) -> None:
    async def main() -> None:
        fill(app, 3)
        async with calling(Relay(app)) as call:
            call.prove("n2")
            call.say(LOG)
            await call.heard_until(Eose("log", app.state.log_id, 3))
            call.leave(code)
        assert peer(app, "n2")["to_send"] == to_send

    asyncio.run(main())


@pytest.mark.parametrize("ends", ["while it is sent to", "while it is read", "with the node"])
def test_a_connection_may_end_at_any_moment(app: Application, ends: str) -> None:
    """In every way it is the same: nothing is raised, and nothing of it stays."""
    fill(app, 500)

    async def main() -> None:
        call = Call()
        call.connect()
        task = asyncio.create_task(Relay(app)({"type": "websocket"}, call.receive, call.send))
        await call.heard()
        if ends == "while it is sent to":
            call.gone = True
        call.say(LOG)
        if ends == "while it is read":
            call.leave()
        if ends == "with the node":
            await call.heard()
            task.cancel()
        async with asyncio.timeout(20):
            await task
        assert not app.connections
        assert not app.state.subscriptions

    asyncio.run(main())
