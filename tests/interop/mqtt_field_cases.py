"""MQTT inputs on which other brokers failed in public, against the real router. What went wrong there is the first line of each test."""
import socket
import time

from harness import mqtt, native
from harness.checks import MIB
from harness.mqtt import (CONNACK, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, Client, Closed, WebSocketClient)
from harness.native import Peer
from harness.router import Router, eventually, run


def unhex(digits):
    return bytes.fromhex(digits.replace("|", ""))


def watcher(router, pattern="/**"):
    peer = Peer(router.port)
    peer.answer(native.subscribe(1, pattern))
    peer.inbox.clear()
    return peer


def heard(peer):
    """(address, value) of what the watcher has got, events included."""
    peer.answer(native.ping())
    return [(message.address, message.value) for message in peer.inbox if message.address]


# ---- C15 ----

def qos_2_sent_three_times():
    """A repeated QoS 2 PUBLISH is delivered again, refused as over the receive limit, or forgotten when the client reconnects."""
    for version in (4, 5):
        with Router() as router, watcher(router) as watch, Client(router.port, "sub", 4) as subscriber:
            subscriber.subscribe("a/b")
            options = {"session_expiry": 600} if version == 5 else {}
            publisher = Client(router.port, "p15", version, clean=False, **options)

            def send(dup):
                publisher.publish("a/b", "hi", 2, dup=dup, number=7)
                assert publisher.expect(PUBREC).codes == [0]

            send(False), send(True), send(True)
            for expected in ([0], [0] if version == 4 else [0x92]):
                publisher.acknowledge(PUBREL, 7)
                assert publisher.expect(PUBCOMP).codes == expected
            send(False)
            publisher.close()
            publisher = Client(router.port, "p15", version, clean=False, **options)
            assert publisher.connack.present
            send(True)
            publisher.acknowledge(PUBREL, 7)
            assert publisher.expect(PUBCOMP).codes == [0]
            assert subscriber.messages() == [("a/b", b"hi")] * 2
            assert heard(watch) == [("/a/b", "hi")] * 2
            publisher.close()


# ---- C16 ----

def keep_alive_counts_what_the_client_sends():
    """A half-dead subscriber that is fed with messages is never timed out, because what goes to it resets the timer."""
    with Router() as router, watcher(router, "/w/**") as watch, Client(router.port, "feeder") as feeder, Client(router.port, "s0", keep_alive=0) as patient:
        silent = Client(router.port)
        silent.send(unhex("10 1a 0004 4d515454 04 06 0002 0002 7331 0004 772f7331 0004 676f6e65") + unhex("82 08 0001 0003 612f23 00"))
        assert silent.expect(CONNACK).codes == [0] and silent.expect(SUBACK).codes == [0]
        pinging = Client(router.port, "s2", keep_alive=2)
        began, messages = time.monotonic(), 0
        while True:
            feeder.published("a/x", "1")
            try:
                silent.socket.settimeout(0.1)
                messages += silent.read().kind == PUBLISH
            except TimeoutError:
                pass
            except Closed:
                break
            pinging.ping()
            assert time.monotonic() - began < 20, "a client with a keep-alive of 2 s was never closed"
        assert messages > 3 and time.monotonic() - began > 2.9, (messages, time.monotonic() - began)
        eventually(lambda: heard(watch) == [("/w/s1", "gone")], "the will of the silent client")
        assert pinging.ping() == [] and patient.ping() == []
        pinging.close()


# ---- C17 ----

FILTERS = [  # filter, topic, matches
    ("#", "$t/x", False), ("+/x", "$t/x", False), ("$t/#", "$t/x", True), ("sport/#", "sport", True), ("sport/#", "sport/", True),
    ("sport/+", "sport", False), ("sport/+", "sport/", True), ("a/b/#", "a/b/", True), ("+/#", "sport", True), ("+/+", "/x", True), ("/+", "/x", True),
    ("+", "/x", False), ("a//b", "a//b", True), ("a/+/b", "a//b", True), ("A/b", "a/b", False), ("#", "a//b", True), ("/#", "/x", True), ("/#", "x", False),
    ("a//#", "a/", True), ("a//#", "a//", True), ("a//#", "a", False), ("+/+/+", "//", True), ("+/+", "//", False), ("+/", "/", True), ("+//+", "a//b", True),
    ("a/+/+/d", "a///d", True), ("a/+", "a//b", False), ("+/+/+/+/+/e", "a/b//d//e", True),
] + [(topic, topic, True) for topic in ("*", "**", "a/*/b", "%", "%2F", "a%2Ab", "{x}", "?", "a b", "\u00e4/\u20ac", "a\x01b", "///", "/")] + [
    ("*", "x", False), ("a/*", "a/x", False), ("**", "a/b", False), ("?", "x", False), ("%2F/x", "/x", False)]


def which_filter_matches_which_topic():
    """Empty levels, the parent level of # and topics starting with $ are matched wrongly; brokers that translate patterns are hit most."""
    with Router() as router:
        publisher = Client(router.port, "p17")
        for name, topic, matches in FILTERS:
            for version in (4, 5):
                with Client(router.port, "s17", version) as subscriber:
                    assert subscriber.subscribe(name) == [0], name
                    publisher.published(topic, "live")
                    got = subscriber.messages()
                    assert got == ([(topic, b"live")] if matches else []), (name, topic, version, got)
            publisher.published(topic, "kept", retain=True)
            with Client(router.port, "r17") as late:
                late.subscribe(name)
                got = late.messages()
                assert got == ([(topic, b"kept")] if matches else []), (name, topic, "retained", got)
            publisher.published(topic, "", retain=True)
        for bad in ("a+", "a/#/b", "#/a", "a/b#", "", "$share/g", "$share//a", "$share/+/a", "$share/g/"):
            for version, code in ((4, 0x80), (5, 0x8F)):
                with Client(router.port, "b17", version) as client:
                    assert client.subscribe(bad) == [code], bad
        with Client(router.port, "e17") as client:
            client.publish("", "x")
            assert client.is_closed() == []
        publisher.publish("$SYS/x", "x", 1)  # refused, and 3.1.1 has no word for it
        assert publisher.expect(PUBACK).codes == [0]
        with Client(router.port, "p17b", 5) as modern:
            assert modern.published("$SYS/x", "x", 1) == 0x87
        publisher.close()


# ---- C18 ----

def announced_sizes_without_data():
    """A 5-byte header that announces 256 MiB makes the broker allocate; half-open links pile up because nothing times out before CONNECT."""
    with Router("--handshake-timeout", "1500ms") as router:
        before = router.rss()

        def opened(data):
            link = socket.create_connection(("127.0.0.1", router.port), timeout=native.LIMIT)
            link.sendall(data)
            return link

        claiming = [opened(unhex("10 ffffff7f")) for _ in range(1000)]
        silent = [opened(b"") for _ in range(1000)]
        malformed = opened(unhex("10 ffffffff01"))
        trickling = opened(unhex("10 0e 0004 4d515454 04 02 003c"))
        assert malformed.recv(1) == b""
        fresh = Client(router.port, "fresh")
        fresh.close()
        assert router.rss() - before < 32 * MIB, router.rss() - before
        for link in [*claiming, *silent, trickling]:
            while link.recv(4096):
                pass
            link.close()
        malformed.close()
        for version in (4, 5):
            with Client(router.port, "big", version) as client:
                client.send(unhex("30 ffffff7f"))
                last = client.is_closed()
                assert [packet.codes for packet in last] == ([[0x95]] if version == 5 else []), last
            with Client(router.port, "big", version) as client:
                body = mqtt.text("t") + (b"\0" if version == 5 else b"")
                client.send(mqtt.packet(PUBLISH, body + bytes(262144 - 4 - len(body))))
                assert client.ping() == []
                try:
                    client.send(mqtt.packet(PUBLISH, body + bytes(262144 - 3 - len(body))))
                    last = client.is_closed()
                except (BrokenPipeError, ConnectionResetError):
                    last = []
                assert version == 4 or not last or last[0].codes == [0x95], last


# ---- C19 ----

def subscriber_with_a_small_maximum_packet_size():
    """A message larger than the subscriber allows closes its link, or stays at the head of the queue and blocks everything behind it."""
    with Router() as router, Client(router.port, "p19", 5) as publisher:
        subscriber = Client(router.port, version=5)
        subscriber.send(unhex("10 14 0004 4d515454 05 02 003c 05 27 00000063 0002 7331"))
        subscriber.expect(CONNACK)
        subscriber.send(unhex("82 09 0001 00 0003 612f62 01"))
        subscriber.expect(SUBACK)
        assert publisher.published("a/b", b"x" * 90, 1) == 0
        assert publisher.published("a/b", b"y" * 89, 1, retain=True) == 0
        got = subscriber.expect(PUBLISH)
        assert got.payload == b"y" * 89 and len(got.raw) == 99, got
        assert router.metrics()['clasp_bridge_total{bridge="mqtt",what="dropped_too_large"}'] == 1
        assert "y" * 89 in router.clasp("get", "/a/b")
        assert subscriber.ping() == []
        subscriber.close()


# ---- C20 ----

def retain_flag_resubscribe_and_clearing():
    """Live messages carry retain 1, subscribing again gives nothing, or an emptied retained topic comes back."""
    with Router() as router, watcher(router) as watch:
        a, publisher = Client(router.port, "a"), Client(router.port, "p")
        again = unhex("82 08 0001 0003 612f62 00")
        a.send(again)
        a.expect(SUBACK)
        publisher.send(unhex("31 06 0003 612f62 31"))
        assert a.read().raw == unhex("30 06 0003 612f62 31")
        a.send(again)
        a.expect(SUBACK)
        assert a.read().raw == unhex("31 06 0003 612f62 31")
        b, c, d = (Client(router.port, name, 5) for name in "bcd")
        b.subscribe("a/b", options=0x10)
        assert b.messages() == [("a/b", b"1")]
        b.subscribe("a/b", options=0x10)
        assert b.messages() == []
        c.subscribe("a/b", options=0x20)
        assert c.messages() == []
        d.subscribe("a/b", options=0x08)
        assert d.messages() == [("a/b", b"1")]
        publisher.published("a/b", "2", retain=True)
        assert d.expect(PUBLISH).retain and not a.expect(PUBLISH).retain
        publisher.send(unhex("31 05 0003 612f62"))
        cleared = a.expect(PUBLISH)
        assert cleared.payload == b"" and not cleared.retain
        eventually(lambda: heard(watch)[-1] == ("/a/b", None), "SET Null to the watcher")
        for version in (4, 5):
            with Client(router.port, "e", version) as late:
                late.subscribe("a/b")
                assert late.messages() == []
        for client in (a, b, c, d, publisher):
            client.close()


# ---- C24 ----

def mqtt_over_websocket_packets_do_not_respect_frames():
    """A broker that takes one frame for one packet fails when a library splits a packet over frames, merges several or sends an empty frame."""
    with Router() as router, Client(router.port, "s24") as subscriber:
        subscriber.subscribe("a/b")
        client = WebSocketClient(router.port)
        assert b"101" in client.head and b"Sec-WebSocket-Protocol: mqtt" in client.head, client.head
        client.socket.sendall(unhex("82 81 00000000 10") + unhex("82 80 00000000") + unhex("82 8f 00000000 0e 0004 4d515454 04 02 003c 0002 6331"))
        assert client.read().raw == unhex("20 02 00 00") and client.opcodes == [2]
        client.socket.sendall(unhex("82 98 00000000 3006 0003612f62 31 3006 0003612f62 32 3006 0003612f62 33"))
        assert [subscriber.expect(PUBLISH).payload for _ in range(3)] == [b"1", b"2", b"3"]
        long = mqtt.packet(PUBLISH, mqtt.text("a/b") + b"z" * 70_000)
        client.send_frame(2, long[:20_000], final=False)
        client.send_frame(0, long[20_000:40_000], final=False)
        client.send_frame(9, b"are you there")
        client.send_frame(0, long[40_000:])
        assert subscriber.expect(PUBLISH).payload == b"z" * 70_000
        assert client.ping() == [] and 10 in client.opcodes
        client.send_frame(1, b"text")
        assert client.is_closed() == [] and client.opcodes[-1] == 8
        client.close()
        with WebSocketClient(router.port, offered="mqttv3.1") as other:
            assert b"Sec-WebSocket-Protocol" not in other.head, other.head
        with WebSocketClient(router.port, "v5", 5) as modern:
            modern.subscribe("a/b", options=1)
            modern.publish("a/b", "own")
            assert modern.messages() == [("a/b", b"own")]


# ---- beyond C24 ----

def a_shared_group_that_loses_a_member():
    """eclipse-mosquitto/mosquitto#2662, emqx/emqx#12257: what a lost member had not acknowledged was delivered to nobody."""
    for expiry in (0, 1):
        with Router() as router, Client(router.port, "p") as publisher, Client(router.port, "lost", 5, **({"session_expiry": expiry} if expiry else {})) as lost, \
                Client(router.port, "stays", 5) as stays:
            for client in (lost, stays):
                assert client.subscribe("$share/g/a/#", options=1) == [1]
            for i in range(6):
                assert publisher.published("a/x", str(i), 1) == 0
            had = lost.messages()[:1]  # acknowledged: all of it, so some more
            for i in range(6, 12):
                assert publisher.published("a/x", str(i), 1) == 0
            not_acknowledged = [packet.payload for packet in lost.ping() if packet.kind == PUBLISH]
            assert had and len(not_acknowledged) == 3
            lost.close()
            got = {message[1] for message in stays.messages()}
            if expiry:
                assert not got & set(not_acknowledged), "it may come back"
            eventually(lambda: got.update(message[1] for message in stays.messages()) or set(not_acknowledged) <= got, "the other member gets them")
            assert publisher.published("a/y", "after", 1) == 0
            assert stays.messages() == [("a/y", b"after")]


def a_client_with_thousands_of_filters():
    """home-assistant/core#87972: home automation subscribes to the topics of every entity singly; what is refused is missing without a word."""
    with Router() as router, Client(router.port, "home") as home, Client(router.port, "sensor") as sensor:
        filters = [f"house/{i}/state" for i in range(4_000)] + [f"house/+/{i}/#" for i in range(4_000)]
        for at in range(0, len(filters), 200):
            assert set(home.subscribe(*filters[at:at + 200])) == {0}
        for topic in ("house/3999/state", "house/kitchen/3999/temperature"):
            assert sensor.published(topic, "1", 1, True) == 0
        assert home.messages() == [("house/3999/state", b"1"), ("house/kitchen/3999/temperature", b"1")]
        for at in range(0, len(filters), 200):
            home.unsubscribe(*filters[at:at + 200])
        assert sensor.published("house/0/state", "1") == 0 and home.messages() == []


if __name__ == "__main__":
    run(qos_2_sent_three_times, which_filter_matches_which_topic, announced_sizes_without_data, subscriber_with_a_small_maximum_packet_size,
        retain_flag_resubscribe_and_clearing, mqtt_over_websocket_packets_do_not_respect_frames,
        a_shared_group_that_loses_a_member, a_client_with_thousands_of_filters, beside=(keep_alive_counts_what_the_client_sends,))
