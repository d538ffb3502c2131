"""A WebSocket client that sends whatever bytes it is told, and judges strictly what a server sends."""
import os
import socket
import struct

from harness import native

HELLO, PING, PONG = native.hello(), native.ping(), native.frame(bytes([native.PONG]))
CONTINUATION, TEXT, BINARY, CLOSE, PING_FRAME, PONG_FRAME = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length_bytes=None):
    """One frame; `length_bytes` forces a form of the length (0, 2 or 8 bytes behind the second byte)."""
    if length_bytes is None:
        length_bytes = 0 if len(payload) < 126 else 2 if len(payload) < 65536 else 8
    marker = {0: len(payload), 2: 126, 8: 127}[length_bytes]
    head = bytes([fin << 7 | reserved << 4 | opcode, masked << 7 | marker]) + len(payload).to_bytes(8, "big")[8 - length_bytes:]
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def request(*extra, line="GET /clasp HTTP/1.1", connection="Connection: Upgrade", upgrade="Upgrade: websocket", key=f"Sec-WebSocket-Key: {KEY}",
            version="Sec-WebSocket-Version: 13"):
    lines = [line, "Host: router", upgrade, connection, key, version, *extra]
    return "".join(f"{text}\r\n" for text in lines if text is not None).encode() + b"\r\n"


class Raw:
    """A connection that sends what it is told."""

    def __init__(self, port, first=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.buffer = b""
        self.socket.sendall(request() if first is None else first)
        self.head = self.until(b"\r\n\r\n").decode("latin1")
        self.status = int(self.head.split()[1])

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(65536)
        self.buffer += piece
        return piece

    def until(self, mark):
        while mark not in self.buffer:
            assert self.more(), f"closed after {self.buffer!r}"
        end = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:end], self.buffer[end:]
        return taken

    def exactly(self, count):
        while len(self.buffer) < count:
            assert self.more(), f"closed after {self.buffer!r}"
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def unpack(self, reserved, payload):
        assert reserved == 0, reserved
        return payload

    def frame(self):
        """Opcode and payload of the next frame; checks what a server owes: whole, unmasked, no reserved bits, the shortest length."""
        first, second = self.exactly(2)
        assert first & 0x80 and second < 128, f"{first:#x} {second:#x}"
        length = second
        if second == 126:
            length, least = struct.unpack(">H", self.exactly(2))[0], 126
            assert length >= least
        if second == 127:
            length = struct.unpack(">Q", self.exactly(8))[0]
            assert length >= 65536
        return first & 0x0F, self.unpack(first >> 4 & 7, self.exactly(length))

    def welcomed(self):
        self.send(frame(BINARY, HELLO))
        assert self.frame()[1][4] == native.WELCOME
        assert self.frame()[1][4] == native.SNAPSHOT
        return self

    def works(self):
        self.send(frame(BINARY, PING))
        answer = self.frame()
        assert answer == (BINARY, PONG), answer

    def closed_with(self):
        """The code of the close frame that comes next; then nothing but the end follows."""
        opcode, payload = self.frame()
        assert opcode == CLOSE, (opcode, payload)
        payload[2:].decode()
        while self.more():
            pass
        assert self.buffer == b"", f"after the close: {self.buffer!r}"
        return struct.unpack(">H", payload[:2])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
