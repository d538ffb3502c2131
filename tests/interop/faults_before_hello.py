"""Hostile, broken and silent connections before HELLO: what they get, and what others notice of them (nothing)."""
import contextlib
import random
import resource
import struct
import tempfile
import time

from harness import native
from harness.checks import alive, codes, connected, params, read_to_the_end
from harness.native import ACK, ERROR, Bare, Peer, Tcp, WebSocket
from harness.router import Router, run


def garbage_as_first_bytes():
    """No protocol, or one that is broken at once: an answer where the protocol has one, then the end; never a crash, never a link that stays."""
    upgrade = WebSocket.REQUEST.format(1).encode()
    error_101 = bytes([ERROR]) + struct.pack(">H", 101)
    cases = [
        (b"\xff\xfe\xfd", b""), (b"\x16\x03\x01\x02\x00\x01\x00", b""), (b"\x10\x0e\x00\x04mqtt\x04\x02\x00\x3c\x00\x02c1", b"\x20\x02\x00\x01"),
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


if __name__ == "__main__":
    run(wrong_first_message, garbage_does_not_flood_the_log,
        beside=[garbage_as_first_bytes, silence_before_hello, handshake_limit_is_the_one_given, half_open_crowd])
