"""Clusters on named hosts: each host is a real sshd of this computer with a reference node behind
it, and all that is known of it is in an inventory and an ssh_config."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import Hosts, hosts, shown
from openssh import USER

from syncmodel.adapter.clocks import library
from syncmodel.cli import main
from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run as taken
from syncmodel.errors import FaultError, InvalidRunError, TransportError, UsageError
from syncmodel.inventory import kinds
from syncmodel.inventory.cluster import HostCluster
from syncmodel.model.net import fully_connected
from syncmodel.nostr.keys import Key
from syncmodel.steps import (
    Clock,
    Create,
    Disable,
    Distrust,
    Hang,
    Heal,
    Leave,
    Misuse,
    Pause,
    Reactivate,
    Restart,
    Resume,
    Slow,
    Trust,
    Uninstall,
)
from syncmodel.steps.base import HangsLinks, Pauses, SetsClocks, SlowsLinks
from syncmodel.steps.misused import METHODS
from syncmodel.targets.base import Settled
from syncmodel.targets.wire import SUPERTEST
from syncmodel.transport import ssh_config

#: It starts many processes.
pytestmark = pytest.mark.slow

NET = fully_connected(SUPERTEST, 2)
CORPUS = Path(__file__).parents[2] / "corpus"


@pytest.fixture(scope="module")
def two() -> Iterator[Hosts]:
    """Two hosts, for tests that leave them as they were."""
    with hosts(2) as made:
        yield made


def run(main: Coroutine[Any, Any, None]) -> None:
    driver = Loop()
    try:
        driver.run(asyncio.wait_for(main, 60))
    finally:
        driver.close()


def on(made: Hosts, main: Callable[[HostCluster], Coroutine[Any, Any, None]]) -> None:
    """Do this with the cluster of these hosts, and close it."""
    target = kinds.kind_of(made.file).make(2, ())
    assert isinstance(target, HostCluster)

    async def whole() -> None:
        try:
            await main(target)
        finally:
            await target.close()

    run(whole())


def syncmodel(*words: object, limit_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncmodel", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


# --- runs --------------------------------------------------------------------------------------


def test_a_search_on_hosts_of_an_inventory_passes(two: Hosts) -> None:
    found = two.folder / "found"
    options = ("--sequences", 2, "--steps", 12, "--seed", 3, "--no-scenes", "--corpus", found)
    done = syncmodel("explore", "--inventory", two.file, *options)
    assert done.returncode == 0, done.stdout + done.stderr + shown(two.folder)
    assert "Exploring 2 nodes (the hosts of" in done.stdout + done.stderr
    assert "no links: the machine's links are not compared" in done.stdout + done.stderr


def test_a_scenario_on_hosts_of_an_inventory_passes_and_leaves_its_artefacts(two: Hosts) -> None:
    create = {"op": "create", "node": "n1", "table": "cases", "row": "c1"}
    back = {"op": "rollback", "nodes": ["n2"], "generation": 1}
    scenario = {
        "version": 2,
        "title": "a row, and a way back",
        "target": "embedded",
        "nodes": 2,
        "phases": [{"name": "a row", "steps": 1}, {"name": "and back", "steps": 2}],
        "steps": [
            {**create, "values": {"title": "t1"}},
            back,
            {"op": "rollout", "nodes": ["n2"], "generation": 2},
        ],
        "expected": {"verdict": "pass"},
    }
    file, kept = two.folder / "mine.json", two.folder / "artefacts"
    file.write_text(json.dumps(scenario))
    done = syncmodel("scenario", file, "--inventory", two.file, "--artefacts", kept)
    assert done.returncode == 0, done.stdout + done.stderr + shown(two.folder)
    assert "and back" in done.stdout
    for node in ("n1", "n2"):
        (rows,) = kept.glob(f"*/{node}/rows.json")
        assert "cases/c1" in json.loads(rows.read_text())["rows"]


@pytest.fixture(scope="module")
def buggy() -> Iterator[Hosts]:
    """Two hosts whose nodes have a bug."""
    with hosts(2, bugs=["mixed-row"]) as made:
        yield made


@pytest.mark.long
def test_a_planted_bug_is_seen_when_its_run_is_replayed_on_hosts(buggy: Hosts) -> None:
    (known,) = CORPUS.glob("a-case-that-was-deleted-and-created-anew-shows-its-old-*.json")
    done = syncmodel("replay", "--inventory", buggy.file, "--no-bug", known)
    assert done.returncode == 1, done.stdout + done.stderr + shown(buggy.folder)


@pytest.mark.long
def test_a_planted_bug_is_found_on_hosts_and_replayed_there(buggy: Hosts) -> None:
    found = buggy.folder / "found"
    few = ("--faults", "none", "--sequences", 30, "--steps", 12, "--seed", 2)
    options = ("--no-minimize", "--corpus", found)
    done = syncmodel("explore", "--inventory", buggy.file, *few, *options, limit_s=280)
    assert done.returncode == 1, done.stdout + done.stderr + shown(buggy.folder)
    (file,) = found.glob("*.json")
    again = syncmodel("replay", "--inventory", buggy.file, file)
    assert again.returncode == 1, again.stdout + again.stderr
    alone = syncmodel("replay", file)
    assert alone.returncode == 2
    assert "a run on hosts of an inventory: name it with syncmodel replay" in alone.stderr


@pytest.mark.long
def test_pytest_searches_and_replays_on_hosts(two: Hosts) -> None:
    few = ("--syncmodel-sequences=1", "--syncmodel-steps=4", f"--syncmodel-corpus={two.folder}/p")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *few]
    command += [f"--syncmodel-inventory={two.file}", f"--rootdir={CORPUS.parent}", "-k"]
    done = subprocess.run(
        [*command, "TestCluster or one-way-cut", "stateful"],
        cwd=CORPUS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


# --- doctor ------------------------------------------------------------------------------------


def test_the_doctor_finds_healthy_hosts_healthy_and_disturbs_them_if_asked(two: Hosts) -> None:
    done = syncmodel("doctor", two.file, "--disturb")
    assert done.returncode == 0, done.stdout + done.stderr
    health = {line[10:].partition(":")[0]: line[:9].strip() for line in done.stdout.splitlines()}
    bad = {about for about, how in health.items() if how != "ok"}
    # A computer in trouble may be slow; what is lacking is lacking.
    assert bad - {"n1 commands", "n2 commands", "n1 api", "n2 api"} == {
        f"{node} {one}" for node in ("n1", "n2") for one in ("links", "boots")
    }
    assert {"lock", "cuts", "rest", "n1 clock", "n1 disk", "n1 kill and start"} <= health.keys()
    assert {"n1 standing still", "n2 clock that jumps"} <= health.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("host-n2", "nobody.invalid"), "missing   n2 login: nobody.invalid can't be reached"),
        (('api = "127.0.0.1:', 'api = "127.0.0.2:'), "missing   n1 api: nothing listens at 127."),
        (("admin.key", "wrong.key"), "missing   n1 admin key: n1 refuses the key in admin_key"),
        (('relay = ["127.0.0.1', 'relay = ["127.0.0.3'), "missing   n1 dials n1 at 127.0.0.3"),
    ],
)
def test_the_doctor_says_what_is_missing(two: Hosts, change: tuple[str, str], said: str) -> None:
    (two.folder / "wrong.key").write_text("7" * 64)
    done = syncmodel("doctor", two.text(change))
    assert said in done.stdout
    assert done.returncode == 3


def test_the_doctor_names_a_wrong_key_of_a_node_without_the_plugin_too(two: Hosts) -> None:
    inventory = ["--inventory", two.text()]
    back = syncmodel("admin", "n1", "rollout.rollback", '{"generation": 1}', *inventory)
    waits = {"job": json.loads(back.stdout)["job"], "wait": {"limit_s": 10}}
    done = syncmodel("admin", "n1", "rollout.status", json.dumps(waits), *inventory)
    assert json.loads(done.stdout)["state"] == "done"
    (two.folder / "wrong.key").write_text("7" * 64)
    done = syncmodel("doctor", two.text(("admin.key", "wrong.key")))
    assert "missing   n1 admin key: n1 refuses the key in admin_key" in done.stdout
    assert done.returncode == 3


def test_the_doctor_leaves_hosts_alone_that_another_tester_uses(two: Hosts) -> None:
    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        await target.crash("n1")
        done = await asyncio.to_thread(syncmodel, "doctor", two.file, "--disturb")
        assert "missing   lock: n1 is in use by another tester" in done.stdout
        assert done.returncode == 3
        assert not await target.partial["n1"].answers()

    on(two, main)


def test_the_doctor_says_what_this_machine_has() -> None:
    done = syncmodel("doctor")
    assert done.returncode == 0
    assert "ok        target simulated: needs nothing but this package." in done.stdout
    assert "target embedded" in done.stdout


def test_a_cut_on_hosts_holds_rows_back_and_a_heal_lets_them_through(two: Hosts) -> None:
    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        await target.set_cut(frozenset({("n1", "n2")}))
        assert await target.partial["n1"].mark(target.run_id, "x")
        seen = await target.settle(NET.with_cut({("n1", "n2")}), control=True, limit_s=10)
        assert isinstance(seen, Settled)
        rows = {node: view and len(view.rows) for node, view in seen.views.items()}
        assert rows == {"n1": 2, "n2": 0}
        await target.set_cut(frozenset())
        seen = await target.settle(NET, control=False, limit_s=10)
        assert isinstance(seen, Settled)
        assert seen.views["n1"] == seen.views["n2"]

    on(two, main)


def test_a_crash_and_a_rollback_on_hosts_are_done_by_service_commands(two: Hosts) -> None:
    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        await target.crash("n1")
        assert not await target.partial["n1"].answers()
        await target.restart("n1")
        assert (await target.deploy(["n2"], 1, back=True)).ok
        seen = await target.settle(NET.deploy(["n2"], 1), control=True, limit_s=10)
        assert isinstance(seen, Settled)
        assert seen.control["n2"].running == 1
        assert seen.control["n2"].unseen == {"links"}

    on(two, main)


@pytest.mark.long
def test_nodes_stand_still_and_links_hang_and_clocks_jump_on_hosts(two: Hosts) -> None:
    """Each fault there is, each probed, in one run that passes."""

    def row(node: str, number: int) -> Create:
        return Create(node, "cases", f"c{number}", (("title", f"t{number}"),))

    still = [Pause("n2"), row("n1", 2), Resume("n2")]
    clocks = [Clock("n1", 60), row("n1", 3), Clock("n1", -1), row("n1", 4)]
    links = [Slow("n1", "n2", 20), row("n1", 5), Hang("n2", "n1"), row("n2", 6), Heal()]
    steps = [row("n1", 1), *still, *clocks, Pause("n1"), Restart("n1"), *links, Clock("n2", 60)]

    async def main(target: HostCluster) -> None:
        result = await taken(target, NET, steps)
        assert result.verdict is Verdict.PASS, result
        target.renew()
        await target.begin(NET)
        assert not [node for node in target._hosts.values() if node.machine.held]

    assert {Pauses, SetsClocks, HangsLinks, SlowsLinks} <= set(
        kinds.kind_of(two.file).abilities.__mro__
    )
    on(two, main)


def test_clocks_of_hosts_jump_by_libfaketime() -> None:
    """The node asks the system for the time, as any other does, and has no way of its own."""
    try:
        faketime = library()
    except UsageError:
        pytest.skip("libfaketime is not installed")

    async def main(target: HostCluster) -> None:
        async def ahead_s(node: str) -> float:
            status = await target.partial[node].admin("cluster_status")
            return float(status["now_s"]) - time.time()

        rows = [
            Create("n1", "cases", f"c{number}", (("title", f"t{number}"),)) for number in range(4)
        ]
        steps = [rows[0], Clock("n1", 60), rows[1], Clock("n1", -30), rows[2], Clock("n2", 7)]
        result = await taken(target, NET, [*steps, Restart("n1"), rows[3]])
        assert result.verdict is Verdict.PASS, result
        assert -33 < await ahead_s("n1") <= -30
        assert 4 < await ahead_s("n2") <= 7
        target.renew()
        await target.begin(NET)
        assert all([-3 < await ahead_s(node) <= 0 for node in ("n1", "n2")])

    with hosts(2, faketime=faketime) as made:
        on(made, main)


@pytest.mark.long
def test_members_trust_and_plugins_on_hosts(two: Hosts) -> None:
    """What a tester leaves that was killed is undone by the next one."""
    case = Create("n1", "cases", "c1", (("title", "t1"),))
    misused = [Misuse("n1", "replayed", "cluster_nodes.leave"), Misuse("n2", "stale", METHODS[0])]
    told = [Leave("n2"), *misused, Reactivate("n2"), Distrust("n2", "n1"), Trust("n2", "n1")]
    plugins = [Uninstall("n1", False), Disable("n1"), Uninstall("n1", False)]
    left = [Disable("n2"), Leave("n1")]

    async def main(target: HostCluster) -> None:
        for steps in ([case, *told, *plugins], [case, *left], [case, Distrust("n1", "n2")]):
            result = await taken(target, NET, steps)
            assert result.verdict is Verdict.PASS, result
            # As one does that takes the hosts over, and knows of nothing.
            target.away = target.distrusts = frozenset()
            target._unusual.clear()
            target.renew()

    on(two, main)


# --- what is not the nodes' doing --------------------------------------------------------------


@pytest.mark.long
def test_a_node_that_goes_on_by_itself_makes_a_run_invalid(two: Hosts) -> None:
    """As when the host's own limit is over: what it answers then is no answer of a node that stands
    still, and what others show may come of it."""

    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        await target.pause("n1")
        held = target._hosts["n1"].machine.held["pause"]._process
        assert held is not None
        held.stdin.write_eof()
        await held.wait_closed()
        for node in ("n1", "n2"):
            with pytest.raises(FaultError, match="n1 stands still, and that has ended by itself"):
                await target.look(node, "cases", None)
        with pytest.raises(FaultError, match="ended by itself"):
            await target.settle(NET.pause("n1"), control=True, limit_s=10)

    on(two, main)


@pytest.mark.long
def test_a_connection_that_carries_links_and_breaks_makes_a_run_invalid(two: Hosts) -> None:
    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        two.servers["n2"].drop()
        with pytest.raises(TransportError, match="n2 broke, and the lock and the links"):
            await target.settle(NET, control=False, limit_s=10)
        await target.begin(NET)
        assert isinstance(await target.settle(NET, control=False, limit_s=10), Settled)

    on(two, main)


def test_a_second_tester_is_kept_out_and_told_who_is_there(two: Hosts) -> None:
    async def main(target: HostCluster) -> None:
        await target.begin(NET)
        done = await asyncio.to_thread(
            syncmodel, "explore", "--inventory", two.file, "--sequences", 1, "--steps", 2
        )
        assert done.returncode == 3, done.stdout + done.stderr
        assert "n1 is in use by another tester (" in done.stdout + done.stderr
        assert f"process {os.getpid()}, since " in done.stdout + done.stderr

    on(two, main)


@pytest.mark.long
def test_a_tester_that_was_killed_is_named_and_its_lock_is_gone(two: Hosts) -> None:
    command = [sys.executable, "-m", "syncmodel", "explore", "--inventory", str(two.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tester:
        assert tester.stderr is not None
        while not (line := tester.stderr.readline()).startswith("sequences"):
            assert line, "it ended"
        tester.send_signal(signal.SIGKILL)

    seen = kinds.kind_of(two.text()).title
    assert seen.count(f"did not end in order ({USER}@") == 2
    assert f"process {tester.pid}, since" in seen
    assert "in order" not in kinds.kind_of(two.text()).title


# --- what is asked for -------------------------------------------------------------------------


def test_a_search_on_hosts_asks_for_as_many_nodes_as_there_are(two: Hosts) -> None:
    kind = kinds.kind_of(two.file)
    with pytest.raises(UsageError, match="has 2 nodes and 3 are asked for: rows would travel"):
        kind.make(3, ())
    with pytest.raises(UsageError, match="No bug can be planted"):
        kind.make(2, ("tie-by-arrival",))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "simulated"), "An inventory is a target of its own: leave --target out"),
        (("--bug", "tie-by-arrival"), "No bug can be planted in nodes of an inventory"),
        (("--jobs", "2"), "one cluster, which one process uses: leave --jobs out"),
    ],
)
def test_what_an_inventory_can_not_be_asked_together_with_is_told(
    two: Hosts, words: tuple[str, ...], said: str
) -> None:
    done = syncmodel("explore", "--inventory", two.file, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_nodes_that_the_inventory_does_not_name_are_told(two: Hosts) -> None:
    other = two.text((two.keys["n2"].public, Key.generate().public))
    with pytest.raises(UsageError, match="n1 knows n2, which the inventory does not name"):
        kinds.kind_of(other)
    renamed = two.text(('host = "host-n2"', 'host = "host-n2"\nname = "beta"'))
    with pytest.raises(UsageError, match=r"n1 has other names: 'beta' is 'n2'. Write `name`"):
        kinds.kind_of(renamed)


def test_a_wrong_admin_key_is_told_and_no_verdict(two: Hosts) -> None:
    (two.folder / "wrong.key").write_text("7" * 64)
    file = two.text(("admin.key", "wrong.key"))
    with pytest.raises(UsageError, match="n1 refuses the key in admin_key"):
        kinds.kind_of(file)


def test_a_host_whose_key_is_not_known_is_told_with_what_to_do(two: Hosts) -> None:
    config = (two.folder / "ssh_config").read_text().replace("known_hosts", "none_known")
    (two.folder / "other_config").write_text(config)
    (two.folder / "none_known").touch()
    file = two.text(('"ssh_config"', '"other_config"'))
    with pytest.raises(TransportError, match=r"shows a host key that is not known.*`ssh host-n1`"):
        kinds.kind_of(file)


def test_a_host_that_nobody_named_is_told(two: Hosts) -> None:
    file = two.text(('host = "host-n1"', 'host = "host-of-nobody.invalid"'))
    with pytest.raises(InvalidRunError, match=r"host-of-nobody.invalid can't be reached"):
        kinds.kind_of(file)


# --- ssh_config --------------------------------------------------------------------------------


def jumping(made: Hosts, jumps: str) -> Path:
    """An ssh_config in which n2 is behind these jump hosts."""
    config = (made.folder / "ssh_config").read_text()
    other = made.folder / f"config-{len(jumps)}"
    other.write_text(config.replace("Host host-n2\n", f"Host host-n2\n  ProxyJump {jumps}\n"))
    return other


@pytest.mark.parametrize("jumps", ["host-n1", "{user}@host-n1", "host-n1,host-n1"])
def test_jump_hosts_are_gone_through_as_ssh_config_has_them(two: Hosts, jumps: str) -> None:
    async def main() -> None:
        config = jumping(two, jumps.format(user=USER))
        connection = await ssh_config.connect("host-n2", config)
        try:
            done = await connection.run("echo $SSH_CONNECTION")
            assert str(two.servers["n2"].port) in str(done.stdout)
            # What n2's sshd sees is a connection of a process of n1's.
            assert two.servers["n1"].sessions()
        finally:
            connection.close()
            await connection.wait_closed()

    run(main())


def test_a_proxy_command_is_run(two: Hosts) -> None:
    async def main() -> None:
        text = (two.folder / "ssh_config").read_text()
        config = two.folder / "config-command"
        script = two.folder / "nc.py"
        script.write_text(
            "import socket, sys, threading, shutil\n"
            "s = socket.create_connection((sys.argv[1], int(sys.argv[2]))).makefile('rwb', 0)\n"
            "copy = lambda a, b: [b.write(x) for x in iter(lambda: a.read(65536), b'')]\n"
            "i, o = open(0, 'rb', 0), open(1, 'wb', 0)\n"
            "threading.Thread(target=copy, args=(i, s), daemon=True).start()\ncopy(s, o)\n"
        )
        command = f"  ProxyCommand {sys.executable} {script} %h %p\n"
        config.write_text(text.replace("Host host-n1\n", f"Host host-n1\n{command}"))
        connection = await ssh_config.connect("host-n1", config)
        assert (await connection.run("true")).exit_status == 0
        connection.close()
        await connection.wait_closed()

    run(main())


def test_jump_hosts_that_lead_in_a_circle_are_told(two: Hosts) -> None:
    text = (two.folder / "ssh_config").read_text()
    config = two.folder / "circle"
    config.write_text(
        text.replace("Host host-n1\n", "Host host-n1\n  ProxyJump host-n2\n").replace(
            "Host host-n2\n", "Host host-n2\n  ProxyJump host-n1\n"
        )
    )

    async def main() -> None:
        with pytest.raises(TransportError, match="ProxyJump leads over more than"):
            await ssh_config.connect("host-n1", config)

    run(main())


def test_admin_asks_one_node_and_prints_what_it_answers(
    two: Hosts, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(*words: str) -> tuple[int, str, str]:
        code = main(["admin", *words, "--inventory", str(two.file)])
        told = capsys.readouterr()
        return code, told.out, told.err

    code, out, _ = asked("n1", "cluster_status")
    assert (code, json.loads(out)["healthy"]) == (0, True)
    code, out, _ = asked("n2", "rollout.preview", '{"generation": 99}')
    assert (code, json.loads(out)["error"]["code"]) == (3, "unknown_generation")
    code, _, err = asked("n7", "cluster_status")
    assert code == 2
    assert "it has n1, n2" in err
