"""MQTT clients that lie, stall, vanish or never acknowledge, against the real router: a clear answer, bounded memory, nobody else concerned."""
import socket
import struct
import threading

from harness import mqtt, native
from harness.checks import MIB, alive
from harness.mqtt import PUBACK, PUBLISH, SUBACK, Client, Closed
from harness.native import Peer
from harness.router import Router, eventually, run


def counter(router, what):
    metrics = router.metrics()
    return next(metrics[name] for name in (f'clasp_bridge_{kind}{{bridge="mqtt",what="{what}"}}' for kind in ("total", "now")) if name in metrics)


def a_subscriber_that_never_acknowledges():
    with Router("--mqtt-queue", "1M") as router, Client(router.port, "p", 5) as publisher, Client(router.port, "other", 5) as other:
        stubborn = Client(router.port, "stubborn", 5, clean=False, session_expiry=600)
        stubborn.subscribe("x", options=1), other.subscribe("x", options=0)
        before = router.rss()
        sent = 0
        while counter(router, "sessions_overflowed") == 0:
            for _ in range(500):
                assert publisher.published("x", bytes(1000), 1) == 0
            sent += 500
            assert sent < 20_000, "its queue has no bound"
            assert all(other.expect(PUBLISH).payload == bytes(1000) for _ in range(500))
        assert router.rss() - before < 16 * MIB
        got = stubborn.is_closed()
        assert got[-1].codes == [0x97] and len(got) <= 513, (len(got), got[-1])
        with Client(router.port, "stubborn", 5, clean=False) as back:
            assert not back.connack.present, "else it would not know that it missed something"
        stubborn.close()


def a_detached_session_is_bounded_as_well():
    with Router("--mqtt-queue", "64K") as router, Client(router.port, "p") as publisher:
        for name in ("away", "few"):
            with Client(router.port, name, clean=False) as client:
                client.subscribe(name, options=1)
        eventually(lambda: counter(router, "connected") == 1, "both are away")
        publisher.published("few", "1", 1)
        for _ in range(200):
            publisher.published("away", bytes(1000), 1)
        assert counter(router, "sessions_overflowed") == 1
        with Client(router.port, "few", clean=False) as back:
            assert back.connack.present and back.expect(PUBLISH).payload == b"1"


def a_subscriber_that_does_not_read():
    with Router() as router, Client(router.port, "p") as publisher, Client(router.port, "other") as other, Peer(router.port) as desk:
        other.subscribe("x/#")
        slow = Client(router.port)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.send(mqtt.connect("slow"))
        slow.read()
        slow.subscribe("x/#")
        for number in range(200):
            for _ in range(50):
                publisher.publish("x/a", struct.pack(">I", number) * 500, retain=True)
            publisher.ping()
            assert other.messages()[-1] == ("x/a", struct.pack(">I", number) * 500)
        assert counter(router, "conflated") > 0
        publisher.published("x/end", "end")
        last = None
        while (packet := slow.expect(PUBLISH)).topic != "x/end":
            assert last is None or packet.payload >= last, "values never step back"
            last = packet.payload
        assert last == struct.pack(">I", 199) * 500, "the newest is among them"
        slow.close()
        desk.answer(native.ping())


def topics_and_payloads_at_their_limits():
    with Router() as router:
        for topic, modern, why in (("a/+", 0x90, "wildcard"), ("#", 0x90, "wildcard"), (b"a\xff", 0x81, "not UTF-8"), (b"a\x00b", 0x81, "zero"),
                                   (b"\xed\xa0\x80", 0x81, "surrogate")):
            for version in (4, 5):
                with Client(router.port, "bad", version) as client:
                    client.publish(topic, "x", 1)
                    got = client.is_closed()
                    assert [packet.codes for packet in got] == ([[modern]] if version == 5 else []), (why, got)
        with Client(router.port, "s", 5) as modern, Client(router.port, "o") as old, Client(router.port, "h") as hearing:
            hearing.subscribe("#")
            assert modern.published("t" * 65535, "x", 1) == 0x90, "an address has 1,024 bytes"
            assert old.published("t" * 65535, "x", 1) == 0
            assert modern.published("t" * 1023, b"x" * 65535, 1, retain=True) == 0
            assert [(len(topic), len(payload)) for topic, payload in hearing.messages()] == [(1023, 65535)]
        alive(router)


def packets_cut_at_every_byte():
    script = mqtt.connect("cut", 5, will=("w", "gone")) + mqtt.packet(mqtt.SUBSCRIBE, b"\0\1\0" + mqtt.text("a/#") + b"\1", 2) + \
        mqtt.packet(PUBLISH, mqtt.text("a/b") + b"\0\7" + mqtt.properties(user=[("k", "v")]) + b"payload", 2) + mqtt.packet(mqtt.PINGREQ, b"")
    with Router() as router:
        told = None
        for at in range(1, len(script)):
            with Client(router.port) as client:
                client.version = 5
                client.send(script[:at])
                with Client(router.port, "between") as other:
                    other.ping()
                client.send(script[at:])
                got = [client.read().raw for _ in range(5)]
                assert told is None or got == told, at
                told = got
        with Client(router.port, "w") as watch:  # and every end of the connection is one
            watch.subscribe("w")
            for at in range(len(mqtt.connect("cut", 5, will=("w", "gone"))), len(script)):
                with Client(router.port) as client:
                    client.send(script[:at])
                assert watch.expect(PUBLISH).payload == b"gone", at


def ten_thousand_retained_topics_while_others_publish():
    with Router() as router, Client(router.port, "p", 5) as publisher:
        for number in range(10_000):
            publisher.publish(f"r/{number}", f"{number}", retain=True)
        publisher.ping()
        stop = threading.Event()

        def keep_publishing():
            with Client(router.port, "busy") as busy:
                count = 0
                while not stop.is_set():
                    busy.published(f"r/{count % 100}", f"{count}", 1, retain=True)
                    busy.published("live", f"{count}")
                    count += 1

        thread = threading.Thread(target=keep_publishing)
        thread.start()
        try:
            for qos in (0, 1):
                with Client(router.port, "late") as late:
                    late.subscribe("#", options=qos, read=False)
                    assert late.read().kind == SUBACK, "before anything that is retained"
                    seen, live = {}, 0
                    while len(seen) < 10_000 or live < 100:
                        packet = late.expect(PUBLISH)
                        if packet.qos:
                            late.acknowledge(PUBACK, packet.id)
                        if packet.topic == "live":
                            live += 1
                            continue
                        number = int(packet.topic[2:])
                        assert number < 100 or packet.retain
                        if number < 100:
                            assert int(packet.payload) >= seen.get(number, 0), "a value steps back"
                        seen[number] = int(packet.payload)
        finally:
            stop.set()
            thread.join()


def idle_clients_cost_little():
    with Router() as router:
        clients = [Client(router.port, f"warm{number}", keep_alive=600) for number in range(100)]
        before = router.rss()
        count = 1_500
        for number in range(count):
            client = Client(router.port, f"idle{number}", 4 + number % 2, keep_alive=600)
            client.subscribe(f"idle/{number}/#", options=1)
            clients.append(client)
        each = (router.rss() - before) / count
        print(f"an idle client with a subscription costs {each:.0f} bytes", flush=True)
        assert each < 4096, each
        for client in clients:
            client.close()
        eventually(lambda: counter(router, "sessions") == 0, "nothing is left of them")


def a_publisher_that_does_not_read_its_answers():
    with Router() as router, Client(router.port, "other") as other:
        deaf = Client(router.port, "deaf")
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.socket.settimeout(0.5)
        data = b"".join(mqtt.packet(PUBLISH, mqtt.text("d") + struct.pack(">H", number) + b"x", 2) for number in range(1, 60_000))
        before = router.rss()
        try:
            for _ in range(100):
                deaf.send(data)
            raise AssertionError("it was read although nobody takes the answers")
        except TimeoutError:
            pass
        assert router.rss() - before < 16 * MIB
        assert other.ping() == []
        deaf.close()


def take_overs_in_a_row():
    with Router() as router:
        clients = []
        for number in range(200):
            clients.append(Client(router.port, "same", 4 + number % 2, clean=number % 3 == 0))
            clients[-1].subscribe("a", options=1)
        for client in clients[:-1]:
            try:
                client.ping()
                raise AssertionError("an old connection is still alive")
            except (Closed, BrokenPipeError, ConnectionResetError):
                pass
            except AssertionError:
                raise
            client.close()
        assert clients[-1].ping() == [] and counter(router, "sessions") == 1
        clients[-1].close()


if __name__ == "__main__":
    run(a_subscriber_that_never_acknowledges, a_detached_session_is_bounded_as_well, a_subscriber_that_does_not_read, topics_and_payloads_at_their_limits,
        packets_cut_at_every_byte, ten_thousand_retained_topics_while_others_publish, idle_clients_cost_little, a_publisher_that_does_not_read_its_answers,
        take_overs_in_a_row)
