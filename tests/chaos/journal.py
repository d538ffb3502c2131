"""The journal: the router is killed at random moments, its disk is full, somebody else has its file."""
import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from chaos.isolation import small_disk
from harness import native
from harness.native import ACK, ERROR, Peer, wait_for
from harness.router import Router, eventually, run

LONG = "--long" in sys.argv
KILLS = 200 if LONG else 8
SEED = int(os.environ.get("CLASP_SEED", "0")) or random.randrange(1 << 30)
WRITERS = 8
WINDOW = 0.1  # seconds, of async
GENEROUS = 20 * WINDOW  # on a machine that has other things to do


class Writer(Peer):
    """Sets its own param to 1, 2, 3 …, some in flight, and knows when each was acknowledged."""

    def __init__(self, router, number, value):
        super().__init__(router.port, name=f"writer {number}")
        self.address, self.sent, self.acknowledged, self.acknowledged_at = f"/writer/{number}", value, value, {}
        self.revision = 0

    def write(self, in_flight=16):
        while self.sent - self.acknowledged < in_flight and not self.closed:
            self.sent += 1
            self.send(native.set_param(self.address, self.sent, qos=1))

    def got(self, message):
        if message.kind != ACK:
            return super().got(message)
        self.acknowledged += 1
        self.acknowledged_at[self.acknowledged] = time.monotonic()
        self.revision = message.revision
        self.write()


def readiness(router):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{router.port}/readyz", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def state_of(router):
    """Every param of the writers as (value, revision), by address."""
    with Peer(router.port) as reader:
        found = {f"/writer/{n}": reader.read_param(f"/writer/{n}") for n in range(WRITERS)}
    return {address: (entry.value, entry.revision) for address, entry in found.items() if entry}


def killed(durability, kills, longest, must_be_there):
    """kill -9 at random moments under load, again and again on the same file. `must_be_there`: the value of a writer that may not be lost."""
    chance = random.Random(SEED)
    print(f"seed {SEED}", flush=True)
    options = ("--durability", durability, "--journal-window", f"{int(WINDOW * 1000)}ms", "--journal-snapshot-entries", "2000", "--journal-max-entries", "5000")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/show.db"
        values, revisions, lost = [0] * WRITERS, [0] * WRITERS, 0
        for kill in range(kills):
            router = Router("--journal", path, *options, "--log-level", "error")
            try:
                state = state_of(router)
                for n in range(WRITERS):
                    value, revision = state.get(f"/writer/{n}", (0, 0))
                    assert value >= values[n], f"seed {SEED}, kill {kill}: writer {n} had {values[n]} acknowledged, and {value} came back"
                    assert revision >= value, f"revision {revision} of value {value}"
                    values[n] = value
                writers = [Writer(router, n, values[n]) for n in range(WRITERS)]
                for writer in writers:
                    writer.write()
                end = time.monotonic() + chance.uniform(0.02, longest)
                wait_for(writers, lambda: time.monotonic() > end, "the moment of the kill")
                killed_at = time.monotonic()
            finally:
                router.process.kill()
            router.dies()
            for n, writer in enumerate(writers):
                writer.poll()
                if writer.acknowledged > values[n]:
                    assert writer.revision > revisions[n], f"seed {SEED}, kill {kill}: revision {writer.revision} of writer {n} is not above {revisions[n]}"
                    revisions[n] = writer.revision
                lost += writer.acknowledged - values[n]
                values[n] = must_be_there(writer, killed_at, values[n])
                writer.close()
        with Router("--journal", path, *options) as router:
            state = state_of(router)
            assert all(state.get(f"/writer/{n}", (0, 0))[0] >= values[n] for n in range(WRITERS)), (SEED, state, values)
            assert router.metrics()["clasp_journal_lost_total"] == 0
        print(f"{durability}: {kills} kills, {lost} acknowledged writes in all", flush=True)
        assert lost > 100 * kills, "there was a load"


def killed_in_sync_mode():
    """Nothing that was acknowledged is missing."""
    killed("sync", KILLS, 0.7, lambda writer, killed_at, before: writer.acknowledged)


def killed_in_async_mode():
    """What was acknowledged longer ago than the window is there, with a generous allowance for a machine that does not come round to writing."""
    killed("async", KILLS // 2, GENEROUS + 1,
           lambda writer, killed_at, before: max([before] + [value for value, at in writer.acknowledged_at.items() if at < killed_at - GENEROUS]))


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
        options = ("--journal", f"{disk}/show.db", "--durability", "sync", "--log-level", "error")
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
                os.remove(f"{disk}/filler")
                eventually(lambda: readiness(router)[0] == 200, "the journal is written again", 60)
                peer.inbox.clear()
                peer.send(native.set_param("/after", 2, qos=1))
                peer.until(lambda: peer.kinds(ACK, ERROR), "an answer")
                assert peer.kinds(ACK) and not peer.kinds(ERROR), peer.inbox
        with Router(*options) as router, Peer(router.port) as peer:
            assert peer.read_param("/before").value == 1 and peer.read_param("/after").value == 2


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
        options = ("--journal", f"{folder}/show.db", "--http", "--log-level", "error")
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
            peer.answer(*[native.set_param("/many", f"{number} " + "x" * 500) for number in range(12_000)])
            eventually(lambda: router.metrics()["clasp_journal_last_seq"] >= 12_003, "they are on the disk", 60)
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
            router.process.kill()
        router.dies()
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
            router.process.kill()
        router.dies()
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
    run(what_was_kept_is_shown, a_state_file, ended_and_started_again, the_disk_is_full, somebody_else_has_the_file, killed_in_sync_mode, killed_in_async_mode)
