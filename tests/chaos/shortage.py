"""No room for logs, no reader for them, no descriptors, no memory."""
import contextlib
import os
import re
import signal
import tempfile
import time

from chaos.isolation import MemoryGroup, small_disk
from chaos.scene import Scene
from harness import native
from harness.checks import MIB, connected, read_to_the_end
from harness.native import ERROR, SET, SNAPSHOT, WELCOME, Peer, Tcp, WebSocket
from harness.router import Router, eventually, run

SMALL = ("--history-bytes", "256k")


# ---- logs ----

def cause_a_log_line(router):
    """A connection of no known protocol: worth a line, at most one a second."""
    before = router.metrics()["clasp_protocol_unknown_total"]
    with connected(router) as connection:
        connection.sendall(b"\xff")
        read_to_the_end(connection)
    assert router.metrics()["clasp_protocol_unknown_total"] == before + 1
    time.sleep(1.1)  # until the next one gets a line of its own


def log_disk_full():
    """Log lines that find no room are missed by nobody but the log, which says how many there were as soon as it can."""
    with small_disk(64) as disk:
        with open(f"{disk}/log", "a") as log, Router(*SMALL, log=log) as router, Scene(router) as scene:
            cause_a_log_line(router)
            with open(f"{disk}/filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
                while filler.write(b"x" * 512):
                    pass
            with contextlib.suppress(OSError):  # the rest of the log's own last page
                while os.write(log.fileno(), b"\n"):
                    pass
            size = os.path.getsize(f"{disk}/log")
            for _ in range(3):
                cause_a_log_line(router)
            scene.recovers()
            assert os.path.getsize(f"{disk}/log") == size, "the disk is full"
            os.remove(f"{disk}/filler")
            cause_a_log_line(router)
            with open(f"{disk}/log") as lines:
                said = lines.read()[size:].splitlines()
            missing = [line for line in said if re.search(r"\b3 log lines .*No space left on device", line)]
            assert len(missing) == 1 and len(said) == 2, f"the log says once that three lines are missing: {said}"
            scene.recovers()


def log_to_a_full_device():
    """A log that can never be written."""
    with open("/dev/full", "w") as log, Router(*SMALL, log=log) as router, Scene(router) as scene:
        for _ in range(3):
            cause_a_log_line(router)
        scene.recovers()


def log_reader_stopped():
    """Whoever reads the log has stopped: its pipe is full and the router writes nothing more into it, but serves on. When it reads again it hears
    what is missing; when it has gone, that is no reason to go as well."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as reader:
        with open(writing, "wb", buffering=0) as log:
            router = Router(*SMALL, log=log)
            os.set_blocking(log.fileno(), False)  # of the pipe's end, which the router shares
            with contextlib.suppress(BlockingIOError):
                while log.write(b"\n"):
                    pass
            os.set_blocking(log.fileno(), True)
        with router, Scene(router) as scene:
            for _ in range(3):
                cause_a_log_line(router)
            scene.recovers()
            os.set_blocking(reader.fileno(), False)
            while reader.read(1 << 20):
                pass
            cause_a_log_line(router)
            said = reader.read(1 << 20).decode().splitlines()
            assert len(said) == 2 and re.search(r"\b3 log lines ", said[0]), f"it hears that three lines are missing: {said}"
            reader.close()
            cause_a_log_line(router)
            scene.recovers()


# ---- descriptors ----

def busy_share(router, scene, seconds=3):
    """How much of the time the router's thread runs while nobody has anything to say."""
    began, used = time.monotonic(), router.cpu_seconds()
    while time.monotonic() - began < seconds:
        scene.turn()
    return (router.cpu_seconds() - used) / (time.monotonic() - began)


def enters(router):
    """A client is let in, and leaves again."""
    with Peer(router.port, greet=False) as peer:
        peer.send(native.hello())
        peer.until(lambda: peer.inbox, "an answer")
        return bool(peer.kinds(WELCOME))


def more_sessions_than_descriptors():
    """Whoever is one too many is told so in the protocol; nobody inside notices, /metrics answers, and a place that becomes free is taken at once."""
    limit = 96
    with Router(*SMALL, wrapper=("prlimit", f"--nofile={limit}:{limit}")) as router, Scene(router) as scene:
        crowd = []
        for number in range(limit):
            crowd.append(Peer(router.port, Tcp if number % 2 else WebSocket, greet=False))
            crowd[-1].send(native.hello("crowd"))
        scene.play_until(lambda: [peer.poll() for peer in crowd] and all(peer.inbox for peer in crowd), "everybody has an answer")
        inside = [peer for peer in crowd if peer.kinds(WELCOME)]
        outside = [peer for peer in crowd if not peer.kinds(WELCOME)]
        assert inside and outside, f"{len(inside)} inside, {len(outside)} outside"
        for peer in outside:
            (error,) = peer.inbox
            assert error.kind == ERROR and error.code == 503 and "max sessions" in error.text, error
            peer.until(lambda peer=peer: peer.closed, "the end of the connection")
        assert not any(peer.closed for peer in inside)
        assert router.metrics()["clasp_sessions_refused_total"] == len(outside)
        inside.pop().close()
        eventually(lambda: enters(router), "a free place is taken", native.LIMIT)
        for peer in crowd:
            peer.close()
        scene.recovers()
        assert all(follower.connections == 1 for follower in scene.followers), "nobody inside lost a connection"


def descriptors_used_up():
    """By connections that say nothing: they lose their places one by one, newcomers come in, at no cost; nobody inside notices."""
    limit = 64
    with tempfile.TemporaryFile("w+") as log:
        with Router(*SMALL, log=log, wrapper=("prlimit", f"--nofile={limit}:{limit}")) as router, Scene(router) as scene:
            silent = [connected(router) for _ in range(2 * limit)]
            scene.play_until(lambda: router.descriptors() >= limit - 1, "every descriptor is used")
            share = busy_share(router, scene)
            assert share < 0.2, f"the router is busy for {share:.0%} of the time with connections it cannot accept"
            newcomer = Peer(router.port, greet=False)
            newcomer.send(native.hello())
            scene.play_until(lambda: newcomer.poll() or newcomer.kinds(WELCOME), "a newcomer comes in")
            newcomer.close()
            for connection in silent:
                connection.close()
            scene.recovers()
            assert all(follower.connections == 1 for follower in scene.followers), "nobody inside lost a connection"
            metrics = router.metrics()
            assert metrics["clasp_accept_failures_total"] > 0 and metrics["clasp_connections_evicted_total"] > 0, metrics
        log.seek(0)
        lines = [line for line in log if "cannot accept connections" in line]
        assert 1 <= len(lines) < 60, f"it says so, and not all the time: {len(lines)} lines"


# ---- memory ----

class Auditor(Peer):
    """Hears the whole flood and checks that every value is the one its address had."""
    heard = 0

    def got(self, message):
        entries = [message] if message.kind == SET else message.entries if message.kind == SNAPSHOT else []
        for entry in entries:
            if entry.address.startswith("/flood/"):
                assert entry.value == flood_value(entry.address), f"{entry.address} holds {entry.value[:40]!r}"
                self.heard += 1
        if message.kind != SET:
            super().got(message)


def flood_value(address):
    return address * (1000 // len(address))


def flood_until_dead(log, wrapper):
    """New params of 1 kB until the router ends; returns the router, how it ended, how many it had taken, and what it said."""
    router = Router(*SMALL, log=log, wrapper=wrapper)
    try:
        heard = flood(router)
        code = router.dies()
    finally:
        router.process.kill()  # if it has not died
    log.seek(0)
    return router, code, heard, log.read()


def flood(router):
    with Peer(router.port) as writer, Auditor(router.port) as auditor:
        auditor.send(native.subscribe(1, "/flood/**"))
        number = 0
        while not writer.closed:
            assert number < 1_000_000, "it holds more than its memory"
            addresses = [f"/flood/{number + n}" for n in range(200)]
            writer.send(*[native.set_param(address, flood_value(address)) for address in addresses], native.ping())
            number += len(addresses)
            with contextlib.suppress(AssertionError):
                native.wait_for([writer, auditor], lambda: writer.closed or writer.kinds(native.PONG), "a batch is taken")
            assert not writer.kinds(native.ERROR), f"refused: {writer.kinds(native.ERROR)}"
            writer.inbox.clear()
        auditor.poll(1 << 30)
    return auditor.heard


def begins_again(first):
    """After such an end: a fresh one on the same port serves as if nothing had been."""
    with Router(*SMALL, listen=f"127.0.0.1:{first.port}") as router, Scene(router, watchers=0) as scene:
        scene.recovers()


def address_space_used_up():
    """Memory that the system refuses: the router ends at once, by its own decision, and says why and what to change."""
    with tempfile.TemporaryFile("w+") as log:
        router, code, heard, said = flood_until_dead(log, ("prlimit", f"--as={256 * MIB}"))
    print(f"  256 MiB of address space: {heard} params of 1 kB, then {said.strip()!r}")
    assert code == -signal.SIGABRT, f"it ended with {code}: {said}"
    assert "out of memory" in said and "--max-params" in said, said
    assert heard > 10_000, heard
    begins_again(router)


def memory_group_used_up():
    """Memory that the system takes back: it kills the router and counts that; nothing wrong was heard before."""
    with MemoryGroup(64 * MIB) as group, tempfile.TemporaryFile("w+") as log:
        router, code, heard, said = flood_until_dead(log, group.wrapper)
        print(f"  control group of 64 MiB: {heard} params of 1 kB")
        assert code == -signal.SIGKILL and group.kills() == 1, f"it ended with {code}, {group.kills()} were killed: {said}"
        assert heard > 10_000, heard
    begins_again(router)


def params_bounded_by_count():
    """With a limit that fits the memory there is, new params are refused by name and everything goes on."""
    with Router(*SMALL, "--max-params", "20000", wrapper=("prlimit", f"--as={256 * MIB}")) as router, \
            Scene(router, growth=64 * MIB) as scene, Peer(router.port) as writer:
        scene.answers()  # its param is one of them
        refused = 0
        for first in range(0, 40_000, 200):
            addresses = [f"/flood/{first + n}" for n in range(200)]
            answers = writer.answer(*[native.set_param(address, flood_value(address)) for address in addresses])
            refused += len([answer for answer in answers if answer.kind == native.ERROR])
            assert all(answer.code == 400 and "/flood/" in answer.address for answer in answers), answers[:1]
            writer.inbox.clear()
        held = router.metrics()["clasp_state_params_active"]
        assert held == 20_000 and refused == 40_000 - (20_000 - len(scene.addresses) - 1), (held, refused)
        writer.close()
        scene.recovers()


if __name__ == "__main__":
    run(log_disk_full, log_to_a_full_device, more_sessions_than_descriptors, address_space_used_up, memory_group_used_up, params_bounded_by_count,
        beside=[log_reader_stopped, descriptors_used_up])
