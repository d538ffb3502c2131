"""Clients that stop reading: bounded memory, and others do not notice. Those that stop altogether or are killed are in tests/chaos."""
import struct
import time

from harness import native
from harness.checks import MIB, alive, codes, sessions
from harness.native import ACK, PUBLISH, SNAPSHOT, Bare, Newest, Peer, Tcp, WebSocket
from harness.router import Router, eventually, run

PATIENT = ("--stall-timeout", "10m")  # tests that do not read for a while decide themselves when it is enough


class AckCounter(Peer):
    """Counts the ACKs of its SETs, which are all of one size, and checks that none is missing or out of order."""
    count = 0
    HEAD = Tcp.wrap(native.frame(bytes([ACK, 3]) + native.text("/m") + bytes(8)))[:-8]  # what follows is the revision

    def take(self):
        layout = struct.Struct(f">{len(self.HEAD)}sQ")
        if self.buffer.startswith(self.HEAD):
            whole = len(self.buffer) // layout.size * layout.size
            for start, revision in layout.iter_unpack(self.buffer[:whole]):
                self.count += 1
                assert start == self.HEAD and revision == self.count, f"ACK {self.count} says revision {revision}: {start.hex()}"
            del self.buffer[:whole]
        elif not self.HEAD.startswith(self.buffer[:len(self.HEAD)]):
            super().take()


def million_confirmed_sets_read_late():
    """A million confirmed SETs of a client that reads nothing: it is not read either, memory is bounded, others are served; then every ACK comes."""
    count = 1_000_000
    bound = 32 * MIB  # 1 MiB of answers waits, with its bookkeeping; 8 MiB of history; the rest is room for the allocator
    with Router(*PATIENT) as router, Peer(router.port) as other:
        flood = AckCounter(router.port, receive_buffer=4096)
        before = router.rss()
        flood.send_raw(b"".join(Tcp.wrap(native.set_param("/m", number, qos=1)) for number in range(count)))
        end = time.monotonic() + native.LIMIT
        while not router.metrics()["clasp_reads_paused_total"]:
            assert time.monotonic() < end, "its reading is never paused"
            flood.flush()
        for _ in range(20):
            flood.flush()
            (ack,) = other.answer(native.set_param("/other", 1, qos=1))
            assert ack.kind == ACK
        assert flood.unsent, "the router took a million SETs of somebody who reads nothing"
        assert router.rss() - before < bound, f"{(router.rss() - before) / MIB:.1f} MiB more"
        flood.until(lambda: flood.count == count, "every ACK")
        assert other.read_param("/m").value == count - 1
        assert router.rss() - before < bound, f"{(router.rss() - before) / MIB:.1f} MiB more"
        flood.close()
        alive(router)


def subscriber_that_stops_reading():
    """It costs bounded memory and nobody else anything, is told that values were dropped, and ends on the newest value of every param."""
    addresses, rounds = 200, 500
    bound = 32 * MIB  # 8 MiB of history, 1 MiB until its params are conflated; the rest is bookkeeping and room for the allocator
    with Router(*PATIENT) as router, Peer(router.port) as writer:
        stuck, healthy = Newest(router.port, receive_buffer=4096), Newest(router.port, WebSocket)
        for subscriber in (stuck, healthy):
            subscriber.answer(native.subscribe(1, "/stop/**"))
        before = router.rss()
        for number in range(1, rounds + 1):
            writer.send(*[native.set_param(f"/stop/{address}", f"{number} " + "x" * 100) for address in range(addresses)])
            native.wait_for([healthy, writer], lambda: healthy.heard == number * addresses, "the healthy subscriber hears every value")
        newest = {f"/stop/{address}": f"{rounds} " + "x" * 100 for address in range(addresses)}
        assert healthy.values == newest and set(healthy.revisions.values()) == {rounds}
        assert router.metrics()["clasp_params_conflated_total"] > 0 and router.metrics()["clasp_sessions_slow"] == 1
        assert router.rss() - before < bound, f"{(router.rss() - before) / MIB:.1f} MiB more"
        stuck.until(lambda: stuck.values == newest, "the newest value of every param")
        stuck.answer()
        assert stuck.values == newest, "nothing older comes behind it"
        assert stuck.heard < rounds * addresses and 503 in codes(stuck.inbox), "it was told that values were dropped"
        assert router.metrics()["clasp_sessions_slow"] == 0
        alive(router)


def flood_until_refused(peer, words):
    """Sends until the router takes no more, as it must when nothing of its answers is read."""
    peer.send_raw(words)
    before = -1
    while before != len(peer.unsent):
        before = len(peer.unsent)
        for _ in range(100):
            peer.flush()
            time.sleep(0.001)


def answers_nobody_reads():
    """Questions of somebody who reads no answer: he is no longer read himself, 1 MiB of answers costs no more than 16 MiB, others are served."""
    get_large = native.get("/large")
    floods = {
        "GET over TCP": (Tcp, Tcp.wrap(get_large)), "GET over WebSocket": (WebSocket, WebSocket.wrap(get_large)), "GET, bare": (Bare, get_large),
        "GET of a short address": (Tcp, Tcp.wrap(native.get("/a"))), "GET of nothing": (Tcp, Tcp.wrap(native.get("/no", qos=1))),
        "PING": (Tcp, Tcp.wrap(native.ping())), "QUERY": (Tcp, Tcp.wrap(native.frame(b"\x60" + native.text("/**")))),
        "undecodable": (Tcp, Tcp.wrap(native.frame(b"\x7f"))), "refused SET": (Tcp, Tcp.wrap(native.set_param("no-slash", 1))),
        "WebSocket ping": (WebSocket, WebSocket.wrap(b"x" * 100, opcode=9)), "HTTP": (Bare, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")}
    grown = {}
    for name, (carriage, words) in floods.items():
        with Router(*PATIENT) as router, Peer(router.port) as other:
            other.answer(native.set_param("/large", "x" * 10_000), native.set_param("/a", 1))
            with Peer(router.port, carriage, greet=name != "HTTP", receive_buffer=4096) as flood:
                before = router.rss()
                flood_until_refused(flood, words * (16_000_000 // len(words)))
                assert flood.unsent or name == "WebSocket ping", f"{name}: the router took everything"  # pongs may be withheld
                (ack,) = other.answer(native.set_param("/other", 1, qos=1))
                assert ack.kind == ACK
                alive(router)
                grown[name] = (router.rss() - before) / MIB
    assert max(grown.values()) < 16, f"MiB more: {grown}"


def streams_nobody_reads():
    """Of a stream only the newest item waits: a million of them cost a subscriber that has stopped reading no more than one."""
    count, bound = 1_000_000, 24 * MIB  # 8 MiB of history, the rest is room for the allocator
    with Router(*PATIENT) as router, Peer(router.port) as writer:
        stuck = Peer(router.port, receive_buffer=4096)
        stuck.answer(native.subscribe(1, "/f"))
        before = router.rss()
        items = native.Tcp.wrap(native.publish("/f", "x" * 50, signal=native.STREAM)) * 10_000
        for _ in range(count // 10_000):
            writer.send_raw(items)
            writer.answer()
        writer.answer(native.publish("/f", "last", signal=native.STREAM))
        assert router.metrics()["clasp_streams_dropped_total"] > 0
        assert router.rss() - before < bound, f"{(router.rss() - before) / MIB:.1f} MiB more"
        stuck.until(lambda: stuck.kinds(PUBLISH) and stuck.kinds(PUBLISH)[-1].value == "last", "the newest item")
        alive(router)


def snapshots_nobody_reads():
    """A hundred clients join a state of 20 MB and read nothing of it: a snapshot is made as it leaves, not before."""
    count, bound = 100, 64 * MIB  # 128 KiB on its way for each and as much again in the allocator
    with Router(*PATIENT) as router, Peer(router.port) as writer:
        for first in range(0, 20_000, 100):
            writer.answer(*[native.set_param(f"/state/{number}", "x" * 1000) for number in range(first, first + 100)])
        before = router.rss()
        joiners = [Peer(router.port, (Tcp, WebSocket)[number % 2], greet=False, receive_buffer=4096) for number in range(count)]
        for joiner in joiners:
            joiner.send(native.hello(), native.subscribe(1, "/state/**"))
        eventually(lambda: sessions(router) == count + 2, "all are in", native.LIMIT)
        alive_with_large_state(router)
        assert router.rss() - before < bound, f"{(router.rss() - before) / MIB:.1f} MiB more"
        one = joiners[0]
        one.until(lambda: sum(len(message.entries) for message in one.inbox) == 40_000, "both snapshots, once it reads")
        for joiner in joiners:
            joiner.close()


def alive_with_large_state(router):
    with Peer(router.port, greet=False) as fresh:
        fresh.send(native.hello(), native.get("/state/7", qos=1))
        fresh.until(lambda: any(entry.address == "/state/7" for message in fresh.kinds(SNAPSHOT) for entry in message.entries), "an answer")


def events_nobody_reads():
    """Events are never dropped: above 4 MiB of them the session is closed, whoever else listens gets every one."""
    count, words = 400, "e" * 60_000
    with Router(*PATIENT) as router, Peer(router.port) as writer, Peer(router.port) as healthy:
        stuck = Peer(router.port, receive_buffer=4096)
        for subscriber in (stuck, healthy):
            subscriber.answer(native.subscribe(1, "/e"))
        before = router.rss()
        for number in range(1, count + 1):
            writer.send(native.publish("/e", f"{number} {words}"))
            native.wait_for([healthy, writer], lambda: len(healthy.kinds(PUBLISH)) == number, "the healthy subscriber hears every event")
        assert [message.value.split()[0] for message in healthy.kinds(PUBLISH)] == [str(number) for number in range(1, count + 1)]
        eventually(lambda: router.metrics()["clasp_sessions_overflow_closed_total"] == 1, "the session is closed", native.LIMIT)
        assert router.rss() - before < 32 * MIB, f"{(router.rss() - before) / MIB:.1f} MiB more"
        stuck.until(lambda: stuck.closed, "the end of the connection")
        heard = [int(message.value.split()[0]) for message in stuck.kinds(PUBLISH)]
        assert heard == list(range(1, len(heard) + 1)), "what came before the end came in order and without a hole"
        alive(router)


if __name__ == "__main__":
    run(million_confirmed_sets_read_late, subscriber_that_stops_reading, answers_nobody_reads, streams_nobody_reads, snapshots_nobody_reads,
        events_nobody_reads)
