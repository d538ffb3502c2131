"""A small native CLASP client on plain sockets: compact form, length-prefixed TCP or WebSocket. It never blocks in a read, so that one process can
hold hundreds of them, and it checks nothing: what arrives is kept as it came, for tests to judge."""
import os
import selectors
import socket
import struct
import time
import traceback

LIMIT = 60.0  # seconds; it only bounds a failure

HELLO, WELCOME, SUBSCRIBE, PUBLISH, SET, GET, SNAPSHOT, BUNDLE, PING, PONG, ACK, ERROR = (
    0x01, 0x02, 0x10, 0x20, 0x21, 0x22, 0x23, 0x30, 0x41, 0x42, 0x50, 0x51)
MARK, EXTENDED = 0x70, 0x01
PARAM, EVENT, STREAM, GESTURE = 0, 1, 2, 3
START, MOVE, END, CANCEL = 0, 1, 2, 3
NULL, BOOL, I8, I16, I32, I64, F32, F64, STRING, BYTES, ARRAY, MAP = range(12)


# ---- writing ----

def text(value):
    encoded = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def value(content):
    """Tag and data. Integers become i64 and floats f64, as the router sends them."""
    if content is None:
        return b"\x00"
    if isinstance(content, bool):
        return bytes([BOOL, content])
    if isinstance(content, int):
        return struct.pack(">Bq", I64, content)
    if isinstance(content, float):
        return struct.pack(">Bd", F64, content)
    if isinstance(content, str):
        return bytes([STRING]) + text(content)
    if isinstance(content, bytes):
        return bytes([BYTES]) + text(content)
    if isinstance(content, list):
        return struct.pack(">BH", ARRAY, len(content)) + b"".join(map(value, content))
    return struct.pack(">BH", MAP, len(content)) + b"".join(text(key) + value(item) for key, item in content.items())


def frame(payload, qos=0):
    return struct.pack(">BBH", 0x53, qos << 6 | 1, len(payload)) + payload


def payload_of(whole):
    return whole[4:]


def hello(name="test", features=0xF8, block=None):
    """`block`: keys and values behind the token."""
    if block is None:
        return frame(bytes([HELLO, 1, features]) + text(name) + text(""))
    entries = b"".join(text(key) + value(content) for key, content in block.items())
    return frame(bytes([HELLO, 1, features | EXTENDED]) + text(name) + text("") + struct.pack(">H", len(block)) + entries)


def mark(frames, leaving=False):
    return frame(struct.pack(">BBQ", MARK, leaving, frames))


def set_param(address, content, qos=0, expected=None, lock=False, unlock=False, ttl=None):
    encoded = content if isinstance(content, bytes) else value(content)  # bytes: tag and data, ready made
    flags = (expected is not None) << 7 | lock << 6 | unlock << 5 | (ttl is not None) << 4 | encoded[0]
    payload = bytes([SET, flags]) + text(address) + encoded[1:]
    payload += b"" if expected is None else struct.pack(">Q", expected)
    payload += b"" if ttl is None else struct.pack(">I", ttl)
    return frame(payload, qos)


def get(address, qos=0):
    return frame(bytes([GET]) + text(address), qos)


def subscribe(number, pattern, types=0xFF, epsilon=None):
    options = b"\x00" if epsilon is None else struct.pack(">Bd", 0x02, epsilon)
    return frame(struct.pack(">BI", SUBSCRIBE, number) + text(pattern) + bytes([types]) + options)


def publish(address, content, signal=EVENT, phase=START, gesture=None, timestamp=None):
    flags = signal << 5 | (timestamp is not None) << 4 | (gesture is not None) << 3 | phase
    payload = bytes([PUBLISH, flags]) + text(address) + b"\x01" + value(content)
    payload += b"" if timestamp is None else struct.pack(">Q", timestamp)
    payload += b"" if gesture is None else struct.pack(">I", gesture)
    return frame(payload)


def bundle(frames, timestamp=None, qos=0):
    payload = struct.pack(">BBH", BUNDLE, 0 if timestamp is None else 0x80, len(frames))
    payload += b"" if timestamp is None else struct.pack(">Q", timestamp)
    payload += b"".join(struct.pack(">H", len(payload_of(inner))) + payload_of(inner) for inner in frames)
    return frame(payload, qos)


def announce(namespace, *signals):
    """Each signal: (address, type 0..4, datatype, access, unit, (min, max)); what is None is left out."""
    def of(address, kind, datatype=None, access=None, unit=None, range=None):
        meta = (unit is not None) | (range is not None) << 1
        out = text(address) + bytes([kind, (datatype is not None) | (access is not None) << 1 | bool(meta) << 2])
        out += text(datatype) if datatype is not None else b""
        out += text(access) if access is not None else b""
        if meta:
            out += bytes([meta]) + (text(unit) if unit is not None else b"") + (struct.pack(">dd", *range) if range is not None else b"")
        return out
    return frame(bytes([0x03]) + text(namespace) + struct.pack(">H", len(signals)) + b"".join(of(*signal) for signal in signals), 1)


def ping():
    return frame(bytes([PING]))


def now_us():
    return time.time_ns() // 1000


# ---- reading ----

class Message:
    """A decoded message: `kind` is its code, the other fields are there if the kind has them."""
    address = value = revision = code = session = None
    entries = ()

    def __init__(self, kind, **fields):
        self.kind = kind
        self.__dict__.update(fields)

    def __repr__(self):
        return f"Message({self.__dict__})"


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        (result,) = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return result

    def raw(self, count):
        assert self.at + count <= len(self.data), "a message of the router is cut short"
        self.at += count
        return bytes(self.data[self.at - count:self.at])

    def text(self):
        return self.raw(self.take("H")).decode()  # fails if the router sends text that is no UTF-8

    def value(self, tag=None):
        tag = self.take("B") if tag is None else tag
        if tag == NULL:
            return None
        if tag == BOOL:
            return self.take("B") != 0
        if tag in (I64, F64):
            return self.take("q" if tag == I64 else "d")
        if tag == STRING:
            return self.text()
        if tag == BYTES:
            return self.raw(self.take("H"))
        if tag == ARRAY:
            return [self.value() for _ in range(self.take("H"))]
        assert tag == MAP, f"the router sent a value with tag {tag}"
        return {self.text(): self.value() for _ in range(self.take("H"))}


def read_entry(reader):
    entry = Message(SNAPSHOT, address=reader.text(), value=reader.value(), revision=reader.take("Q"))
    options = reader.take("B")
    entry.writer = reader.text() if options & 1 else None
    entry.time = reader.take("Q") if options & 2 else None
    return entry


def decode(whole):
    """One frame, without the prefix or header of its carriage."""
    assert whole[0] == 0x53 and whole[1] & 0x20 == 0, f"no frame a client expects: {bytes(whole[:16]).hex()}"
    assert len(whole) == 4 + int.from_bytes(whole[2:4], "big"), "a frame has the length it says"
    reader = Reader(whole)
    reader.at = 4
    kind = reader.take("B")
    if kind == SET:
        flags = reader.take("B")
        address, content = reader.text(), reader.value(flags & 15)
        return Message(SET, address=address, value=content, revision=reader.take("Q") if flags & 0x80 else None)
    if kind == ACK:
        flags = reader.take("B")
        return Message(ACK, address=reader.text() if flags & 1 else None, revision=reader.take("Q") if flags & 2 else None)
    if kind == ERROR:
        code, message, flags = reader.take("H"), reader.text(), reader.take("B")
        return Message(ERROR, code=code, text=message, address=reader.text() if flags & 1 else None)
    if kind == SNAPSHOT:
        return Message(SNAPSHOT, entries=[read_entry(reader) for _ in range(reader.take("H"))])
    if kind == PUBLISH:
        flags, address, indicator = reader.take("B"), reader.text(), reader.take("B")
        return Message(PUBLISH, address=address, signal=flags >> 5, phase=flags & 7, value=reader.value() if indicator == 1 else None)
    if kind == WELCOME:
        features = reader.raw(10)[1]
        welcome = Message(WELCOME, session=reader.text(), block={})
        if features & EXTENDED:
            reader.text(), reader.text()  # name and token
            welcome.block = {reader.text(): reader.value() for _ in range(reader.take("H"))}
        return welcome
    return Message(kind)


# ---- carriages: how frames are cut out of a stream of bytes ----

class Tcp:
    @staticmethod
    def wrap(whole):
        return struct.pack(">I", len(whole)) + whole

    wrap_unmasked = wrap

    @staticmethod
    def cut(data, at):
        """The opcode (None: a frame), where the payload begins and where it ends; nothing if it is not all there."""
        if len(data) < at + 4:
            return None
        end = at + 4 + int.from_bytes(data[at:at + 4], "big")
        return (None, at + 4, end) if end <= len(data) else None

    @staticmethod
    def open(connection, port):
        """Nothing to say before the first frame."""


class Bare(Tcp):
    """Frames back to back."""

    @staticmethod
    def wrap(whole):
        return whole

    @staticmethod
    def cut(data, at):
        end = at + 4 + int.from_bytes(data[at + 2:at + 4], "big")
        return (None, at, end) if at + 4 <= len(data) and end <= len(data) else None


class WebSocket:
    REQUEST = ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of that key, RFC 6455 1.3

    @staticmethod
    def wrap(whole, opcode=2):
        if len(whole) < 126:
            head = bytes([0x80 | opcode, 0x80 | len(whole)])
        elif len(whole) < 65536:
            head = struct.pack(">BBH", 0x80 | opcode, 0xFE, len(whole))
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0xFF, len(whole))
        return head + b"\x00\x00\x00\x00" + whole  # masked with zeros

    @staticmethod
    def wrap_unmasked(whole):
        """As a server sends it; for frames below 126 bytes."""
        return bytes([0x82, len(whole)]) + whole

    @staticmethod
    def cut(data, at):
        if len(data) < at + 2:
            return None
        short, begin = data[at + 1], at + 2
        wide = {126: 2, 127: 8}.get(short, 0)
        length = int.from_bytes(data[begin:begin + wide], "big") if wide else short
        begin += wide
        opcode = data[at] & 15
        return (None if opcode == 2 else opcode, begin, begin + length) if begin + length <= len(data) else None

    @staticmethod
    def open(connection, port):
        connection.sendall(WebSocket.REQUEST.format(port).encode())
        head = read_head(connection)
        assert head.startswith(b"HTTP/1.1 101") and WebSocket.ACCEPT in head, head


def read_head(connection):
    """One HTTP head, byte by byte, so that nothing behind it is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        assert piece, f"closed after {head!r}"
        head += piece
    return head


# ---- the client ----

class Peer:
    def __init__(self, port, carriage=Tcp, name="test", greet=True, receive_buffer=None, host="127.0.0.1"):
        self.carriage = carriage
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT)
        self.socket.connect((host, port))
        carriage.open(self.socket, port)
        self.socket.setblocking(False)
        self.buffer, self.unsent = bytearray(), bytearray()
        self.inbox, self.controls = [], []  # messages; WebSocket control frames as (opcode, payload)
        self.closed = False
        if greet:
            self.send(hello(name))
            self.until(lambda: self.kinds(WELCOME) and self.kinds(SNAPSHOT), "WELCOME and SNAPSHOT")

    def fileno(self):
        return self.socket.fileno()

    def send(self, *frames):
        """All in one write, if the system takes it; the rest leaves with later polls."""
        self.send_raw(b"".join(map(self.carriage.wrap, frames)))

    def send_raw(self, data):
        self.unsent += data
        self.flush()

    def flush(self):
        try:
            while self.unsent:
                with memoryview(self.unsent) as waiting:
                    sent = self.socket.send(waiting[:1 << 20])
                del self.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
            self.unsent.clear()

    def poll(self, most=1 << 20):
        """Reads at most about so many bytes of what is there, without waiting."""
        self.flush()
        taken = 0
        try:
            while taken < most:
                piece = self.socket.recv(1 << 18)
                if not piece:
                    self.closed = True
                    break
                self.buffer += piece
                taken += len(piece)
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        if taken:
            self.take()

    def take(self):
        at = 0
        while at is not None:
            done, at = at, self.take_one(at)
        del self.buffer[:done]

    def take_one(self, at):
        """Takes the frame that begins there; returns where the next one does, nothing if this one is not all there."""
        found = self.carriage.cut(self.buffer, at)
        if not found:
            return None
        opcode, begin, end = found
        if opcode is None:
            message = decode(self.buffer[begin:end])
            if message.kind == PING:  # who is silent for minutes and answers nothing either is taken for dead
                self.send(frame(bytes([PONG])))
            self.got(message)
        else:
            self.controls.append((opcode, bytes(self.buffer[begin:end])))
            if opcode == 9:  # a WebSocket library answers by itself; who does not is taken for dead
                self.send_raw(WebSocket.wrap(self.controls[-1][1], opcode=10))
        return end

    def got(self, message):
        self.inbox.append(message)

    def kinds(self, *kinds):
        return [message for message in self.inbox if message.kind in kinds]

    def until(self, condition, what, seconds=LIMIT):
        wait_for([self], condition, what, seconds)

    def answer(self, *frames, what="an answer"):
        """Sends and returns everything that came before the PONG of a PING behind it: what the router did with the frames is known then."""
        before = len(self.inbox)
        self.send(*frames, ping())
        self.until(lambda: any(message.kind == PONG for message in self.inbox[before:]), f"PONG behind {what}")
        return [message for message in self.inbox[before:] if message.kind != PONG]

    def read_param(self, address):
        """The value as a GET shows it: the SNAPSHOT entry, None if there is none."""
        for message in self.answer(get(address), what=f"GET {address}"):
            for entry in message.entries:
                if entry.address == address:
                    return entry
        return None

    def close(self):
        self.closed = True
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


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


def wait_for(peers, condition, what, seconds=LIMIT):
    """Polls the peers until the condition holds; the limit only bounds a failure."""
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            selector.register(peer, selectors.EVENT_READ)
        open_peers = set(peers)
        for peer in peers:
            peer.poll()
        while not condition():
            assert open_peers, f"never happened, and the router closed every connection: {what}"
            assert time.monotonic() < end, f"never happened: {what}"
            for key, _ in selector.select(0.01):
                key.fileobj.poll()
            for peer in [peer for peer in open_peers if peer.closed or peer.unsent]:
                peer.flush()
                if peer.closed:
                    selector.unregister(peer)
                    open_peers.discard(peer)


def in_child(work, *arguments):
    """Runs `work` in a child process of its own; returns its process id. The child never returns into the test."""
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
            os._exit(0)
        except BaseException:  # told by the exit code and on stderr
            traceback.print_exc()
            os._exit(1)
    return child


def ended_well(child):
    """Waits for a child started with in_child()."""
    _, status = os.waitpid(child, 0)
    assert status == 0, f"a child process ended with status {status:#x}"
