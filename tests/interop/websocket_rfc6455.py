"""RFC 6455 against the real binary, as foreign peers speak it: the libraries `websockets` and `wsproto`, and raw bytes where a library refuses to err.
A CLASP PING, answered with PONG, shows that a connection still works."""
import asyncio
import os
import re
import socket
import struct

import websockets
import wsproto
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request

from harness import native
import raw_websocket
from raw_websocket import BINARY, CLOSE, CONTINUATION, HELLO, KEY, PING, PING_FRAME, PONG, PONG_FRAME, TEXT, frame, request
from harness.router import Router, run

SHARED = {}


def Raw(first=None):
    return raw_websocket.Raw(SHARED["router"].port, first)


def refused(data, code):
    """These frames behind a HELLO end the connection with `code`, in one segment and byte by byte."""
    for step in (len(data), 1):
        with Raw() as peer:
            peer.welcomed()
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(data), step):
                peer.send(data[at:at + step])
            assert (found := peer.closed_with()) == code, f"{data[:20].hex()}… in steps of {step}: {found}, not {code}"


def accepted(data, *answers):
    """These frames behind a HELLO are answered so, and the connection works on."""
    with Raw() as peer:
        peer.welcomed().send(data)
        for answer in answers:
            assert (found := peer.frame()) == answer, (found, answer)
        peer.works()


# ---- section 4: the opening handshake ----

def handshakes_in_every_legal_form():
    for legal in (request(connection="connection: UPGRADE"), request(connection="Connection: keep-alive, Upgrade"), request(upgrade="UPGRADE: WebSocket"),
                  request(connection="Connection: keep-alive\r\nConnection: foo, upgrade"), request(upgrade="Upgrade: h2c, websocket"),
                  request(key=f"SEC-WEBSOCKET-KEY:{KEY}  "), request("Origin: http://elsewhere.example"), request(line="GET /any?query=1 HTTP/1.1"),
                  request("Sec-WebSocket-Extensions: x-unknown; a=1, permessage-deflate; client_max_window_bits"), request("X-Folded: a,\r\n\tb")):
        with Raw(legal) as peer:
            assert peer.status == 101, (legal, peer.head)
            assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in peer.head
            assert "Extensions" not in peer.head, "nothing is selected that the operator did not turn on"
            peer.welcomed().works()


def subprotocols():
    for offered, selected in (("clasp", "clasp"), ("mqtt, clasp", "clasp"), ("mqtt", "mqtt"), ("x, mqtt", "mqtt"), ("MQTT", None), ("CLASP", None), (None, None)):
        extra = [] if offered is None else [f"Sec-WebSocket-Protocol: {offered}"]
        with Raw(request(*extra)) as peer:
            found = re.search(r"\r\nSec-WebSocket-Protocol: (.*)\r\n", peer.head)
            assert peer.status == 101 and (found[1] if found else None) == selected, (offered, peer.head)


def handshakes_that_are_refused():
    for status, wrong in ((426, request(version="Sec-WebSocket-Version: 8")), (426, request(version=None)), (400, request(key=None)),
                          (400, request(key="Sec-WebSocket-Key: c2hvcnQ=")), (400, request(f"Sec-WebSocket-Key: {KEY}")), (400, request(connection=None)),
                          (400, request(connection="Connection: keep-alive")), (400, request(line="GET / HTTP/1.0")), (505, request(line="GET / HTTP/2.0")),
                          (405, request(line="POST / HTTP/1.1")), (431, request("X-Huge: " + "h" * 20_000)), (400, request("No colon here")),
                          (400, request("Bad Name: x")), (400, request().replace(b"\r\n", b"\n"))):
        with Raw(wrong) as peer:
            assert peer.status == status, (status, wrong[:200], peer.head)
            assert status != 426 or "\r\nSec-WebSocket-Version: 13\r\n" in peer.head, peer.head
            while peer.more():
                pass


def frames_directly_behind_the_request():
    with Raw(request() + frame(BINARY, HELLO) + frame(BINARY, PING)) as peer:
        assert peer.status == 101
        assert [peer.frame()[1][4] for _ in range(3)] == [native.WELCOME, native.SNAPSHOT, native.PONG]
        peer.works()


# ---- section 5: frames ----

def lengths():
    for payload, form in ((PING, 0), (PING + bytes(121), 2), (PING + bytes(65530), 2), (PING + bytes(65531), 8)):
        accepted(frame(BINARY, payload, length_bytes=form), (BINARY, PONG))  # what follows the CLASP frame in a message is ignored
    for form in (2, 8):
        refused(frame(BINARY, PING, length_bytes=form), 1002)
    refused(frame(BINARY, PING + bytes(200), length_bytes=8), 1002)
    refused(bytes.fromhex("82ff8000000000000000") + bytes(4), 1009)
    refused(bytes.fromhex("82ff0000000000020001") + bytes(4), 1009)


def masks():
    refused(frame(BINARY, PING, masked=False), 1002)
    refused(frame(PING_FRAME, b"x", masked=False), 1002)


def reserved_bits_and_opcodes():
    for reserved in range(1, 8):
        refused(frame(BINARY, PING, reserved=reserved), 1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        refused(frame(opcode, PING), 1002)


def fragmentation():
    for cut in range(len(PING) + 1):
        accepted(frame(BINARY, PING[:cut], fin=False) + frame(PING_FRAME, b"between") + frame(CONTINUATION, PING[cut:]), (PONG_FRAME, b"between"), (BINARY, PONG))
    accepted(b"".join(frame(BINARY if i == 0 else CONTINUATION, PING[i:i + 1], fin=i == len(PING)) for i in range(len(PING) + 1)), (BINARY, PONG))
    refused(frame(CONTINUATION, PING), 1002)
    refused(frame(BINARY, b"a", fin=False) + frame(BINARY, b"b"), 1002)
    refused(frame(BINARY, b"a", fin=False) + frame(TEXT, b"b", fin=False), 1002)
    refused(frame(BINARY, bytes(100_000), fin=False) + frame(CONTINUATION, bytes(100_000)), 1009)


def control_frames():
    for payload in (b"", b"x", bytes(range(125))):
        accepted(frame(PING_FRAME, payload), (PONG_FRAME, payload))
        accepted(frame(PONG_FRAME, payload))
    refused(frame(PING_FRAME, bytes(126)), 1002)
    refused(frame(PONG_FRAME, bytes(126)), 1002)
    refused(frame(PING_FRAME, b"x", fin=False), 1002)
    refused(frame(CLOSE, struct.pack(">H", 1000) + bytes(124)), 1002)


# ---- sections 7 and 8: the end, and text ----

def close_codes():
    def closed(payload):
        with Raw() as peer:
            peer.welcomed().send(frame(CLOSE, payload) + frame(BINARY, PING))
            return peer.closed_with()

    assert closed(b"") == 1000
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
        assert closed(struct.pack(">H", code)) == code
        assert closed(struct.pack(">H", code) + "why not, Grüße".encode()) == code
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        assert closed(struct.pack(">H", code)) == 1002, code
    assert closed(b"\x03") == 1002
    assert closed(struct.pack(">H", 1000) + b"\xff") == 1007


def text_is_utf8():
    good = "Hello-µ@ßöäüàá-UTF-8!! κόσμε 😀".encode()
    bad = good[:20] + b"\xed\xa0\x80" + good[20:]
    for cut in range(0, len(bad), 3):
        accepted(frame(TEXT, good[:cut], fin=False) + frame(CONTINUATION, good[cut:]))
    for cut in range(0, len(bad), 7):
        refused(frame(TEXT, bad[:cut], fin=False) + frame(CONTINUATION, bad[cut:]), 1007)
    refused(frame(TEXT, good[:7]), 1007)
    with Raw() as peer:  # the frame never ends, but it is lost already
        peer.welcomed().send(frame(TEXT, b"a" * 1000 + b"\xff" + b"a" * 60_000)[:2000])
        assert peer.closed_with() == 1007


# ---- the libraries ----

def websockets_library():
    async def pieces(peer):
        for byte in PING:
            yield bytes([byte])
            await (await peer.ping(os.urandom(125)))

    async def connected():
        peer = await websockets.connect(SHARED["router"].url, subprotocols=["clasp"], compression=None)
        await peer.send(HELLO)
        assert [(await peer.recv())[4] for _ in range(2)] == [native.WELCOME, native.SNAPSHOT]
        return peer

    async def everything():
        peer = await connected()
        for cut in range(1, len(PING)):
            await peer.send([PING[:cut], PING[cut:]])
            assert await peer.recv() == PONG
        await peer.send(pieces(peer))
        assert await peer.recv() == PONG
        await peer.send("text means nothing here")
        await peer.send(PING)
        assert await peer.recv() == PONG
        await peer.close(4321, "enough")
        assert (peer.protocol.close_rcvd.code, peer.close_code) == (4321, 4321)
        for wrong, code in ((b"\xff text", 1007), (b"x" * 131_073, 1009)):
            peer = await connected()
            await peer.send(wrong, text=code == 1007)
            try:
                await peer.recv()
                raise AssertionError("still open")
            except websockets.exceptions.ConnectionClosed as closed:
                assert closed.rcvd.code == code, closed

    asyncio.run(everything())


def wsproto_library():
    class Peer:
        def __init__(self):
            self.socket = socket.create_connection(("127.0.0.1", SHARED["router"].port), timeout=60)
            self.protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
            self.waiting = []
            self.send(Request(host="router", target="/", subprotocols=["clasp"]))
            assert self.event(AcceptConnection).subprotocol == "clasp"

        def send(self, *events):
            self.socket.sendall(b"".join(self.protocol.send(event) for event in events))

        def event(self, kind):
            while not self.waiting:
                self.protocol.receive_data(self.socket.recv(65536) or None)
                self.waiting += self.protocol.events()
            event = self.waiting.pop(0)
            assert isinstance(event, kind), event
            return event

        def message(self):
            data = b""
            while not (event := self.event(BytesMessage)).message_finished:
                data += event.data
            return data + event.data

    for code in (1000, 1001, 3000, 4999):
        peer = Peer()
        peer.send(BytesMessage(HELLO[:3], message_finished=False), Ping(bytes(range(125))), BytesMessage(HELLO[3:]))
        assert peer.event(Pong).payload == bytes(range(125))
        assert [peer.message()[4] for _ in range(2)] == [native.WELCOME, native.SNAPSHOT]
        peer.send(BytesMessage(native.set_param("/big", "b" * 65_000)), BytesMessage(native.get("/big")))
        assert len(peer.message()) > 65_000, "a 16-bit length"
        peer.send(CloseConnection(code, "goodbye"))
        assert peer.event(CloseConnection).code == code
        assert peer.protocol.state is wsproto.connection.ConnectionState.CLOSED
        peer.socket.close()


with Router() as SHARED["router"]:
    run(handshakes_in_every_legal_form, subprotocols, handshakes_that_are_refused, frames_directly_behind_the_request, lengths, masks,
        reserved_bits_and_opcodes, fragmentation, control_frames, close_codes, text_is_utf8, websockets_library, wsproto_library)
