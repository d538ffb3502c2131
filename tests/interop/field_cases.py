"""Inputs on which other software of this trade failed in public, against the real router. What went wrong there is the first line of each test."""
import json
import math
import os
import select
import socket
import struct
import time

from harness import native
from harness.checks import MIB, alive, connected
from harness.native import ACK, ERROR, SET, SNAPSHOT, WELCOME, Peer, Tcp, WebSocket
from harness.router import Router, run

# Watchers are native clients here: SSE, the HTTP API, Socket.IO, WebSocket JSON sessions, rules and state files are not part of the router yet,
# so the sentences about them are left out. Limits of time in the cases are not tested, what comes and in which order is.

NTP_EPOCH = 2208988800


# ---- helpers ----

def unhex(digits):
    return bytes.fromhex(digits.replace("|", " "))


def padded(data):
    return data + bytes(4 - len(data) % 4)


def osc(address, *arguments):
    """An OSC message; ints as i, floats as f, strings as s."""
    tags, data = ",", b""
    for argument in arguments:
        if isinstance(argument, int):
            tags, data = tags + "i", data + struct.pack(">i", argument)
        elif isinstance(argument, float):
            tags, data = tags + "f", data + struct.pack(">f", argument)
        else:
            tags, data = tags + "s", data + padded(argument.encode())
    return padded(address.encode()) + padded(tags.encode()) + data


def osc_bundle(seconds, *messages):
    return b"#bundle\0" + struct.pack(">II", int(seconds) & 0xFFFFFFFF, 0) + b"".join(struct.pack(">I", len(m)) + m for m in messages)


class Controller:
    """An OSC device: a UDP socket on a port of its own."""

    def __init__(self, router):
        self.router = ("127.0.0.1", router.osc_port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(native.LIMIT)

    def send(self, datagram):
        self.socket.sendto(datagram, self.router)

    def expect(self, datagram):
        """The next datagram is this one, from the port the router listens on."""
        heard, source = self.socket.recvfrom(65536)
        assert heard == datagram and source == self.router, f"{heard.hex()} from {source}, expected {datagram.hex()} from {self.router}"

    def expect_behind(self, others, datagram):
        """This datagram comes, and before it only some of the others."""
        while (heard := self.socket.recvfrom(65536)[0]) != datagram:
            assert heard == others, heard.hex()


def watcher(router, carriage=Tcp, pattern="/**"):
    peer = Peer(router.port, carriage)
    peer.answer(native.subscribe(1, pattern))
    peer.inbox.clear()
    return peer


def changes(peer):
    return [(message.address, message.value) for message in peer.kinds(SET)]


def expect_changes(peer, *expected):
    """These changes and no others, in this order."""
    peer.until(lambda: len(peer.kinds(SET)) >= len(expected), f"{len(expected)} changes")
    assert changes(peer) == list(expected), f"{changes(peer)}, expected {expected}"
    peer.inbox.clear()


def strict_json(line):
    def refuse(name):
        raise ValueError(f"{name} is not JSON")
    return json.loads(line, parse_constant=refuse)


# ---- OSC ----

def c01_mixer_dump_with_zero_time_tag():
    """A bundle with an all-zero time tag and a bare address in it crashed the receiver."""
    with Router() as router, watcher(router) as watching, watcher(router, WebSocket) as other:
        Controller(router).send(unhex("2362756e646c6500 0000000000000000 | 00000004 2f310000 | 00000014 2f312f6c6162656c53310000 2c730000 53756200 |"
                                      "00000014 2f312f736f6c6f2f312f3100 2c660000 00000000"))
        expected = [("/osc/1", None), ("/osc/1/labelS1", "Sub"), ("/osc/1/solo/1/1", 0.0)]
        expect_changes(watching, *expected)
        expect_changes(other, *expected)
        assert router.metrics()["clasp_bundles_scheduled_total"] == 0 and router.bridge("wrong_clock") == 0, "tag 0 is now, not a time"
        alive(router)


def nested_bundles(levels):
    inside = b""
    for _ in range(levels):
        inside = b"#bundle\0" + struct.pack(">II", 0, 1) + (struct.pack(">I", len(inside)) + inside if inside else b"")
    return inside


def c02_lengths_that_lie():
    """Lengths larger than the datagram, negative or zero led to over-reads, endless loops or a dead receive thread."""
    lies = [unhex(digits) for digits in (
        "2f620000 2c620000 7fffffff 00000000", "2f620000 2c620000 ffffffff 00000000", "2f620000 2c620000 80000000", "2362756e646c6500",
        "2362756e646c6500 0000000000000001 7ffffffc 2f610000", "2362756e646c6500 0000000000000001 00000003 2f610000",
        "2362756e646c6500 0000000000000001 00000000 2f610000", "2362756e646c6500 0000000000000001 fffffffc 2f610000", "2f6f6b", "2f6f6b00 2c69", "")]
    lies.append(nested_bundles(3000))
    assert len(lies[-1]) < 65507
    with Router() as router, watcher(router) as watching:
        device = Controller(router)
        for lie in lies:
            before = sum(router.bridge(what) for what in ("malformed", "too_deep", "too_many", "unknown_tag"))
            device.send(lie)
            device.send(unhex("2f6f6b00 2c690000 00000001"))
            expect_changes(watching, ("/osc/ok", 1))
            after = sum(router.bridge(what) for what in ("malformed", "too_deep", "too_many", "unknown_tag"))
            assert after > before, f"not counted: {lie[:32].hex()} ({len(lie)} bytes)"
        alive(router)


def c03_sender_clock_far_ahead():
    """Bundles stamped years ahead were queued until memory ran out and nothing moved."""
    count, window = 100_000, 100  # so many on their way at a time: UDP must not lose them
    with Router() as router, watcher(router) as watching:
        device = Controller(router)
        device.send(osc("/late", -1))
        expect_changes(watching, ("/osc/late", -1))
        began = router.rss()
        year_ahead = time.time() + NTP_EPOCH + 31536000
        for first in range(0, count, window):
            for n in range(first, first + window):
                device.send(osc_bundle(year_ahead, osc("/late", n)))
            expect_changes(watching, *[("/osc/late", n) for n in range(first, first + window)])
        assert router.bridge("wrong_clock") == count, "counted"
        for n in range(10):
            device.send(osc_bundle(time.time() + NTP_EPOCH + 59, osc("/near", n)))
        device.send(osc_bundle(0x64, osc("/wrapped", 1)))
        device.send(osc("/ok", 1))
        expect_changes(watching, ("/osc/wrapped", 1), ("/osc/ok", 1))
        assert router.metrics()["clasp_bundles_waiting"] == 10, "the near ones wait"
        assert router.rss() - began < 32 * MIB, f"{(router.rss() - began) / MIB:.1f} MiB more"
        due = time.time() + 2
        device.send(osc_bundle(math.ceil(due) + NTP_EPOCH, osc("/soon", 1)))
        expect_changes(watching, ("/osc/soon", 1))
        assert time.time() >= due, "a bundle is executed at its time, not before"
        alive(router)


def c04_two_controllers_on_one_host():
    """Feedback went to one of them only, came from a random port, or went back to the one that moved the fader."""
    h = unhex("2f680000 2c690000 00000001")
    with Router() as router, Peer(router.port) as client:
        one, two = Controller(router), Controller(router)
        one.send(h)
        client.until(lambda: router.bridge("received") == 1, "the first has spoken")
        two.send(h)
        one.expect(h)
        client.answer(native.set_param("/osc/c", 0.5))
        one.expect(unhex("2f630000 2c660000 3f000000"))
        two.expect(unhex("2f630000 2c660000 3f000000"))
        one.send(unhex("2f630000 2c660000 3e800000"))
        two.expect(unhex("2f630000 2c660000 3e800000"))
        client.answer(native.set_param("/osc/c", 1.0))
        one.expect(unhex("2f630000 2c660000 3f800000"))  # the next it hears: its own 0.25 did not come back
        two.expect(unhex("2f630000 2c660000 3f800000"))

        for _ in range(8):
            two.send(h)
            time.sleep(5)  # 40 s of silence of the first; after 30 it is forgotten
        two.send(h)
        client.until(lambda: router.bridge("received") == 12, "all datagrams")
        client.answer(native.set_param("/osc/c", 0.75))
        two.expect(unhex("2f630000 2c660000 3f400000"))
        one.send(h)
        two.expect(h)
        client.answer(native.set_param("/osc/c", 0.0))
        two.expect(unhex("2f630000 2c660000 00000000"))
        one.expect_behind(h, unhex("2f630000 2c660000 00000000"))  # back again, and 0.75 never came
        alive(router)


def c05_text_that_is_not_ascii():
    """Accented names vanished, cut the packet short (characters counted, not bytes) or killed the decoder."""
    with Router() as router, watcher(router) as watching, watcher(router, WebSocket) as other:
        device = Controller(router)
        device.send(unhex("2f740000 2c730000 636166c3 a9000000"))
        for peer in (watching, other):
            expect_changes(peer, ("/osc/t", "café"))
        assert strict_json(router.clasp("get", "/osc/t", "--json"))["value"] == "café"

        device.send(unhex("2f740000 2c730000 636166e9 00000000"))
        for peer in (watching, other):
            peer.until(lambda peer=peer: peer.kinds(SET), "Latin-1 text")
            assert changes(peer) in ([("/osc/t", "caf\ufffd")], [("/osc/t", b"caf\xe9")]), changes(peer)
            peer.inbox.clear()
        strict_json(router.clasp("get", "/osc/t", "--json"))

        for words in ("Groß 9°", "\U0001f39a"):
            watching.answer(native.set_param("/osc/t", words))
            data = words.encode()
            device.expect(b"/t\0\0,s\0\0" + data + bytes(4 - len(data) % 4))
            expect_changes(watching, ("/osc/t", words))
            expect_changes(other, ("/osc/t", words))
        assert not watching.closed and not other.closed
        alive(router)


# ---- WebSocket and HTTP ----

class Upgrade(WebSocket):
    """A WebSocket whose upgrade request has these lines; keeps the head of the answer."""

    def __init__(self, *lines, target="/", method="GET"):
        self.request = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()

    def open(self, connection, port):
        connection.sendall(self.request)
        self.answer = native.read_head(connection)


KEY, VERSION = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"


def c23_upgrade_headers_in_unusual_but_legal_form():
    """Servers that compare whole header values refused Firefox and proxies."""
    plain = ["Upgrade: websocket", "Connection: Upgrade", KEY, VERSION]
    good = [Upgrade("Upgrade: websocket", connection, KEY, VERSION) for connection in (
        "Connection: keep-alive, Upgrade", "connection: UPGRADE", "Connection: keep-alive\r\nConnection: Upgrade", "Connection:\t Upgrade \t ")]
    good += [Upgrade(upgrade, "Connection: Upgrade", KEY, VERSION) for upgrade in ("Upgrade: WebSocket", "Upgrade: h2c, websocket")]
    good += [Upgrade(*plain, "Sec-WebSocket-Extensions: x-foo"), Upgrade(*plain, target="/?token=x")]
    bad = [
        (Upgrade("Upgrade: websocket", "Connection: Upgrade", KEY, "Sec-WebSocket-Version: 8"), (b"426", b"400")),
        (Upgrade("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub24=", VERSION), (b"400",)),
        (Upgrade(*plain, "Content-Length: 0", method="POST"), (b"400", b"405"))]
    with Router() as router:
        for number, upgrade in enumerate(good):
            with Peer(router.port, upgrade) as peer:
                assert upgrade.answer.startswith(b"HTTP/1.1 101") and WebSocket.ACCEPT in upgrade.answer, (upgrade.request, upgrade.answer)
                assert b"sec-websocket-extensions" not in upgrade.answer.lower(), upgrade.answer
                (ack,) = peer.answer(native.set_param("/w/x", number, qos=1))
                assert ack.kind == ACK, (upgrade.request, ack)
        for upgrade, statuses in bad:
            with Peer(router.port, upgrade, greet=False) as peer:
                assert upgrade.answer.split()[1] in statuses, (upgrade.request, upgrade.answer)
                assert statuses[0] != b"426" or b"sec-websocket-version: 13" in upgrade.answer.lower(), upgrade.answer
        alive(router)


def http_answer(connection):
    """Status and body of the next answer on a connection that stays open."""
    head = native.read_head(connection)
    (length,) = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(head.split()[1]), body


def c25_bytes_that_arrive_together_with_the_request():
    """What came in the same segment as the request was left in a buffer: the client waited for ever."""
    request = WebSocket.REQUEST.format(1).encode()
    with Router() as router, watcher(router) as watching:
        class Eager(WebSocket):
            @staticmethod
            def open(connection, port):
                frames = map(WebSocket.wrap, (native.hello(), native.set_param("/w/1", 1)))
                connection.sendall(request + b"".join(frames) + WebSocket.wrap(b"hi", opcode=9))
                assert native.read_head(connection).startswith(b"HTTP/1.1 101")

        with Peer(router.port, Eager, greet=False) as eager:
            expect_changes(watching, ("/w/1", 1))
            eager.until(lambda: (10, b"hi") in eager.controls and eager.kinds(WELCOME), "pong and WELCOME")

        with connected(router) as pipelined:
            pipelined.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert [http_answer(pipelined), http_answer(pipelined)] == [(200, b"ok\n"), (200, b"ready\n")]

        with connected(router) as split:
            split.sendall(b"PUT /v1/state/w/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n" + b'{"value":1')
            split.sendall(b"}GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            http_answer(split)  # no API yet: the answer itself does not matter
            assert http_answer(split) == (200, b"ready\n")

        class Drop(WebSocket):
            @staticmethod
            def open(connection, port):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in request:
                    connection.sendall(bytes([byte]))
                assert native.read_head(connection).startswith(b"HTTP/1.1 101")

        with Peer(router.port, Drop) as slow:
            (ack,) = slow.answer(native.set_param("/w/2", 2, qos=1))
            assert ack.kind == ACK
        alive(router)


# ---- state ----

class Joiner(Peer):
    """Joins, subscribes to /s/**, and judges every revision of /s/c as it comes. The writer's n-th value is n, so value and revision are equal, and
    what a joiner hears is known byte by byte: a run without a hole is compared as a whole, everything else is decoded."""
    RUN = 100_000  # the writer stops there at the latest
    runs = {}  # what each carriage brings for the values 1 to RUN

    def __init__(self, router, carriage, at_once):
        self.first, self.last = None, 0
        self.holes, self.notices, self.subscribed, self.done = 0, 0, at_once, False
        if carriage not in self.runs:
            one = [carriage.wrap_unmasked(native.set_param("/s/c", n, expected=n, qos=1)) for n in range(1, self.RUN + 1)]
            self.runs[carriage] = (len(one[0]), b"".join(one))
        super().__init__(router.port, carriage, greet=False)
        self.send(native.hello("joiner"), *([native.subscribe(1, "/s/**")] if at_once else []))

    def take_one(self, at):
        size, run = self.runs[self.carriage]
        expected = run[self.last * size:self.last * size + min(128, (len(self.buffer) - at) // size) * size]
        if self.first and expected and self.buffer[at:at + len(expected)] == expected:
            self.last += len(expected) // size
            return at + len(expected)
        return super().take_one(at)

    def got(self, message):
        if message.kind == SNAPSHOT:
            for entry in message.entries:
                self.shown(entry.value, entry.revision)
            if not self.subscribed:
                self.subscribed = True
                self.first = None  # what it saw before it subscribed may be followed by a hole
                self.send(native.subscribe(1, "/s/**"))
        elif message.kind == SET:
            self.live(message.value, message.revision)
        elif message.kind == ERROR:
            assert message.code == 503, message
            self.notices += 1
        elif message.kind == native.PONG:
            self.done = True
        else:
            assert message.kind in (WELCOME, native.PING), message

    def shown(self, content, revision):
        assert content == revision, f"value {content} has revision {revision}"
        assert revision >= self.last, f"stepped back: snapshot with {revision} after {self.last}"
        self.first = self.first or revision
        self.last = revision

    def live(self, content, revision):
        assert content == revision, f"value {content} has revision {revision}"
        assert revision > self.last, f"stepped back: {revision} after {self.last}"
        self.holes += self.first is not None and revision != self.last + 1
        self.first = self.first or revision
        self.last = revision


def write_until_told(router, told):
    """SETs /s/c to 1, 2, 3 ... 2000 times a second until the other end of the pipe is closed."""
    with Peer(router.port, name="writer") as writer:
        began, n = time.monotonic(), 0
        while not select.select([told], [], [], 0.005)[0]:
            due = min(int((time.monotonic() - began) * 2000), Joiner.RUN)
            writer.send(*[native.set_param("/s/c", value) for value in range(n + 1, due + 1)])
            n = max(n, due)
            writer.poll()
        writer.answer(native.get("/s/c"))


def c30_joining_while_a_value_changes():
    """Between snapshot and subscription an update fell through, or an older snapshot entry came after a newer update."""
    with Router() as router:
        told, tell = os.pipe()
        writer = native.in_child(lambda: (os.close(tell), write_until_told(router, told)))
        os.close(told)
        joiners, began = [], time.monotonic()
        while len(joiners) < 500:
            time.sleep(max(0, began + len(joiners) * 0.01 - time.monotonic()))
            joiners.append(Joiner(router, Tcp if len(joiners) % 2 else WebSocket, at_once=len(joiners) % 4 < 2))
            for joiner in joiners:
                joiner.poll()
                assert not joiner.closed, "a joiner was disconnected"
        os.close(tell)
        native.ended_well(writer)
        with Peer(router.port) as reader:
            final = reader.read_param("/s/c")
        native.wait_for(joiners, lambda: all(joiner.last == final.revision for joiner in joiners), f"all joiners have the last value, {final}")
        for joiner in joiners:
            joiner.send(native.ping())
        native.wait_for(joiners, lambda: all(joiner.done for joiner in joiners), "every joiner has heard all there was")
        assert {joiner.last for joiner in joiners} == {final.revision}
        slow = [joiner for joiner in joiners if joiner.notices]
        holed = [joiner for joiner in joiners if joiner.holes and not joiner.notices]
        assert not holed, f"{len(holed)} joiners have holes and were not told that anything was dropped"
        print(f"  {final.revision} values, {len(joiners)} joiners, {len(slow)} of them slow")
        for joiner in joiners:
            joiner.close()
        alive(router)


def c31_not_a_number_in_the_state():
    """The word NaN in the JSON for dashboards: every browser failed to parse the whole snapshot."""
    with Router() as router, watcher(router) as watching, watcher(router, WebSocket) as other:
        device = Controller(router)
        for n in range(20):
            watching.answer(native.set_param(f"/osc/other/{n}", n))
        other.until(lambda: len(other.kinds(SET)) == 20, "20 others")
        for bits, is_it in (("7fc00000", math.isnan), ("7f800000", lambda x: x == math.inf), ("ff800000", lambda x: x == -math.inf)):
            watching.inbox.clear()
            other.inbox.clear()
            device.send(unhex("2f6e0000 2c660000" + bits))
            for peer in (watching, other):
                peer.until(lambda peer=peer: peer.kinds(SET), "the value")
                ((address, content),) = changes(peer)
                assert address == "/osc/n" and isinstance(content, float) and is_it(content), (bits, address, content)
            with Peer(router.port) as late:
                (entry,) = [entry for entry in late.kinds(SNAPSHOT)[0].entries if entry.address == "/osc/n"]
                assert is_it(entry.value), "the snapshot has the real value"
            assert strict_json(router.clasp("get", "/osc/n", "--json"))["value"] is None
            assert strict_json(router.clasp("get", "/osc/n")) is None
            lines = [strict_json(line) for line in router.clasp("watch", "/osc/**", "--json", "--count", "21").splitlines()]
            values = {line["address"]: line["value"] for line in lines}
            assert values == {"/osc/n": None, **{f"/osc/other/{n}": n for n in range(20)}}, values

        watching.inbox.clear()
        watching.answer(native.subscribe(2, "/osc/n", epsilon=0.01))
        for _ in range(10):
            device.send(unhex("2f6e0000 2c660000 7fc00000"))
        device.send(osc("/end", 1))
        watching.until(lambda: changes(watching) and changes(watching)[-1] == ("/osc/end", 1), "the end")
        assert len(changes(watching)) == 11, f"each NaN arrives once and nothing is sent again: {changes(watching)}"
        alive(router)


def c31_change_detection_after_not_a_number():
    """A comparison with NaN is never true: what follows one must not be kept back for ever."""
    with Router() as router, Peer(router.port) as writer, Peer(router.port) as thinned:
        thinned.answer(native.subscribe(1, "/n", epsilon=0.1))
        thinned.inbox.clear()
        writer.answer(*[native.set_param("/n", number) for number in (0.25, math.nan, 0.75, 0.76, math.inf, 1.0, -math.inf, math.nan, 2.0)])
        thinned.until(lambda: changes(thinned) and changes(thinned)[-1] == ("/n", 2.0), f"the last value; came: {thinned.inbox}")
        numbers = [number for _, number in changes(thinned)]
        assert 0.75 in numbers and 0.76 not in numbers and math.inf in numbers and 1.0 in numbers and -math.inf in numbers, numbers


# ---- time ----

def c33_clocks_that_disagree():
    """One client's time in the future won against everybody else until the clock caught up."""
    with Router() as router, watcher(router) as watching, Peer(router.port) as ahead, Peer(router.port) as other:
        future = native.now_us() + 3600 * 1_000_000
        ahead.send(native.publish("/c/event", 1, timestamp=future))
        answers = ahead.answer(native.bundle([native.set_param("/c/x", 1)], timestamp=future, qos=1))
        assert not [answer for answer in answers if answer.kind == ERROR], answers
        applied_at_once = bool([answer for answer in answers if answer.kind == ACK])
        waiting = router.metrics()["clasp_bundles_waiting"]
        assert applied_at_once != (waiting == 1), "the far bundle is applied at once, or it waits"
        for writer, content in ((other, 2), (ahead, 3), (other, 4)):
            (ack,) = writer.answer(native.set_param("/c/x", content, qos=1))
            assert ack.kind == ACK and ack.revision == content - 1 + applied_at_once, ack
        expected = [("/c/x", content) for content in ([1] if applied_at_once else []) + [2, 3, 4]]
        expect_changes(watching, *expected)
        assert watching.read_param("/c/x").value == 4
        alive(router)


if __name__ == "__main__":
    run(c01_mixer_dump_with_zero_time_tag, c02_lengths_that_lie, c03_sender_clock_far_ahead, c05_text_that_is_not_ascii,
        c23_upgrade_headers_in_unusual_but_legal_form, c25_bytes_that_arrive_together_with_the_request, c30_joining_while_a_value_changes,
        c31_not_a_number_in_the_state, c31_change_detection_after_not_a_number, c33_clocks_that_disagree,
        beside=[c04_two_controllers_on_one_host])
