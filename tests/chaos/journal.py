"""The journal: a restart, a full disk, somebody else has its file, what was kept is shown. (Killed: kill_storm.py. Damaged: kept_state.py.)"""
import contextlib
import json
import os
import shlex
import signal
import struct
import subprocess
import tempfile
import urllib.error
import urllib.request

from chaos.isolation import small_disk
from harness import mqtt, native
from harness.http import Api
from harness.native import ACK, ERROR, Peer, wait_for
from harness.router import Router, eventually, run


def readiness(router):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{router.port}/readyz", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def ended_and_started_again():
    """After an end by itself everything is as it was: value, revision, writer, time, lifetime, and what is gone stays gone."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--journal", f"{folder}/show.db", "--http")
        with Router(*options) as router:
            router.clasp("set", "/kept", "[1,2.0,\"x\"]")
            router.clasp("set", "/kept", "{\"a\":1}")
            with Peer(router.port) as peer:
                peer.answer(native.set_param("/short", 1, qos=1, ttl=1 | 1 << 31), native.set_param("/long", 2, qos=1, ttl=3600),
                            native.set_param("/nan", float("nan"), qos=1))
                raw = native.frame(bytes([0x21, 9]) + native.text("/blob") + native.text(b"\x00\xff"), 1)
                peer.answer(raw)
                eventually(lambda: peer.read_param("/short") is None, "its lifetime ends", 60)
            before = seen(router)
        with Router(*options) as router:
            assert seen(router) == before, f"{before}\n{seen(router)}"
            assert "/long" in str(before) and "/short" not in str(before)
            with Peer(router.port) as peer:
                (ack,) = peer.answer(native.set_param("/short", 1, qos=1))
                assert ack.revision == 3, f"above the revision its removal had: {ack.revision}"
                (ack,) = peer.answer(native.set_param("/kept", 1, qos=1))
                assert ack.revision == 3, ack
                (ack,) = peer.answer(native.set_param("/new", 1, qos=1))
                assert ack.revision == 1, ack


def seen(router):
    """Address, value, revision and time of what is there, as HTTP shows it; bytes and NaN as a native client hears them."""
    out = []
    for address in ("kept", "blob", "long", "nan", "short"):
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"http://127.0.0.1:{router.port}/v1/state/{address}", timeout=60) as answer:
            out.append(answer.read())
    with Peer(router.port) as peer:
        return out, [repr(peer.read_param(address).value) for address in ("/blob", "/nan", "/kept")]


def the_disk_is_full():
    """In sync mode writes are refused with 503 and a reason, /readyz says it; once there is room all goes on, and what was acknowledged is there."""
    with small_disk(1024) as disk:
        options = ("--journal", f"{disk}/show.db", "--durability", "sync", "--http", "--log-level", "error")
        with Router(*options) as router:
            with Peer(router.port) as peer:
                assert peer.answer(native.set_param("/before", 1, qos=1)) or True
                peer.until(lambda: peer.kinds(ACK), "the first ACK")
                assert readiness(router) == (200, "ready\n")
                with open(f"{disk}/filler", "wb", buffering=0) as filler:
                    try:
                        while filler.write(b"x" * 4096):
                            pass
                    except OSError:
                        pass
                number = 0
                while not peer.kinds(ERROR):
                    number += 1
                    peer.send(native.set_param("/full", "x" * 2000, qos=1))
                    wait_for([peer], lambda: len(peer.kinds(ACK, ERROR)) > number, "an answer, whatever it is")
                (error,) = peer.kinds(ERROR)
                assert error.code == 503 and "journal" in error.text, error
                status, why = readiness(router)
                assert status == 503 and "journal" in why, (status, why)
                assert router.metrics()["clasp_journal_failing"] == 1
                answers = peer.answer(native.get("/before"))
                assert answers[-1].entries[0].value == 1, "reading goes on"
                mqtt_and_http_are_told(router)
                os.remove(f"{disk}/filler")
                eventually(lambda: readiness(router)[0] == 200, "the journal is written again", 60)
                peer.inbox.clear()
                peer.send(native.set_param("/after", 2, qos=1))
                peer.until(lambda: peer.kinds(ACK, ERROR), "an answer")
                assert peer.kinds(ACK) and not peer.kinds(ERROR), peer.inbox
        with Router(*options) as router, Peer(router.port) as peer:
            assert peer.read_param("/before").value == 1 and peer.read_param("/after").value == 2


def mqtt_and_http_are_told(router):
    """That nothing is kept: MQTT 5 by a reason code, 3.1.1 by the end of its connection, HTTP by a status; no PUBACK, no PUBREC, no 200 says otherwise."""
    with mqtt.Client(router.port, "new", 5) as client:
        for qos in (1, 2):
            assert client.published("event", b"1", qos) == 0x83
            assert client.published("state", b"1", qos, retain=True) == 0x83
    for qos in (1, 2):
        old = mqtt.Client(router.port, "old", 4)
        old.publish("state", b"1", qos, retain=True)
        assert old.is_closed() == [], "not a word before the end"
        old.close()
    with Api(router) as api:
        assert [api.put("/state/a", "1")[0], api.post("/emit/a", 1)[0], api.post("/bundle", {"operations": [{"set": ["/a", 1]}]})[0]] == [503] * 3


def somebody_else_has_the_file():
    with tempfile.TemporaryDirectory() as folder:
        with Router("--journal", f"{folder}/show.db") as router:
            second = subprocess.run([router.binary, "server", "--listen", "127.0.0.1:0", "--journal", f"{folder}/show.db"], capture_output=True, text=True,
                                    timeout=60)
            assert second.returncode == 1 and f"show.db is in use by another process ({router.process.pid})" in second.stderr, second
        for bad, reason in ((f"{folder}", "cannot open"), ("/nowhere/show.db", "cannot open")):
            refused = subprocess.run([router.binary, "server", "--listen", "127.0.0.1:0", "--journal", bad], capture_output=True, text=True, timeout=60)
            assert refused.returncode == 1 and reason in refused.stderr, refused


def replay(pattern, types=0xFF, limit=None):
    payload = bytes([0x24, 0 if limit is None else 0x20]) + native.text(pattern)
    payload += b"" if limit is None else struct.pack(">I", limit)
    return native.frame(payload + bytes([types]), 1)


def what_was_kept_is_shown():
    """REPLAY on the wire, `clasp journal` over HTTP: of the run before as well, in order, no more than asked for; 10,000 entries to a reader that is slow."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--journal", f"{folder}/show.db", "--durability", "sync", "--http", "--log-level", "error")  # sync: nothing is thinned
        with Router(*options) as router:
            router.clasp("set", "/a", "1")
            router.clasp("set", "/a", "0.5")
            router.clasp("emit", "/go", "7")
        with Router(*options) as router, Peer(router.port) as peer:
            def replayed(*frames):
                before = len(peer.inbox)
                peer.send(*frames)
                peer.until(lambda: any(message.kind in (ACK, ERROR) for message in peer.inbox[before:]), "the end of a REPLAY", 60)
                return [(message.kind, message.address, message.value) for message in peer.inbox[before:]]
            assert replayed(replay("/**")) == [(native.SET, "/a", 1), (native.SET, "/a", 0.5), (native.PUBLISH, "/go", 7), (ACK, "/**", None)]
            assert replayed(replay("/a", types=1, limit=1)) == [(native.SET, "/a", 1), (ACK, "/a", None)]
            assert replayed(replay("/nothing")) == [(ACK, "/nothing", None)]
            lines = router.clasp("journal", "query", "/**").splitlines()
            assert len(lines) == 3 and "SET /a = 0.5 (rev: 2, by: " in lines[1] and "PUBLISH /go = 7 (event, by: " in lines[2], lines
            assert router.clasp("journal", "latest") == "Latest seq: 3"
            assert len(router.clasp("journal", "since", "2", "--json").splitlines()) == 1
            assert router.clasp("journal", "query", "/nothing") == "No entries."
            assert len(router.clasp("journal", "query", "/**", "--from", "-10m").splitlines()) == 3
            assert len(router.clasp("journal", "query", "/**", "--from=-1h", "--to", "-0s", "--types", "event").splitlines()) == 1
            assert router.clasp("journal", "query", "/**", "--to", "-10m") == "No entries."
            first = json.loads(router.clasp("journal", "query", "/a", "--limit", "1", "--json"))
            assert len(router.clasp("journal", "query", "/**", "--to", str(first["timestamp"])).splitlines()) == 1
            for wrong in (("query", "--from", "yesterday"), ("query", "--limit", "many"), ("since",), ("since", "x"), ("latest", "1"), ("history",), ("query", "/a", "/b")):
                done = subprocess.run([router.binary, "journal", *wrong, "-s", router.url], capture_output=True, text=True, timeout=60)
                assert done.returncode == 2 and done.stderr and not done.stdout, (wrong, done)
            following = [subprocess.Popen([router.binary, "journal", *how, "--follow", "-s", router.url], stdout=subprocess.PIPE, text=True)
                         for how in (("query", "/live/**"), ("since", "3"), ("query", "/**"))]
            try:
                shown = [following[2].stdout.readline() for _ in range(3)]
                assert "SET /a = 1 " in shown[0] and "PUBLISH /go" in shown[2], shown
                for number in (1, 2):
                    router.clasp("set", "/live/x", str(number))
                for follower in following:
                    lines = [follower.stdout.readline() for _ in range(2)]
                    assert "SET /live/x = 1 " in lines[0] and "SET /live/x = 2 " in lines[1], lines
            finally:
                for follower in following:
                    follower.send_signal(signal.SIGINT)
                    assert follower.wait(timeout=60) == 0
                    follower.stdout.close()
            peer.answer(*[native.set_param("/many", f"{number} " + "x" * 500) for number in range(12_000)])
            eventually(lambda: router.metrics()["clasp_journal_last_seq"] >= 12_005, "they are on the disk", 60)
            with Peer(router.port, receive_buffer=4096) as slow:
                slow.send(replay("/many"))
                eventually(lambda: router.metrics()["clasp_outbox_bytes"] >= 0 and not slow.closed, "it is there", 60)
                slow.until(lambda: slow.kinds(ACK, ERROR), "the end", 120)
                numbers = [int(message.value.split()[0]) for message in slow.kinds(native.SET)]
                assert numbers == list(range(10_000)), (len(numbers), numbers[:3], numbers[-3:])
                (end,) = slow.kinds(ACK, ERROR)
                assert end.kind == ERROR and end.code == 429 and "10000 entries" in end.text, "it says that there is more"
        with Router("--log-level", "error") as router, Peer(router.port) as peer:
            (refused,) = peer.answer(replay("/**"))
            assert refused.kind == ERROR and refused.code == 501, refused


def the_documentation_does_what_it_says():
    """Every command of docs/journal.md runs as it stands there."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "journal.md")) as page:
        commands = [shlex.split(line, comments=True) for line in page if line.startswith("    clasp ")]
    servers, questions = ([command for command in commands if command[1] == what] for what in ("server", "journal"))
    assert len(servers) >= 2 and len(questions) >= 4, commands
    with tempfile.TemporaryDirectory() as folder:
        for command in servers:
            placed = [f"{folder}/{word}" if word.endswith((".db", ".json")) else word for word in command[2:]]
            with Router(*placed, "--log-level", "error") as router:
                router.clasp("set", "/mixer/1", "1")
            assert all(os.path.exists(word) for word in placed if word.startswith(folder)), placed
        with Router("--journal", f"{folder}/show.db", "--http", "--log-level", "error") as router:
            for command in questions:
                words = ["0" if word == "4711" else word for word in command[1:]]  # there are not as many here
                asking = subprocess.Popen([router.binary, *words, "-s", router.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                if "--follow" in command:
                    router.clasp("set", "/mixer/2", "1")
                    assert asking.stdout.readline(), command
                    asking.send_signal(signal.SIGINT)
                out, err = asking.communicate(timeout=60)
                assert asking.returncode == 0 and not err, (command, out, err)


def a_state_file():
    """--persist: written from time to time and at the end, read at the start; a damaged one is kept, and the generation before takes its place."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/state.json"
        options = ("--persist", path, "--persist-interval", "50ms", "--log-level", "error")
        router = Router(*options)
        try:
            router.clasp("set", "/first", "1")
            eventually(lambda: os.path.exists(path) and "/first" in open(path).read(), "it is written while the router runs", 60)
        finally:
            router.killed()
        with Router(*options) as router, Peer(router.port) as peer:
            assert peer.read_param("/first").value == 1
            (ack,) = peer.answer(native.set_param("/first", 2, qos=1))
            assert ack.revision == 2 + (1 << 24), f"the last run was killed: {ack.revision}"
        slow = ("--persist", path, "--persist-interval", "1h", "--log-level", "error")
        router = Router(*slow)
        try:
            with Peer(router.port) as peer:
                (ack,) = peer.answer(native.set_param("/first", 2, qos=1))
        finally:
            router.killed()
        heard = ack.revision
        with Router(*slow) as router, Peer(router.port) as peer:
            (ack,) = peer.answer(native.set_param("/first", 2, qos=1))
            assert ack.revision > heard, f"killed before its first write: {ack.revision} is not above {heard}"
        with open(path, "r+b") as state:
            state.truncate(os.path.getsize(path) // 2)
        with Router(*options) as router, Peer(router.port) as peer:
            assert peer.read_param("/first").value in (1, 2), "the generation before"
            assert os.path.exists(f"{path}.damaged-1")
            peer.answer(native.set_param("/second", 3, qos=1))
        with Router(*options) as router, Peer(router.port) as peer:
            assert peer.read_param("/second").value == 3
            assert peer.read_param("/second").revision > 1 << 24, "the run before began with a file that was not its last one"
        both = ("--persist", path, "--journal", f"{folder}/show.db", "--log-level", "error")
        with Router(*both) as router, Peer(router.port) as peer:
            assert peer.read_param("/second").value == 3, "a new journal does not hide it"
            peer.answer(native.set_param("/second", 4, qos=1))
        with Router("--journal", f"{folder}/show.db", "--log-level", "error") as router, Peer(router.port) as peer:
            peer.answer(native.set_param("/second", 5, qos=1))
        with Router(*both) as router, Peer(router.port) as peer:
            assert peer.read_param("/second").value == 5, "what is newer counts"


if __name__ == "__main__":
    run(what_was_kept_is_shown, the_documentation_does_what_it_says, a_state_file, ended_and_started_again, the_disk_is_full, somebody_else_has_the_file)
