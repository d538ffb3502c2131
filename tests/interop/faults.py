"""Hostile, broken and dying clients against the real router: what they get, what others notice (nothing), and what it costs in memory."""
import contextlib
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time

import native
from native import ACK, ERROR, PUBLISH, SET, SNAPSHOT, Peer, Tcp, WebSocket
from router import Router, eventually, run

MIB = 1 << 20
PATIENT = ("--stall-timeout", "10m")  # tests that do not read for a while decide themselves when it is enough


class Bare(Tcp):
    """Frames back to back."""

    @staticmethod
    def wrap(whole):
        return whole

    @staticmethod
    def cut(data, at):
        end = at + 4 + int.from_bytes(data[at + 2:at + 4], "big")
        return (None, at, end) if at + 4 <= len(data) and end <= len(data) else None


def alive(router):
    with Peer(router.port) as fresh:
        fresh.answer(native.get("/any"))


def params(router):
    return router.metrics()["clasp_state_params_active"]


def sessions(router):
    return router.metrics()["clasp_sessions_active"]


def codes(messages):
    return [message.code for message in messages if message.kind == ERROR]


def read_to_the_end(connection):
    """Everything the router sends until it closes; a reset is an end as well."""
    data = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while piece := connection.recv(65536):
            data += piece
    return data


def connected(router):
    return socket.create_connection(("127.0.0.1", router.port), timeout=native.LIMIT)


# ---- before HELLO ----

def garbage_as_first_bytes():
    """No protocol, or one that is broken at once: an answer where the protocol has one, then the end; never a crash, never a link that stays."""
    upgrade = WebSocket.REQUEST.format(1).encode()
    error_101 = bytes([ERROR]) + struct.pack(">H", 101)
    cases = [
        (b"\xff\xfe\xfd", b""), (b"\x16\x03\x01\x02\x00\x01\x00", b""), (b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c1", b""),
        (b"GET \x00\x01\x02\r\n\r\n", b"HTTP/1.1 400"), (b"GET / HTTP/9.9\r\n\r\n", b"HTTP/1.1 "), (b"TRACE\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"HTTP/1.1 431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"HTTP/1.1 4"),
        (Tcp.wrap(b"garbage"), error_101), (Tcp.wrap(b""), b""), (b"\x00\xff\xff\xff", b""), (b"\x00\x10\x00\x00S", b""),
        (b"S\x01\x00\x03abc", error_101), (b"SSSSSSSS", b""), (Tcp.wrap(native.frame(b"\x7f")), error_101),
        (upgrade + WebSocket.wrap(b"garbage"), error_101),
        (upgrade + b"\x82\x05hello", b"\x03\xea"),  # not masked: 1002
        (upgrade + b"\x83\x80\x00\x00\x00\x00", b"\x03\xea"),  # reserved opcode
        (upgrade + b"\xf2\x80\x00\x00\x00\x00", b"\x03\xea"),  # reserved bits
        (upgrade + struct.pack(">BBQ", 0x82, 0xFF, 1 << 62) + bytes(4), b"\x03\xf1"),  # 1009, too large
        (upgrade + struct.pack(">BBQ", 0x82, 0xFF, 1 << 63) + bytes(4), b"\x88"),
        (upgrade + b"\x89\xfe\x00\x7e" + bytes(4 + 126), b"\x03\xea")]  # a control frame of 126 bytes
    with Router("--handshake-timeout", "3s") as router:
        for sent, expected in cases:
            with connected(router) as connection:
                connection.sendall(sent)
                heard = read_to_the_end(connection)
                assert expected in heard, f"{sent[-40:]!r} got {heard!r}, expected {expected!r} in it"
        chance = random.Random(1)
        crowd = []
        for number in range(400):
            connection = connected(router)
            start = (b"", b"\x00\x00\x00", b"S", b"GET /", upgrade, upgrade + b"\x82")[number % 6]
            with contextlib.suppress(OSError):
                connection.sendall(start + chance.randbytes(chance.randrange(1, 300)))
            crowd.append(connection)
        for connection in crowd:
            read_to_the_end(connection)
            connection.close()
        alive(router)


def wrong_first_message():
    """Anything but HELLO as the first message: ERROR, the end, and no effect."""
    first = [native.set_param("/early", 1, qos=1), native.subscribe(1, "/**"), native.get("/early"), native.ping(), native.publish("/early", 1),
             native.bundle([native.set_param("/early", 1)]), native.frame(bytes([native.PONG])), native.frame(bytes([ACK, 0]))]
    with Router() as router:
        for carriage in (Tcp, WebSocket, Bare):
            for message in first:
                with Peer(router.port, carriage, greet=False) as peer:
                    peer.send(message)
                    peer.until(lambda: peer.closed, "the end of the connection")
                    assert codes(peer.inbox) == [101] and len(peer.inbox) == 1, (message, peer.inbox)
        assert params(router) == 0
        alive(router)


def silence_before_hello():
    """Connections that say nothing, or stop in the middle of their first words, are ended and counted."""
    half = native.hello()[:-3]
    with Router("--handshake-timeout", "3s") as router:
        silent = []
        for start in (b"", b"\x00", b"\x00\x00\x00\x20", Tcp.wrap(native.hello())[:-3], half, b"GET / HTTP/1.1\r\nHost: x\r\n"):
            silent.append(connected(router))
            silent[-1].sendall(start)
        upgraded = [Peer(router.port, WebSocket, greet=False) for _ in range(3)]
        upgraded[1].send_raw(WebSocket.wrap(native.hello())[:-3])
        upgraded[2].send_raw(WebSocket.wrap(b"hello", opcode=9))
        alive(router)
        for connection in silent:
            read_to_the_end(connection)
            connection.close()
        for peer in upgraded:
            peer.until(lambda peer=peer: peer.closed, "the end of the connection")
            assert (8, 1008) in [(opcode, int.from_bytes(payload[:2], "big")) for opcode, payload in peer.controls], peer.controls
        metrics = router.metrics()
        assert metrics["clasp_setups_timed_out_total"] + metrics["clasp_handshakes_timed_out_total"] >= 9, metrics
        assert metrics["clasp_links_active"] == 1, "only the OSC bridge is left"


def handshake_limit_is_the_one_given():
    """--handshake-timeout also counts where it is longer than what is customary: whoever speaks late but in time is let in."""
    with Router("--handshake-timeout", "10m") as router:
        late = [Peer(router.port, carriage, greet=False) for carriage in (Tcp, WebSocket, Bare)]
        time.sleep(12)
        for peer in late:
            peer.send(native.hello())
            with contextlib.suppress(AssertionError):
                peer.until(lambda peer=peer: peer.kinds(native.WELCOME), "WELCOME")
        assert [len(peer.kinds(native.WELCOME)) for peer in late] == [1, 1, 1], f"closed: {[(peer.closed, peer.controls) for peer in late]}"


def garbage_does_not_flood_the_log():
    """A thousand connections with the same fault are worth a few lines."""
    with tempfile.TemporaryFile("w+") as log:
        with Router(log=log) as router:
            for _ in range(1000):
                with connected(router) as connection:
                    connection.sendall(b"\xff")
                    read_to_the_end(connection)
        log.seek(0)
        lines = log.readlines()
        assert len(lines) < 200, f"{len(lines)} lines, the last: {lines[-1]}"


def half_open_crowd():
    """A thousand connections that send a byte a second each: newcomers are served meanwhile, and dripping does not move the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(1000, hard - 200)
    with Router("--handshake-timeout", "5s") as router:
        words = [Tcp.wrap(native.hello("a name that takes long")), WebSocket.REQUEST.format(1).encode(), native.hello("another one, bare")]
        crowd = [Peer(router.port, Bare, greet=False) for _ in range(count)]
        at = 0
        while not all(peer.closed for peer in crowd):
            assert at < native.LIMIT, f"{sum(not peer.closed for peer in crowd)} are still open"
            for number, peer in enumerate(crowd):
                if not peer.closed:
                    peer.send_raw(words[number % 3][at:at + 1])
                    with contextlib.suppress(AssertionError):  # "HTTP/1.1 408" is no frame
                        peer.poll()
            alive(router)
            alive(router)
            time.sleep(1)
            at += 1
        for peer in crowd:
            peer.close()
        alive(router)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- after HELLO ----

def nested(levels):
    """An array inside an array …"""
    return struct.pack(">BH", native.ARRAY, 1) * (levels - 1) + struct.pack(">BH", native.ARRAY, 0)


def nested_bundle(levels, inside):
    for _ in range(levels):
        inside = native.bundle([inside])
    return inside


def set_payload(tag, data, address="/x"):
    return bytes([SET, tag]) + native.text(address) + data


def undecodable():
    good = native.set_param("/x", 1)
    huge = struct.pack(">H", 65535)
    payloads = {
        "empty payload": b"", "unknown message": b"\x7f\x00\x00", "MessagePack array": b"\x93\x01\x02\x03", "cut SET": native.payload_of(good)[:-1],
        "address beyond the end": bytes([SET, 0]) + huge + b"/x", "address is not UTF-8": set_payload(0, b"", b"/\xff\xfe"),
        "surrogate in a string": set_payload(native.STRING, native.text(b"\xed\xa0\x80")), "unknown value tag": set_payload(0x0C, b"\x01\x02\x03"),
        "array count": set_payload(native.ARRAY, huge + b"\x00"), "map count": set_payload(native.MAP, huge + native.text("k") + b"\x00"),
        "bytes length": set_payload(native.BYTES, huge + b"\x00"), "string length": set_payload(native.STRING, huge + b"a"),
        "samples count": bytes([PUBLISH, 0x40]) + native.text("/x") + b"\x02" + huge + bytes(8), "bundle count": bytes([native.BUNDLE, 0]) + huge,
        "empty bundle member": bytes([native.BUNDLE, 0, 0, 1, 0, 0]), "bundle member beyond the end": bytes([native.BUNDLE, 0, 0, 1]) + huge + b"A",
        "announce count": bytes([0x03]) + native.text("/x") + huge, "MessagePack map count": b"\xdf\xff\xff\xff\xff\xa4type\xa3SET",
        "MessagePack array count": b"\x83\xa4type\xa3SET\xa7address\xa2/x\xa5value\xdd\xff\xff\xff\xff\xc0",
        "MessagePack bytes length": b"\x83\xa4type\xa3SET\xa7address\xa2/x\xa5value\xc6\xff\xff\xff\xff\x00",
        "MessagePack without a type": b"\x81\xa7address\xa2/x", "value nested 65": set_payload(native.ARRAY, nested(65)[1:]),
        "value nested 20000": set_payload(native.ARRAY, nested(20_000)[1:]),
        "MessagePack nested 60000": b"\x83\xa4type\xa3SET\xa7address\xa2/x\xa5value" + b"\x91" * 60_000,
        "MessagePack maps nested 20000": b"\x83\xa4type\xa3SET\xa7address\xa2/x\xa5value" + b"\x81\xa1k" * 20_000,
        "bundle nested 9": native.payload_of(nested_bundle(9, good)), "bundle nested 5000": native.payload_of(nested_bundle(5000, good))}
    frames = {name: native.frame(payload) for name, payload in payloads.items()}
    frames.update({"bad magic": b"\x54" + good[1:], "frame cut short": good[:-2], "shorter than a header": b"\x53\x01\x00"})
    return frames


def undecodable_frames_after_hello():
    """One ERROR 101 for each and the connection is kept: what follows in the same write still works, and so does what is just allowed."""
    for carriage in (Tcp, WebSocket):
        with Router() as router, Peer(router.port, carriage) as peer:
            for name, frame in undecodable().items():
                answers = peer.answer(frame, native.set_param("/kept", name, qos=1), what=name)
                assert [answer.kind for answer in answers] == [ERROR, ACK] and codes(answers) == [101], f"{name}: {answers}"
            assert params(router) == 1, "nothing else was stored"
            just = [native.set_param("/just/value", nested(64), qos=1), nested_bundle(8, native.set_param("/just/bundle", 1))]
            assert [answer.kind for answer in peer.answer(*just)] == [ACK], "64 containers and 8 bundles inside each other are allowed"
            assert peer.read_param("/just/bundle").value == 1
            alive(router)


def counts_that_lie_cost_no_memory():
    """A count is not believed before its bytes are there: thousands of lies leave the router as large as it was."""
    frames = list(undecodable().values())
    with Router() as router, Peer(router.port) as peer:
        peer.answer(*frames)
        before = router.rss()
        for _ in range(100):
            assert len(codes(peer.answer(*frames))) == len(frames)
            peer.inbox.clear()
        assert router.rss() - before < 16 * MIB, f"{(router.rss() - before) / MIB:.1f} MiB more"
        alive(router)


def addresses_nobody_may_write():
    """Refused with an ERROR that names the address, whatever the message; nothing is stored and nobody hears of it."""
    bad = {"": "empty address", "no-slash": "no-slash", "/a/*": "/a/*", "/**": "/**", "/a*": "/a*", "//a": "//a", "/a//b": "/a//b",
           "/a\x01b": "/a\\x01b", "/a\nb": "/a\\x0ab", "/a\x7f": "/a\\x7f", "/nul\0": "/nul\\x00", "/" + "y" * 1024: "/yyyyyyyyyyyyyy"}
    with Router() as router, Peer(router.port) as peer, Peer(router.port) as watching:
        watching.answer(native.subscribe(1, "/**"))
        watching.inbox.clear()
        for address, shown in bad.items():
            writes = (native.set_param(address, 1), native.set_param(address, 1, qos=1), native.publish(address, 1),
                      native.publish(address, 1, signal=native.STREAM), native.bundle([native.set_param("/good", 1), native.set_param(address, 1)]),
                      native.bundle([native.publish("/good", 1), native.publish(address, 1)], qos=1))
            for write in writes:
                (error,) = peer.answer(write)
                assert error.kind == ERROR and error.code in (200, 400), (address, error)
                assert shown in error.text and (error.address or "").startswith(shown if address else ""), (address, error)
        assert watching.answer() == [] and params(router) == 0
        (answer,) = peer.answer(native.get("/a/*", qos=1))
        assert answer.kind == ERROR
        alive(router)


def values_that_fit_no_broadcast():
    """A SET that could not be told to anybody is refused with ERROR 402 and changes nothing; one byte less, and everybody gets it."""
    room = 65535 - 61 - len("/big") - 2  # wire format, section 20: the largest text that fits a SNAPSHOT entry
    widened = struct.pack(">BH", native.ARRAY, 20_000) + b"\x02\x01" * 20_000  # 40 kB as i8, 180 kB as the i64 clients are sent
    with Router() as router, Peer(router.port) as peer, Peer(router.port, WebSocket) as watching:
        watching.answer(native.subscribe(1, "/**"))
        watching.inbox.clear()
        (ack,) = peer.answer(native.set_param("/big", "x" * room, qos=1))
        assert ack.kind == ACK and ack.revision == 1, ack
        watching.until(lambda: [message.value for message in watching.kinds(SET)] == ["x" * room], "the largest value")
        assert peer.read_param("/big").value == "x" * room
        with Peer(router.port) as late:
            assert [entry.value for message in late.kinds(SNAPSHOT) for entry in message.entries] == ["x" * room]

        watching.inbox.clear()
        for qos in (0, 1):
            for content in ("y" * (room + 1), "y" * (65535 - 8 - 2), widened):
                answers = peer.answer(native.set_param("/big", content, qos=qos))
                assert codes(answers) == [402] and len(answers) == 1 and answers[0].address == "/big", answers
        answers = peer.answer(native.set_param("/other", widened), native.publish("/event", 1))
        assert codes(answers) == [402], answers
        answers = peer.answer(native.bundle([native.set_param("/other", 1), native.set_param("/wide", widened)], qos=1))
        assert codes(answers) == [402], answers
        event = native.frame(bytes([PUBLISH, native.EVENT << 5]) + native.text("/event") + b"\x01" + widened)
        assert codes(peer.answer(event)) == [402], "an event nobody could be sent"
        assert peer.read_param("/big").value == "x" * room and params(router) == 1
        watching.answer()
        assert [(message.kind, message.address) for message in watching.inbox] == [(PUBLISH, "/event"), (native.PONG, None)], "only the small event"
        alive(router)


def two_sets_in_one_write():
    """Two SETs of one address in one write: each subscriber sees both in order or only the second, never the older one last."""
    rounds = 5
    for count in (1, 11, 100, 1000):
        with Router() as router, Peer(router.port) as writer:
            subscribers = [Peer(router.port, (Tcp, WebSocket)[number % 2]) for number in range(count)]

            def all_have_heard_all():
                for subscriber in subscribers:
                    subscriber.send(native.ping())
                native.wait_for(subscribers, lambda: all(subscriber.kinds(native.PONG) for subscriber in subscribers), "a PONG for each")

            def last(subscriber):
                return (subscriber.kinds(SET) or [native.Message(SET)])[-1].value

            for subscriber in subscribers:
                subscriber.send(native.subscribe(1, "/two/*"))
            all_have_heard_all()
            for subscriber in subscribers:
                subscriber.inbox.clear()
            for number in range(rounds):
                writer.send(native.set_param("/two/x", 2 * number + 1), native.set_param("/two/x", 2 * number + 2))
            native.wait_for(subscribers, lambda: all(last(subscriber) == 2 * rounds for subscriber in subscribers), "the last value for each")
            all_have_heard_all()
            for subscriber in subscribers:
                heard = [message.value for message in subscriber.kinds(SET)]
                assert heard == sorted(set(heard)) and heard[-1] == 2 * rounds, f"{count} subscribers: {heard}"
                assert [message.revision for message in subscriber.kinds(SET)] == heard
                subscriber.close()


# ---- slow, stopped and dead ----

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


class Newest(Peer):
    """Remembers the newest value of each address and checks that none steps back."""

    def __init__(self, *arguments, **options):
        self.values, self.revisions, self.heard = {}, {}, 0
        super().__init__(*arguments, **options)

    def got(self, message):
        if message.kind != SET:
            return super().got(message)
        assert message.revision > self.revisions.get(message.address, 0), f"{message.address} steps back to {message.revision}"
        self.values[message.address], self.revisions[message.address] = message.value, message.revision
        self.heard += 1


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


def patterns_that_cost_work():
    """Patterns with many ** match in bounded time: what was exponential elsewhere answers at once."""
    with Router() as router, Peer(router.port) as peer, Peer(router.port) as other:
        deep = "/a" * 200
        patterns = ["/**/a" * 20 + "/z", "/**" * 100 + "/z", "/**/*a*a*a*a*a*a*a*a*" * 10 + "/z", "/" + "*a" * 200 + "z", "/**/a*/**/*a" * 20]
        for number, pattern in enumerate(patterns):
            peer.answer(native.subscribe(number, pattern), what=pattern[:60])
        for number in range(50):
            (ack,) = other.answer(native.set_param(f"{deep}/{number}", 1, qos=1), what="a SET with a long address")
            assert ack.kind == ACK
        (ack,) = other.answer(native.set_param("/" + "a" * 1000, 1, qos=1), what="a SET with a long segment")
        assert ack.kind == ACK
        for pattern in patterns:
            peer.answer(native.frame(b"\x60" + native.text(pattern)), native.subscribe(99, pattern), what=f"QUERY and SUBSCRIBE {pattern[:60]}")
        alive(router)


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


def stay_connected(router, ready):
    """In a child: a TCP and a WebSocket subscriber and an idle WebSocket client; says so and then does nothing any more."""
    kept = [Peer(router.port, Tcp), Peer(router.port, WebSocket), Peer(router.port, WebSocket)]
    for peer in kept[:2]:
        peer.answer(native.subscribe(1, "/v/**"))
    os.write(ready, b"!")
    signal.pause()


def vanished_without_a_word():
    """A stopped machine never says FIN: its sessions are closed for want of progress or of a pong; memory is bounded and nobody waits for it."""
    ready, say_ready = os.pipe()
    with Router("--stall-timeout", "3s", "--ping-interval", "1s") as router, Peer(router.port) as writer:
        healthy = Newest(router.port)
        healthy.answer(native.subscribe(1, "/v/**"))
        at_rest = sessions(router)
        child = native.in_child(stay_connected, router, say_ready)
        assert os.read(ready, 1) == b"!"
        os.kill(child, signal.SIGSTOP)
        try:
            before, number = router.rss(), 0
            end = time.monotonic() + native.LIMIT
            while sessions(router) > at_rest:
                assert time.monotonic() < end, "sessions of a stopped process stay for ever"
                for _ in range(20):
                    number += 1
                    writer.send(native.set_param("/v/x", f"{number} " + "x" * 50_000))
                    native.wait_for([healthy, writer], lambda: healthy.heard == number, "the healthy subscriber hears every value")
            assert number > 0 and sessions(router) == at_rest
            assert router.rss() - before < 32 * MIB, f"{(router.rss() - before) / MIB:.1f} MiB more"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        alive(router)


def die_in_every_state(router, ready, due):
    """In a child: one client in every state a client can be in. It is killed while all of them last."""
    kept = [connected(router) for _ in range(4)]
    for connection, words in zip(kept, (b"", b"GET / HTTP/1.1\r\nHo", b"\x00\x00", Tcp.wrap(native.hello())[:-2])):
        connection.sendall(words)
    for carriage in (Tcp, WebSocket, Bare):
        holder = Peer(router.port, carriage)
        holder.answer(native.set_param(f"/dead/lock/{carriage.__name__}", "locked", qos=1, lock=True))
        half = Peer(router.port, carriage)
        half.send_raw(carriage.wrap(native.set_param("/dead/half", 1))[:-3])
        moving = Peer(router.port, carriage)
        moving.answer(native.publish("/k/gesture", 1, signal=native.GESTURE, phase=native.START, gesture=7))
        flooded = Peer(router.port, carriage, receive_buffer=4096)
        flooded.answer(native.subscribe(1, "/k/**"))
        unread = Peer(router.port, carriage, receive_buffer=4096)
        unread.send(*[native.set_param("/dead/unread", number, qos=1) for number in range(50_000)])
        kept += [holder, half, moving, flooded, unread]
    scheduler, busy = Peer(router.port), Peer(router.port)
    scheduler.answer(native.bundle([native.set_param("/k/bundle", "of the dead")], timestamp=due, qos=1))
    os.write(ready, b"!")
    while True:  # the last state: writing as fast as it can
        busy.send(native.set_param("/dead/busy", 1))
        busy.until(lambda: not busy.unsent, "it is read")


def killed_in_every_state():
    """kill -9 in the middle of a handshake, frame, gesture, flood, with a lock and with a bundle waiting: only what must end ends, others go on."""
    ready, say_ready = os.pipe()
    with Router(*PATIENT) as router, Peer(router.port) as writer:
        healthy = Newest(router.port, WebSocket)
        healthy.answer(native.subscribe(1, "/k/**"))
        at_rest, links = sessions(router), router.metrics()["clasp_links_active"]
        child = native.in_child(die_in_every_state, router, say_ready, native.now_us() + 5_000_000)
        number = 0

        def write_and_hear():
            nonlocal number
            number += 50
            writer.send(*[native.set_param("/k/x", f"{n} " + "x" * 1000) for n in range(number - 49, number + 1)])
            native.wait_for([healthy, writer], lambda: healthy.revisions.get("/k/x") == number, "others go on")

        end = time.monotonic() + native.LIMIT
        while not select.select([ready], [], [], 0)[0]:
            assert time.monotonic() < end, "the child never got ready"
            write_and_hear()
        for _ in range(100):
            write_and_hear()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for _ in range(20):
            write_and_hear()
        eventually(lambda: sessions(router) == at_rest and router.metrics()["clasp_links_active"] == links, "its sessions are gone", native.LIMIT)
        for carriage in (Tcp, WebSocket, Bare):
            (ack,) = writer.answer(native.set_param(f"/dead/lock/{carriage.__name__}", "free", qos=1, lock=True))
            assert ack.kind == ACK, f"a lock of the dead: {ack}"
        assert writer.read_param("/dead/half") is None, "half a frame is nothing"
        healthy.until(lambda: healthy.values.get("/k/bundle") == "of the dead", "a waiting bundle outlives its sender")
        assert len([message for message in healthy.kinds(PUBLISH) if message.phase == native.START]) == 3, "three gestures began"
        alive(router)


# ---- the command line ----

def words_the_program_does_not_know():
    """One line on stderr that names what is wrong and what was expected, nothing on stdout, exit code 2."""
    server = [
        (["--max-parms", "3"], "--max-parms", "--max-params"), (["--max-params", "many"], "--max-params", "whole number"),
        (["--max-params", "-1"], "--max-params", "whole number"), (["--max-params"], "--max-params", "value"),
        (["--max-params", "1", "--max-params", "2"], "--max-params", "twice"), (["--eviction", "sometimes"], "--eviction", "oldest-first"),
        (["--listen", "127.0.0.1:port"], "--listen", "number from 0 to 65535"), (["--osc", "99999"], "--osc", "number from 0 to 65535"),
        (["--strategy", "/a=best"], "--strategy", "merge"), (["--strategy", "best"], "--strategy", "expected"),
        (["--osc-kind", "/a/**=noise"], "--osc-kind", "expected"), (["--osc-namespace", "osc"], "osc-namespace", "address"),
        (["--osc-target", "nowhere"], "--osc-target", ""), (["--handshake-timeout", "soon"], "--handshake-timeout", "250ms"),
        (["--slow-backlog", "huge"], "--slow-backlog", "64k"), (["--ack", "maybe"], "--ack", "always"),
        (["--log-level", "loud"], "--log-level", "warn"), (["stray"], "stray", ""), (["-z"], "-z", ""),
        (["--gesture-coalescing", "perhaps"], "--gesture-coalescing", "true or false"),
        (["--config", "/nonexistent.toml"], "/nonexistent.toml", ""), (["--strategy", "a\nb=lww"], "--strategy", ""),
        (["--max-params", "1\n2"], "--max-params", "whole number"), (["--max\nparams", "1"], "max", "")]
    toml = [
        ("max-parms = 3", "max-parms", "max-params"), ('max-params = "x"', "max-params", "whole number"),
        ("max-params = [1]", "max-params", "single"), ("max-params = 1.5", "max-params", "whole number"),
        ("name = 'x'\n\nack = true", ":3: ack", "by-qos"), ("max-params =\n", ":1:", "expected"),
        ("listen = [1, [2]]", "listen", "list"), ("[router]\nname = 'x'", "router", ""), ("param-ttl = -1", "param-ttl", "250ms"),
        ("a = 1\na = 2", ":2:", ""), ("config = 'other.toml'", "config", ""), ('max-params = """1\n2"""', "max-params", "whole number"),
        ("name = 'unfinished\n", ":1:", ""), ('"max\\nparams" = 1', "params", "")]
    commands = [
        ("frobnicate", [], "frobnicate", ""), ("get", [], "ADDRESS", ""), ("get", ["--tmeout", "1s", "/a"], "--tmeout", "--timeout"),
        ("get", ["--timeout", "soon", "/a"], "--timeout", "250ms"), ("get", ["no-slash"], "no-slash", "'/'"), ("get", ["/a", "/b"], "/b", ""),
        ("set", ["/a"], "VALUE", ""), ("set", ["/a/*", "1"], "/a/*", ""), ("watch", ["--count", "x"], "--count", "whole number"),
        ("ping", ["--count", "-1"], "--count", "whole number"), ("gesture", ["/a", "1", "sideways"], "PHASE", "start"),
        ("gesture", ["/a", "x", "start"], "ID", ""), ("emit", ["/a", "--signal", "smoke"], "--signal", "stream"),
        ("stream", ["/a", "1", "--rate", "fast"], "--rate", "number"), ("lock", ["/a", "--duration", "never"], "--duration", "250ms"),
        ("get", ["--server", "http://x", "/a"], "http://x", ""), ("osc", ["--listen", "x"], "--listen", ""), ("get", ["/a\nb"], "/a", "")]
    faults = [judge(["server", *arguments], named, expected) for arguments, named, expected in server]
    faults += [judge([command, *arguments], named, expected) for command, arguments, named, expected in commands]
    for variable, content, expected in (("CLASP_MAX_PARAMS", "lots", "whole number"), ("CLASP_ACK", "maybe", "always")):
        faults.append(judge(["server"], variable, expected, {variable: content}))
    for content, named, expected in toml:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(content)
            file.flush()
            faults.append(judge(["server", "--config", file.name], named, expected))
    faults = [fault for fault in faults if fault]
    assert not faults, "\n" + "\n".join(faults)


def judge(arguments, named, expected, environment=None):
    """What is wrong with how `clasp` refuses these arguments, if anything is."""
    limit = 20  # it must not start anything; one that does is ended and told
    try:
        done = subprocess.run([os.environ["CLASP_BINARY"], *arguments], capture_output=True, text=True, timeout=limit,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return f"clasp {arguments} {environment or ''}: not refused"
    said = f"clasp {arguments} {environment or ''}: exit {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}"
    if done.returncode != 2 or done.stdout:
        return f"not exit code 2 without output: {said}"
    if done.stderr.count("\n") != 1 or not done.stderr.endswith("\n"):
        return f"not one line: {said}"
    if named not in done.stderr or expected not in done.stderr:
        return f"{named!r} and {expected!r} are not named: {said}"
    return None


if __name__ == "__main__":
    run(wrong_first_message, garbage_does_not_flood_the_log, undecodable_frames_after_hello, counts_that_lie_cost_no_memory,
        addresses_nobody_may_write, values_that_fit_no_broadcast, two_sets_in_one_write, million_confirmed_sets_read_late,
        subscriber_that_stops_reading, answers_nobody_reads, streams_nobody_reads, snapshots_nobody_reads, events_nobody_reads,
        patterns_that_cost_work, vanished_without_a_word, killed_in_every_state, words_the_program_does_not_know,
        beside=[garbage_as_first_bytes, silence_before_hello, handshake_limit_is_the_one_given, half_open_crowd])
