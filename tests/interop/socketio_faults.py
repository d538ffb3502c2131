"""Our Socket.IO server as raw bytes: polls that never return or never come back, upgrades that stop halfway, a crowd, and clients that don't read.
Cases of the field C28 and C29."""
import contextlib
import json
import re
import select
import socket
import time

from harness import native
from harness.checks import MIB, alive
from harness.native import Peer, set_param
from harness.router import Router, eventually, run
from raw_websocket import BINARY, CLOSE, TEXT, Raw, frame, request

SEPARATOR = "\x1e"
QUERY = "/socket.io/?EIO=4&transport="


@contextlib.contextmanager
def bridge(*options):
    with Router("--bridge", " ".join(("socketio", "bind=127.0.0.1:0", *options))) as router:
        router.sio = int(re.search(r"socketio port (\d+)", router.ready_line)[1])
        yield router


def counter(router, what):
    return router.metrics()[f'clasp_bridge_total{{bridge="socketio-bridge",what="{what}"}}']


class Http:
    """One connection that asks now and reads the answer later."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.data = b""

    def ask(self, method, target, body=""):
        data = body.encode()
        self.socket.sendall(f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        return self

    def waits(self, seconds=0.0):
        """Nothing has come within that time."""
        return not select.select([self.socket], [], [], seconds)[0]

    def answer(self):
        """Status and body."""
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, _, rest = self.data.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        while len(rest) < length:
            self.more()
            rest = self.data.partition(b"\r\n\r\n")[2]
        self.data = rest[length:]
        return int(head.split()[1]), rest[:length].decode()

    def more(self):
        piece = self.socket.recv(65536)
        assert piece, f"closed after {self.data!r}"
        self.data += piece

    def close(self):
        self.socket.close()


class Session:
    """A client that polls."""

    def __init__(self, router, connect=True):
        self.port = router.sio
        self.posts = Http(self.port)
        status, body = Http(self.port).ask("GET", QUERY + "polling").answer()
        assert status == 200 and body[0] == "0", body
        self.terms = json.loads(body[1:])
        self.sid = self.terms["sid"]
        if connect:
            assert self.post("40") == (200, "ok")
            assert self.get().answer()[1].startswith('40{"sid":')

    def target(self):
        return f"{QUERY}polling&sid={self.sid}"

    def get(self):
        return Http(self.port).ask("GET", self.target())

    def post(self, body):
        return self.posts.ask("POST", self.target(), body).answer()

    def upgrade(self):
        return Raw(self.port, request(line=f"GET {QUERY}websocket&sid={self.sid} HTTP/1.1"))


def text_of(raw):
    opcode, payload = read_frame(raw)
    assert opcode == TEXT, (opcode, payload)
    return payload.decode()


def read_frame(raw):
    first, second = raw.exactly(2)
    length = second & 127
    if length == 126:
        length = int.from_bytes(raw.exactly(2), "big")
    elif length == 127:
        length = int.from_bytes(raw.exactly(8), "big")
    return first & 15, raw.exactly(length)


def direct(router, hello="40"):
    """A client on a WebSocket from the beginning, in the main namespace."""
    raw = Raw(router.sio, request(line=f"GET {QUERY}websocket HTTP/1.1"))
    assert raw.status == 101, raw.head
    assert text_of(raw).startswith('0{"sid"')
    raw.send(frame(TEXT, hello.encode()))
    assert text_of(raw).startswith("40")
    return raw


def c28_the_poll_that_waits_during_an_upgrade():
    with bridge() as router, Peer(router.port) as native_client:
        session = Session(router)
        waiting = session.get()
        assert waiting.waits(0.1)
        raw = session.upgrade()
        raw.send(frame(TEXT, b"2probe"))
        assert text_of(raw) == "3probe"
        began = time.monotonic()
        assert waiting.answer() == (200, "6")
        assert time.monotonic() - began < 5, "not only with the next ping"
        assert session.get().answer() == (200, "6"), "another one in between is neither refused nor left hanging"
        native_client.answer(set_param("/socketio/between", 1))
        raw.send(frame(TEXT, b"5"))
        assert text_of(raw) == '42["between",1]', "exactly once, on the new transport"
        raw.send(frame(TEXT, b'42["m",1]'))
        eventually(lambda: native_client.read_param("/socketio/m") is not None, "the event after the upgrade")
        assert native_client.read_param("/socketio/m").revision == 1, "once"
        assert session.get().answer()[0] == 400, "it does not poll any more"


def c28_an_upgrade_that_stops_halfway():
    with bridge() as router, Peer(router.port) as native_client:
        session = Session(router)
        raw = session.upgrade()
        raw.send(frame(TEXT, b"2probe"))
        assert text_of(raw) == "3probe"
        native_client.answer(set_param("/socketio/kept", 1))
        raw.socket.close()
        status, body = 200, "6"
        for _ in range(1000):  # until the server has noticed
            status, body = session.get().answer()
            if body != "6":
                break
        assert (status, body) == (200, '42["kept",1]')
        assert session.post('42["still",1]') == (200, "ok")
        assert native_client.read_param("/socketio/still") is not None


def c29_binary_and_ids_in_every_legal_form():
    with bridge("emit-acks=true") as router, Peer(router.port) as watcher:
        raw = direct(router)
        raw.send(frame(TEXT, b'451-["b",{"num":0,"_placeholder":true}]') + frame(BINARY, b"\x01\x02\xff"))
        raw.send(frame(TEXT, b'4212["x"]'))
        assert text_of(raw) == '4312[{"ok":true}]'
        assert watcher.read_param("/socketio/b").value == b"\x01\x02\xff"
        raw.send(frame(TEXT, b'452-["b",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]') + frame(BINARY, b"\xaa") + frame(BINARY, b"\xbb"))
        raw.send(frame(TEXT, b'4213["x"]'))
        assert text_of(raw) == '4313[{"ok":true}]'
        assert watcher.read_param("/socketio/b").value == [b"\xbb", b"\xaa"]
        watcher.answer(native.subscribe(1, "/socketio/go/**"))
        watcher.send(native.publish("/socketio/go", 1))
        assert text_of(raw) == '421["go",1]'
        raw.send(frame(TEXT, b"431[]"))
        watcher.until(lambda: any(m.address == "/socketio/go/ack" and m.value is None for m in watcher.kinds(native.PUBLISH)), "the answer without arguments")
        session = Session(router)
        assert session.post('451-["p",{"_placeholder":true,"num":0}]' + SEPARATOR + "bAQL/") == (200, "ok")
        assert watcher.read_param("/socketio/p").value == b"\x01\x02\xff"


def polls_that_never_return_and_never_come_back():
    """A poll returns with the ping; who answers none, or whose poll breaks, is gone with everything it had."""
    with bridge("ping-interval=300ms", "ping-timeout=400ms") as router:
        session = Session(router)
        waiting = session.get()
        assert waiting.answer() == (200, "2")
        assert session.post("3") == (200, "ok")
        waiting = session.get()
        assert waiting.answer() == (200, "2"), "and again"
        eventually(lambda: counter(router, "sockets") == 0, "the one that did not answer is gone")
        assert session.get().answer()[0] == 400
        gone = Session(router)
        gone.get().close()  # its answer could get lost: the client has to begin anew
        eventually(lambda: counter(router, "sockets") == 0, "the one whose poll broke is gone")
        Session(router, connect=False)
        eventually(lambda: counter(router, "clients") == 0, "the one that never polled is gone")
        alive(router)


def two_polls_at_once_end_the_session():
    with bridge() as router:
        session = Session(router)
        first = session.get()
        assert first.waits(0.1)
        status, body = session.get().answer()
        assert status == 400 and json.loads(body)["code"] == 3
        assert first.answer() == (200, "1"), "the first is told that it is over"


def a_client_that_polls_slowly_gets_the_newest():
    with bridge() as router, Peer(router.port) as writer:
        session = Session(router)
        before = router.rss()
        payload = "x" * 1000
        for i in range(20_000):
            writer.send(set_param("/socketio/fader", f"{payload}{i}"))
            writer.poll()
        writer.answer()
        body = session.get().answer()[1]
        events = []
        while True:  # every answer holds at most one payload
            assert len(body) < 1_100_000
            events += body.split(SEPARATOR)
            if events[-1].endswith('x19999"]'):
                break
            body = session.get().answer()[1]
        numbers = [int(re.search(r"x(\d+)", event)[1]) for event in events]
        assert numbers == sorted(numbers) and len(numbers) < 20_000, "newer values took the place of older ones"
        assert router.rss() - before < 32 * MIB


def who_reads_nothing_is_cut_off_and_costs_nobody():
    with bridge() as router, Peer(router.port) as writer:
        slow, fast = direct(router), direct(router)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = router.rss()
        payload, sent = "x" * 50_000, 0
        while counter(router, "closed_slow") == 0:
            assert sent < 2_000, "it is cut off at some point"
            writer.answer(native.publish("/socketio/e", payload))
            sent += 1
            assert text_of(fast).startswith('42["e"'), "the other one hears everything"
        assert sent * len(payload) < 64 * MIB
        assert counter(router, "sockets") == 1
        eventually(lambda: router.rss() - before < 16 * MIB, "the memory is back", 30)


def a_thousand_sockets():
    with bridge("max-clients=1000") as router, Peer(router.port) as writer:
        before = router.rss()
        crowd = [direct(router) for _ in range(1000)]
        assert counter(router, "sockets") == 1000
        late = Raw(router.sio, request(line=f"GET {QUERY}websocket HTTP/1.1"))
        assert late.status == 503
        writer.answer(set_param("/socketio/x", 1))
        for raw in crowd:
            assert text_of(raw) == '42["x",1]'
        crowd[7].send(frame(TEXT, b'421["y",2]'))
        for raw in crowd:
            assert text_of(raw) == ('431[{"ok":true}]' if raw is crowd[7] else '42["y",2]')
        assert router.rss() - before < 64 * MIB, "some ten kilobytes each"
        for raw in crowd:
            raw.socket.close()
        eventually(lambda: counter(router, "clients") == 0, "all are gone", 30)


def garbage_ends_its_sender_only():
    with bridge() as router:
        good = direct(router)
        for data in (frame(TEXT, b"4"), frame(TEXT, b"42"), frame(TEXT, b'42["connect"]'), frame(TEXT, b"4" + b"[" * 100_000), frame(TEXT, b"9"), frame(BINARY, b"x"),
                     frame(TEXT, b"42[" + b"0," * 200_000 + b"0]"), frame(TEXT, b'459-["x"]') + frame(TEXT, b'42["x"]'), frame(TEXT, b"4599-[]"), b"\x00" * 20):
            raw = direct(router)
            raw.send(data)
            opcode = TEXT
            while opcode != CLOSE:
                opcode, _ = read_frame(raw)
        for body in ("", "x", '42["a"]' + SEPARATOR, SEPARATOR, "b!!!!", '42["a"]' + SEPARATOR + "zz"):
            session = Session(router)
            assert session.post(body)[0] == 400, body
            assert session.get().answer()[0] == 400
        large = Session(router)
        assert large.post("4" + "x" * 1_000_000)[0] == 413
        good.send(frame(TEXT, b'421["fine"]'))
        while text_of(good) != '431[{"ok":true}]':
            """Events that came before the garbage."""
        assert counter(router, "sockets") == 1
        alive(router)


run(c28_the_poll_that_waits_during_an_upgrade, c28_an_upgrade_that_stops_halfway, c29_binary_and_ids_in_every_legal_form,
    polls_that_never_return_and_never_come_back, two_polls_at_once_end_the_session, a_client_that_polls_slowly_gets_the_newest,
    who_reads_nothing_is_cut_off_and_costs_nobody, a_thousand_sockets, garbage_ends_its_sender_only)
