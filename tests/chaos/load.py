"""The load of the soak: what a show sends, and everybody who comes, goes, is slow or breaks off. Each part is a process of its own."""
import contextlib
import mmap
import os
import random
import signal
import socket
import struct
import time

from harness import native
from harness.native import END, EVENT, GESTURE, MOVE, STREAM, Bare, Peer, Tcp, WebSocket

CHUNK = 100  # messages that are sent in one piece
PARAM_AND_STREAM = 0x05


class Rate:
    """Messages a second, shared with the process that sends them."""

    def __init__(self, value):
        self.memory = mmap.mmap(-1, 8)
        self.set(value)

    def set(self, value):
        self.memory[:] = struct.pack("d", value)

    def get(self):
        return struct.unpack("d", self.memory[:])[0]


def chunk(number):
    """One hundred messages: 74 SETs, 10 events, 10 stream items, a gesture of five, and a bundle of four SETs."""
    def address(n):
        return f"/load/{n % 10}/{(number * 7 + n) % 50}"
    frames = [native.set_param(address(n), number + n if n % 3 else f"value {number}") for n in range(74)]
    frames += [native.publish(f"/load/{n}/event", number) for n in range(10)]
    frames += [native.publish(f"/load/{n}/meter", number / 7, signal=STREAM) for n in range(10)]
    frames += [native.publish("/load/0/fader", n, signal=GESTURE, phase=phase, gesture=number % 8)
               for n, phase in enumerate((native.START, MOVE, MOVE, MOVE, END))]
    frames.append(native.bundle([native.set_param(address(n), number) for n in range(4)]))
    assert len(frames) == CHUNK
    return frames


class Drain(Peer):
    """Reads and forgets; says PONG now and then without having been asked."""
    spoken = 0.0

    def take(self):
        self.buffer.clear()
        if time.monotonic() - self.spoken > 20:
            self.spoken = time.monotonic()
            self.send(native.frame(bytes([native.PONG])))


def send_the_show(port, rate):
    """Writers that send at the rate, and six subscribers that hear all or a tenth of it."""
    writers = [Peer(port, (Tcp, WebSocket)[number % 2]) for number in range(4)]
    chunks = {carriage: [b"".join(map(carriage.wrap, chunk(number))) for number in range(200)] for carriage in (Tcp, WebSocket)}
    drains = []
    for number in range(6):
        drain = Peer(port)
        drain.answer(native.subscribe(1, "/load/**" if number < 2 else f"/load/{number}/*"))
        drain.__class__ = Drain
        drains.append(drain)
    sent, credit, last = 0, 0.0, time.monotonic()
    while True:
        now = time.monotonic()
        credit = min(credit + (now - last) * rate.get(), 50 * CHUNK)  # what it could not send for so long is not made up for
        last = now
        while credit >= CHUNK:
            writer = writers[sent % len(writers)]
            if not writer.unsent:
                writer.send_raw(chunks[writer.carriage][sent % 200])
            sent, credit = sent + 1, credit - CHUNK
        for peer in (*writers, *drains):
            peer.poll()
            assert not peer.closed, "the router closed a connection of the show"
        for writer in writers:
            writer.inbox.clear()
        time.sleep(0.005)


def come_and_go(port):
    """Thirty clients at a time; each does something a client can do, and ends in one of the ways a connection can."""
    chance, present = random.Random(1), []
    while True:
        while len(present) < 30:
            peer = Peer(port, chance.choice((Tcp, WebSocket, Bare)), greet=False)
            peer.send(native.hello("churn"))
            present.append(peer)
        for _ in range(3):
            do_something(chance.choice(present), chance)
        leaving = present.pop(chance.randrange(len(present)))
        leave(leaving, chance)
        for peer in present:
            peer.inbox.clear()
            peer.poll()
            assert not peer.closed, f"the router closed a connection for no reason: {peer.inbox[-1:]} {peer.controls[-1:]}"
        time.sleep(0.02)


def do_something(peer, chance):
    address = f"/churn/{chance.randrange(2000)}"
    peer.send(chance.choice((
        lambda: native.subscribe(chance.randrange(5), chance.choice(("/churn/**", "/load/3/1*", "/load/4/event", "/churn/1*"))),
        lambda: native.frame(struct.pack(">BI", 0x11, chance.randrange(5))),  # UNSUBSCRIBE
        lambda: native.set_param(address, "x" * chance.randrange(2000), qos=1, ttl=2),
        lambda: native.set_param(f"/churn/lock/{chance.randrange(20)}", 1, qos=1, lock=True),
        lambda: native.get(address, qos=1),
        lambda: native.frame(b"\x60" + native.text("/**")),  # QUERY
        lambda: native.publish("/churn/gesture", 1, signal=GESTURE, phase=native.START, gesture=chance.randrange(100)),
        lambda: native.bundle([native.set_param(f"{address}/later", 1)], timestamp=native.now_us() + 200_000),
        lambda: native.publish(address, {"a": [1, 2.5, "three"]}, signal=EVENT),
        native.ping))())


def leave(peer, chance):
    """Politely, by a reset, or in the middle of a frame."""
    way = chance.randrange(3)
    if way == 1:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif way == 2:
        peer.send_raw(peer.carriage.wrap(native.set_param("/churn/half", 1))[:-3])
    peer.close()


def read_slowly(port):
    """One that is conflated for ever, one that events overrun again and again."""
    def late(types):
        peer = Peer(port, receive_buffer=4096)
        peer.answer(native.subscribe(1, "/load/**", types=types))
        peer.__class__ = Drain
        return peer
    patient, overrun = late(PARAM_AND_STREAM), late(0xFF)
    while True:
        for peer in (patient, overrun):
            peer.poll(4096)
        assert not patient.closed, "the router closed a connection that is only slow"
        if overrun.closed:
            overrun.close()
            overrun = late(0xFF)
        time.sleep(0.1)


def probe(port, out):
    """Fifty round trips a second: the milliseconds of each, as lines."""
    with Peer(port, WebSocket) as peer:
        number = 0
        while True:
            number += 1
            began = time.perf_counter()
            peer.send(native.set_param("/probe", number, qos=1))
            peer.until(lambda: peer.kinds(native.ACK), "ACK of the probe")
            out.write(f"{(time.perf_counter() - began) * 1000:.3f}\n")
            out.flush()
            peer.inbox.clear()
            time.sleep(0.02)


class Part:
    """One of these functions in a process of its own."""

    def __init__(self, work, *arguments):
        self.name, self.child = work.__name__, native.in_child(work, *arguments)

    def check(self):
        ended, status = os.waitpid(self.child, os.WNOHANG)
        assert not ended, f"{self.name} ended with status {status:#x}"

    def close(self):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
