"""Clients that say what nobody may say, after HELLO: refused by an ERROR that names it; nothing is stored, nothing grows, others go on."""
import struct

from harness import native
from harness.checks import MIB, alive, codes, params
from harness.native import ACK, ERROR, PUBLISH, SET, SNAPSHOT, Peer, Tcp, WebSocket
from harness.router import Router, run


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


if __name__ == "__main__":
    run(undecodable_frames_after_hello, counts_that_lie_cost_no_memory, addresses_nobody_may_write, values_that_fit_no_broadcast,
        two_sets_in_one_write, patterns_that_cost_work)
