"""A small MQTT client on plain sockets, 3.1.1 and 5, over TCP or WebSocket. It checks nothing and answers nothing by itself: packets are read one by
one, as they came, for tests to judge."""
import socket
import struct
import time

from harness import native

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(1, 16)

# property: code, layout; "s" text, "b" binary, "v" variable byte integer, "p" pair of texts
PROPERTIES = {"payload_format": (0x01, "B"), "message_expiry": (0x02, "I"), "content_type": (0x03, "s"), "response_topic": (0x08, "s"),
              "correlation": (0x09, "b"), "identifier": (0x0B, "v"), "session_expiry": (0x11, "I"), "assigned_id": (0x12, "s"),
              "server_keep_alive": (0x13, "H"), "will_delay": (0x18, "I"), "reason": (0x1F, "s"), "receive_maximum": (0x21, "H"),
              "alias_maximum": (0x22, "H"), "alias": (0x23, "H"), "user": (0x26, "p"), "maximum_packet": (0x27, "I")}
CODES = {code: (name, layout) for name, (code, layout) in PROPERTIES.items()}


# ---- writing ----

def varint(number):
    out = b""
    while True:
        number, digit = number >> 7, number & 0x7F
        out += bytes([digit | (0x80 if number else 0)])
        if not number:
            return out


def text(content):
    encoded = content if isinstance(content, bytes) else content.encode()
    return struct.pack(">H", len(encoded)) + encoded


def properties(**given):
    out = b""
    for name, content in given.items():
        code, layout = PROPERTIES[name]
        for item in content if isinstance(content, list) else [content]:
            data = text(item) if layout in "sb" else varint(item) if layout == "v" else text(item[0]) + text(item[1]) if layout == "p" else struct.pack(">" + layout, item)
            out += bytes([code]) + data
    return varint(len(out)) + out


def packet(kind, body, flags=0):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect(name, version=4, clean=True, keep_alive=60, will=None, will_qos=0, will_retain=False, will_properties=None, user=None, password=None, **props):
    """`will`: (topic, payload)."""
    flags = 2 * clean | (will is not None and (4 | will_qos << 3 | 32 * will_retain)) | 64 * (password is not None) | 128 * (user is not None)
    body = text("MQTT") + struct.pack(">BBH", version, flags, keep_alive) + (properties(**props) if version == 5 else b"") + text(name)
    if will:
        body += (properties(**(will_properties or {})) if version == 5 else b"") + text(will[0]) + text(will[1])
    body += text(user) if user is not None else b""
    body += text(password) if password is not None else b""
    return packet(CONNECT, body)


# ---- reading ----

class Packet:
    """`kind` and `flags` of the header; of a PUBLISH topic, payload, qos, retain, dup, id, props; of answers id, codes (reasons), props."""

    def __init__(self, first, body, version):
        self.kind, self.flags, self.raw = first >> 4, first & 15, bytes([first]) + varint(len(body)) + body
        self.props, self.codes, self.id, self.present = {}, [], 0, None
        at = 0
        if self.kind == PUBLISH:
            self.qos, self.retain, self.dup = self.flags >> 1 & 3, bool(self.flags & 1), bool(self.flags & 8)
            size = struct.unpack_from(">H", body)[0]
            self.topic, at = body[2:2 + size].decode(), 2 + size
            if self.qos:
                self.id, at = struct.unpack_from(">H", body, at)[0], at + 2
            if version == 5:
                at = self.read_properties(body, at)
            self.payload = body[at:]
        elif self.kind == CONNACK:
            self.present, self.codes = bool(body[0] & 1), [body[1]]
            if version == 5:
                self.read_properties(body, 2)
        elif self.kind == DISCONNECT:
            self.codes = [body[0] if body else 0]
            if len(body) > 1:
                self.read_properties(body, 1)
        elif self.kind != PINGRESP:
            self.id, at = struct.unpack_from(">H", body)[0], 2
            if version == 5 and self.kind in (SUBACK, UNSUBACK):
                at = self.read_properties(body, at)
            self.codes = list(body[at:]) or [0]

    def read_properties(self, body, at):
        size, at = read_varint(body, at)
        end = at + size
        while at < end:
            name, layout = CODES[body[at]]
            at += 1
            if layout in "sb":
                content, at = read_text(body, at)
                content = content.decode() if layout == "s" else content
            elif layout == "p":
                key, at = read_text(body, at)
                item, at = read_text(body, at)
                content = (key.decode(), item.decode())
            elif layout == "v":
                content, at = read_varint(body, at)
            else:
                content, at = struct.unpack_from(">" + layout, body, at)[0], at + struct.calcsize(">" + layout)
            if name in ("user", "identifier"):
                self.props.setdefault(name, []).append(content)
            else:
                self.props[name] = content
        return end

    def __repr__(self):
        return f"Packet({self.__dict__})"


def read_varint(data, at):
    number = shift = 0
    while True:
        number, shift, at = number | (data[at] & 0x7F) << shift, shift + 7, at + 1
        if data[at - 1] < 0x80:
            return number, at


def read_text(data, at):
    size = struct.unpack_from(">H", data, at)[0]
    return data[at + 2:at + 2 + size], at + 2 + size


class Closed(Exception):
    """The broker closed the connection."""


class Client:
    def __init__(self, port, name=None, version=4, **options):
        """Connected at once if it has a name; its CONNACK is then `connack`."""
        self.version, self.next_id = version, 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=native.LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.connack = None
        if name is not None:
            self.send(connect(name, version, **options))
            self.connack = self.read()
            assert self.connack.kind == CONNACK, self.connack

    def send(self, data):
        self.socket.sendall(data)

    def id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def receive(self):
        """More bytes of the stream of packets."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed
        return piece

    def read(self):
        """The next packet."""
        while True:
            if len(self.data) >= 2 and (len(self.data) >= 5 or any(byte < 0x80 for byte in self.data[1:])):
                size, at = read_varint(self.data, 1)
                if len(self.data) >= at + size:
                    first, body, self.data = self.data[0], self.data[at:at + size], self.data[at + size:]
                    return Packet(first, body, self.version)
            self.data += self.receive()

    def expect(self, kind):
        got = self.read()
        assert got.kind == kind, f"expected a packet of type {kind}: {got!r:.500}"
        return got

    def is_closed(self):
        """Reads what still comes until the broker closes; the packets."""
        packets = []
        try:
            while True:
                packets.append(self.read())
        except Closed:
            return packets

    def publish(self, topic, payload, qos=0, retain=False, dup=False, number=None, **props):
        """Sends one; at QoS 1 and 2 returns the packet identifier."""
        number = (number or self.id()) if qos else None
        payload = payload if isinstance(payload, bytes) else payload.encode()
        body = text(topic) + (struct.pack(">H", number) if qos else b"") + (properties(**props) if self.version == 5 else b"") + payload
        self.send(packet(PUBLISH, body, dup << 3 | qos << 1 | retain))
        return number

    def published(self, topic, payload, qos=0, retain=False, **props):
        """Sends one and sees it through; the reason code of the last answer."""
        number = self.publish(topic, payload, qos, retain, **props)
        if qos == 1:
            return self.expect(PUBACK).codes[0]
        if qos == 2:
            code = self.expect(PUBREC).codes[0]
            if code < 0x80:
                self.acknowledge(PUBREL, number)
                code = self.expect(PUBCOMP).codes[0]
            return code
        self.ping()
        return 0

    def acknowledge(self, kind, number, code=None):
        self.send(packet(kind, struct.pack(">H", number) + (b"" if code is None else bytes([code])), 2 if kind == PUBREL else 0))

    def subscribe(self, *filters, options=0, read=True, **props):
        """The codes of its SUBACK."""
        body = struct.pack(">H", self.id()) + (properties(**props) if self.version == 5 else b"") + b"".join(text(name) + bytes([options]) for name in filters)
        self.send(packet(SUBSCRIBE, body, 2))
        return self.expect(SUBACK).codes if read else None

    def unsubscribe(self, *filters):
        self.send(packet(UNSUBSCRIBE, struct.pack(">H", self.id()) + (b"\0" if self.version == 5 else b"") + b"".join(map(text, filters)), 2))
        return self.expect(UNSUBACK).codes

    def ping(self):
        """Sends PINGREQ and reads up to its answer; what came before it."""
        self.send(packet(PINGREQ, b""))
        before = []
        while (got := self.read()).kind != PINGRESP:
            before.append(got)
        return before

    def messages(self):
        """The (topic, payload) of what has come up to now; QoS 1 and 2 are acknowledged half (PUBACK, PUBREC)."""
        got = [packet for packet in self.ping() if packet.kind == PUBLISH]
        for message in got:
            if message.qos:
                self.acknowledge(PUBACK if message.qos == 1 else PUBREC, message.id)
        return [(message.topic, message.payload) for message in got]

    def disconnect(self, code=None, **props):
        self.send(packet(DISCONNECT, b"" if code is None and not props else bytes([code or 0]) + properties(**props)))
        self.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WebSocketClient(Client):
    """The same over WebSocket, sub-protocol mqtt: each send() is one binary frame."""

    def __init__(self, port, name=None, version=4, offered="mqtt", **options):
        self.frames = b""
        super().__init__(port)
        self.version = version
        self.socket.sendall(b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + offered.encode() + b"\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(65536)
        self.head, _, self.frames = answer.partition(b"\r\n\r\n")
        self.opcodes = []
        if name is not None:
            self.send(connect(name, version, **options))
            self.connack = self.read()

    def send_frame(self, opcode, payload, final=True):
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        self.socket.sendall(bytes([final << 7 | opcode]) + length + bytes(4) + payload)

    def send(self, data):
        self.send_frame(2, data)

    def receive(self):
        while True:
            if len(self.frames) >= 2:
                size, at = self.frames[1], 2
                if size == 126 and len(self.frames) >= 4:
                    size, at = struct.unpack_from(">H", self.frames, 2)[0], 4
                elif size == 127 and len(self.frames) >= 10:
                    size, at = struct.unpack_from(">Q", self.frames, 2)[0], 10
                if size < 126 or at > 2:
                    if len(self.frames) >= at + size:
                        opcode, payload, self.frames = self.frames[0] & 15, self.frames[at:at + size], self.frames[at + size:]
                        self.opcodes.append(opcode)
                        if opcode == 2:
                            return payload
                        continue
            self.frames += super().receive()


def until(condition, what, seconds=native.LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.02)


def mosquitto(command, port, *arguments, **options):
    """Runs mosquitto_pub or mosquitto_sub; the arguments for its subprocess."""
    return [f"mosquitto_{command}", "-h", "127.0.0.1", "-p", str(port), *map(str, arguments)]


