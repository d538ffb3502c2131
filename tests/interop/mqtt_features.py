"""What the MQTT broker promises, feature by feature and version by version, against the real router. Standard library only."""
import signal
import time

from harness import mqtt, native
from harness.mqtt import DISCONNECT, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Client
from harness.native import Peer
from harness.router import Router, eventually, run

BOTH = (4, 5)
CONNECTED = 'clasp_bridge_now{bridge="mqtt",what="connected"}'


def persistent(router, name, version=4, clean=False, **options):
    """A client whose session outlives its connection."""
    extra = {"session_expiry": 600} if version == 5 else {}
    return Client(router.port, name, version, clean=clean, **{**extra, **options})


def read_all(client, count, kind=PUBLISH):
    """The next `count` packets, all of that kind."""
    return [client.expect(kind) for _ in range(count)]


# ---- topics, values, state ----

def a_topic_is_an_address_and_a_payload_a_value():
    with Router() as router, Client(router.port, "m") as client, Peer(router.port) as desk:
        desk.answer(native.subscribe(1, "/**"))
        desk.inbox.clear()
        for payload in ("0.7", "42", "true", "on", '{"a": [1, null]}', b"\xff\x00"):
            client.published("lights/1/dim", payload, 1, retain=True)
        client.published("lights/1/flash", "1")
        desk.answer(native.ping())
        assert [(message.kind, message.address, message.value) for message in desk.inbox if message.address] == [
            (native.SET, "/lights/1/dim", value) for value in (0.7, 42, True, "on", {"a": [1, None]}, b"\xff\x00")] + [
            (native.PUBLISH, "/lights/1/flash", 1)]
        client.subscribe("#", options=1)
        assert client.messages() == [("lights/1/dim", b"\xff\x00")]
        router.clasp("set", "/lights/2/dim", "0.25")
        router.clasp("emit", "/lights/2/flash", '{"x":1}')
        got = read_all(client, 2)
        assert [(packet.topic, packet.payload, packet.qos, packet.retain) for packet in got] == [
            ("lights/2/dim", b"0.25", 1, False), ("lights/2/flash", b'{"x":1}', 1, False)], got


def a_namespace_goes_before_every_topic():
    with Router("--mqtt-namespace", "/show/mqtt") as router, Client(router.port, "m") as client:
        client.published("a/b", "1", retain=True)
        assert router.clasp("get", "/show/mqtt/a/b").startswith("1")
        router.clasp("set", "/elsewhere", "1")
        router.clasp("set", "/show/mqtt/c", "2")
        with Client(router.port, "late") as late:
            late.subscribe("#")
            assert late.messages() == [("a/b", b"1"), ("c", b"2")]


def payloads_come_back_exactly_as_they_were_published():
    odd = ["1.0", "1e3", "+5", ".5", " 42 ", '{"a":  1}', '"quoted"', "null", "-0", "", b"\xff\xfe", "x" * 66_000, "nan", "[1, 2]"]
    with Router() as router, Client(router.port, "p") as publisher, Client(router.port, "live") as live:
        live.subscribe("t/#")
        for number, payload in enumerate(odd):
            publisher.published(f"t/{number:02}", payload, 1, retain=bool(payload))
        expected = [(f"t/{number:02}", payload if isinstance(payload, bytes) else payload.encode()) for number, payload in enumerate(odd)]
        assert [(packet.topic, packet.payload) for packet in read_all(live, len(odd))] == expected
        with Client(router.port, "late") as late:
            late.subscribe("t/#")
            assert late.messages() == [row for row in expected if row[1]]
        router.clasp("set", "/t/00", "2.5")  # somebody else's value is not the published one any more
        with Client(router.port, "later") as later:
            later.subscribe("t/00")
            assert later.messages() == [("t/00", b"2.5")]


def a_retained_message_is_cleared_by_an_empty_one():
    for version in BOTH:
        with Router() as router, Client(router.port, "p", version) as client:
            client.published("a", "1", 1, retain=True)
            assert router.clasp("get", "/a").startswith("1")
            client.subscribe("a", options=1)
            assert client.messages() == [("a", b"1")]
            client.publish("a", "", 1, retain=True)
            got = sorted(read_two(client), key=lambda packet: packet.kind)
            assert got[0].payload == b"" and not got[0].retain and got[1].kind == PUBACK, got
            assert router.metrics()["clasp_state_params_active"] == 0
            client.publish("a", "", 1, retain=True)  # nothing is there, subscribers hear it all the same
            assert {packet.kind for packet in read_two(client)} == {PUBLISH, PUBACK}


def read_two(client):
    return [client.read(), client.read()]


# ---- QoS ----

def every_qos_both_ways():
    for version in BOTH:
        with Router() as router, Client(router.port, "p", version) as publisher:
            for granted in range(3):
                with Client(router.port, "s", version) as subscriber:
                    assert subscriber.subscribe("q", options=granted) == [granted]
                    for qos in range(3):
                        assert publisher.published("q", f"{qos}", qos) == 0
                        got = subscriber.expect(PUBLISH)
                        assert (got.payload, got.qos, got.retain, got.dup) == (b"%d" % qos, min(qos, granted), False, False), got
                        if got.qos == 1:
                            subscriber.acknowledge(PUBACK, got.id)
                        if got.qos == 2:
                            subscriber.acknowledge(PUBREC, got.id)
                            assert subscriber.expect(PUBREL).id == got.id
                            subscriber.acknowledge(PUBCOMP, got.id)
                    assert subscriber.ping() == []


def what_was_not_acknowledged_comes_again():
    for version in BOTH:
        with Router() as router, Client(router.port, "p", version) as publisher:
            subscriber = persistent(router, "s", version)
            subscriber.subscribe("r/#", options=2)
            for qos, name in ((1, "one"), (2, "two"), (2, "half"), (1, "last")):
                publisher.published(f"r/{name}", name, qos)
            first = read_all(subscriber, 4)
            subscriber.acknowledge(PUBREC, first[2].id)
            subscriber.expect(PUBREL)
            subscriber.close()
            eventually(lambda: router.metrics()[CONNECTED] == 1, "the subscriber has gone")
            publisher.published("r/away", "away", 1)
            publisher.published("r/gone", "gone", 0)
            subscriber = persistent(router, "s", version)
            assert subscriber.connack.present
            got = [subscriber.read() for _ in range(5)]
            assert [packet.id for packet in got if packet.kind == PUBREL] == [first[2].id]
            again = [packet for packet in got if packet.kind == PUBLISH]
            assert [(packet.payload, packet.dup) for packet in again] == [(b"one", True), (b"two", True), (b"last", True), (b"away", False)], again
            assert [packet.id for packet in again[:3]] == [first[0].id, first[1].id, first[3].id]
            subscriber.acknowledge(PUBCOMP, first[2].id)
            for packet in again:
                subscriber.acknowledge(PUBACK if packet.qos == 1 else PUBREC, packet.id)
            assert subscriber.expect(PUBREL).id == first[1].id
            subscriber.acknowledge(PUBCOMP, first[1].id)
            assert subscriber.ping() == []
            subscriber.close()
            subscriber = persistent(router, "s", version)
            assert subscriber.ping() == []
            subscriber.close()


def params_of_clasp_wait_for_a_detached_session_without_conflation():
    with Router() as router:
        with persistent(router, "s") as away:
            away.subscribe("p", options=1)
        eventually(lambda: router.metrics()[CONNECTED] == 0, "it is away")
        for value in range(5):
            router.clasp("set", "/p", str(value))
        with persistent(router, "s") as back:
            assert [packet.payload for packet in read_all(back, 5)] == [b"0", b"1", b"2", b"3", b"4"]


# ---- sessions ----

def clean_and_persistent_sessions():
    with Router() as router:
        first = persistent(router, "s")
        assert not first.connack.present
        first.subscribe("a")
        first.disconnect()
        with persistent(router, "s") as again:
            assert again.connack.present
        with Client(router.port, "s") as clean:
            assert not clean.connack.present
        with persistent(router, "s") as fresh:
            assert not fresh.connack.present, "a clean session has ended the one before, and itself"
        with Client(router.port, "", 5) as nameless:
            assert nameless.connack.props["assigned_id"]
        with Client(router.port, "", 4) as nameless:
            assert nameless.connack.codes == [0]
        with Client(router.port, "", 4, clean=False) as refused:
            assert refused.connack.codes == [2] and refused.is_closed() == []


def sessions_expire():
    with Router() as router:
        for expiry, wait, present in ((0, 0, False), (60, 0, True), (1, 1.6, False)):
            with Client(router.port, "s", 5, session_expiry=expiry) as client:
                client.disconnect()
            time.sleep(wait)
            with Client(router.port, "s", 5, clean=False) as client:
                assert client.connack.present == present, (expiry, client.connack)
        with Client(router.port, "s", 5, session_expiry=1) as client:
            client.disconnect(0, session_expiry=60)
        time.sleep(1.6)
        with Client(router.port, "s", 5, clean=False) as client:
            assert client.connack.present
        with Client(router.port, "s", 5) as client:
            client.send(mqtt.packet(DISCONNECT, b"\0" + mqtt.properties(session_expiry=5)))
            assert [packet.codes for packet in client.is_closed()] == [[0x82]], "an expiry cannot begin at DISCONNECT"
        with Client(router.port, "s", 5, session_expiry=0xFFFFFFFF) as client:
            assert client.connack.props["session_expiry"] == 7 * 86400
    with Router("--mqtt-session-expiry", "1s") as router:
        persistent(router, "s").disconnect()
        time.sleep(1.6)
        with persistent(router, "s") as client:
            assert not client.connack.present


def a_second_connection_takes_the_session_over():
    for version in BOTH:
        with Router() as router, Client(router.port, "watch") as watch:
            watch.subscribe("w")
            first = persistent(router, "s", version, will=("w", "gone"))
            first.subscribe("a", options=1)
            second = persistent(router, "s", version)
            assert second.connack.present
            assert [packet.codes for packet in first.is_closed()] == ([[0x8E]] if version == 5 else [])
            assert watch.expect(PUBLISH).payload == b"gone"
            with Client(router.port, "p") as publisher:
                publisher.published("a", "1", 1)
            assert second.expect(PUBLISH).payload == b"1"
            first.close(), second.close()


def too_many_detached_sessions_end_the_oldest():
    with Router("--mqtt-sessions", "2") as router:
        for name in "abc":
            persistent(router, name).disconnect()
        eventually(lambda: router.metrics()['clasp_bridge_total{bridge="mqtt",what="sessions_evicted"}'] == 1, "the oldest session ends")
        for name, present in (("a", False), ("c", True)):
            with persistent(router, name) as back:
                assert back.connack.present == present, name


# ---- wills ----

def wills_are_presence():
    for version in BOTH:
        with Router() as router, Client(router.port, "watch") as watch:
            watch.subscribe("w/#")
            for ending, comes in (("disconnect", False), ("close", True), ("garbage", True), ("mid-packet", True)):
                client = Client(router.port, "s", version, will=(f"w/{ending}", "gone"), will_retain=True, will_qos=1)
                if ending == "disconnect":
                    client.disconnect()
                else:
                    client.send({"close": b"", "garbage": b"\xf7\xff", "mid-packet": b"\x30\x20\x00\x03a/"}[ending])
                    client.close()
                if comes:
                    assert watch.expect(PUBLISH).topic == f"w/{ending}"
                    assert "gone" in router.clasp("get", f"/w/{ending}")
            assert watch.ping() == []
            if version == 5:
                Client(router.port, "s", 5, will=("w/asked", "gone")).disconnect(4)
                assert watch.expect(PUBLISH).topic == "w/asked"


def wills_wait_for_their_delay():
    with Router() as router, Client(router.port, "watch", 5) as watch:
        watch.subscribe("w")

        def lost(delay, expiry):
            client = Client(router.port, "s", 5, session_expiry=expiry, will=("w", "gone"), will_properties={"will_delay": delay, "user": [("a", "2")]})
            began = time.monotonic()
            client.close()
            return began

        began = lost(1, 60)
        got = watch.expect(PUBLISH)
        assert time.monotonic() - began > 0.9 and got.props == {"user": [("a", "2")]}, got
        began = lost(60, 1)  # the session ends first
        watch.expect(PUBLISH)
        assert 0.9 < time.monotonic() - began < 20
        lost(60, 60)
        with Client(router.port, "s", 5, clean=False):  # back in time
            pass
        assert watch.ping() == []


# ---- MQTT 5 ----

def properties_pass_unchanged():
    given = {"payload_format": 1, "content_type": "text/x", "response_topic": "r/1", "correlation": b"\x00\x01", "user": [("b", "1"), ("a", "2"), ("b", "3")]}
    with Router() as router, Client(router.port, "p", 5) as publisher, Client(router.port, "s", 5) as subscriber, Client(router.port, "old") as old:
        subscriber.subscribe("a"), old.subscribe("a")
        for retain in (False, True):
            publisher.published("a", "x", 1, retain=retain, **given)
            assert subscriber.expect(PUBLISH).props == given
            assert old.expect(PUBLISH).raw == mqtt.packet(PUBLISH, mqtt.text("a") + b"x")
        with Client(router.port, "late", 5) as late:
            late.subscribe("a")
            got = late.expect(PUBLISH)
            assert got.props == given and got.retain, got


def messages_expire():
    with Router() as router, Client(router.port, "p", 5) as publisher, Client(router.port, "live", 5) as live, Peer(router.port) as desk:
        live.subscribe("k")
        persistent(router, "s", 5).subscribe("e", options=1)
        publisher.published("e", "short", 1, message_expiry=1)
        publisher.published("e", "long", 1, message_expiry=60)
        publisher.published("k", "kept", 1, retain=True, message_expiry=1)
        assert live.expect(PUBLISH).props["message_expiry"] == 1
        time.sleep(1.6)
        with persistent(router, "s", 5) as back:
            got = back.expect(PUBLISH)
            assert got.payload == b"long" and 50 < got.props["message_expiry"] < 60, got
            back.subscribe("k")
            assert back.messages() == []
        assert live.ping() == [], "nobody is told of a message that has expired"
        desk.answer(native.ping())
        assert "k" not in router.clasp("get", "/k", check=False)


def topic_aliases_both_ways():
    with Router() as router, Client(router.port, "s", 5, alias_maximum=1) as subscriber:
        subscriber.subscribe("a/#")
        publisher = Client(router.port, "p", 5)
        most = publisher.connack.props["alias_maximum"]
        publisher.published("a/x", "1", 1, alias=most)
        publisher.published("", "2", 1, alias=most)
        publisher.published("a/y", "3", 1, alias=most)
        publisher.published("", "4", 1, alias=most)
        got = read_all(subscriber, 4)
        assert [(packet.topic, packet.props.get("alias"), packet.payload) for packet in got] == [
            ("a/x", 1, b"1"), ("", 1, b"2"), ("a/y", None, b"3"), ("a/y", None, b"4")], got
        for alias, topic, code in ((0, "a", 0x94), (most + 1, "a", 0x94), (5, "", 0x82)):
            with Client(router.port, "bad", 5) as bad:
                bad.publish(topic, "x", alias=alias)
                assert [packet.codes for packet in bad.is_closed()] == [[code]], (alias, topic)
        publisher.close()


def flow_control_both_ways():
    with Router() as router, Client(router.port, "p", 5) as publisher:
        with Client(router.port, "s", 5, receive_maximum=2) as subscriber:
            subscriber.subscribe("f", options=1)
            for number in range(4):
                publisher.published("f", f"{number}", 1)
            publisher.published("f", "fire", 0)
            got = subscriber.ping()
            assert [packet.payload for packet in got] == [b"0", b"1", b"fire"], got
            subscriber.acknowledge(PUBACK, got[1].id)
            assert subscriber.expect(PUBLISH).payload == b"2"
            subscriber.acknowledge(PUBACK, got[0].id)
            assert subscriber.expect(PUBLISH).payload == b"3"
        most = publisher.connack.props["receive_maximum"]
        for _ in range(most + 1):
            publisher.publish("f", "x", 2)
        last = publisher.is_closed()
        assert len(last) == most + 1 and last[-1].kind == DISCONNECT and last[-1].codes == [0x93], last[-1]


def subscription_options():
    with Router() as router, Client(router.port, "a", 5) as a, Client(router.port, "b", 5) as b:
        a.subscribe("n", options=0x04), b.subscribe("n", options=0x04)
        a.published("n", "local", 1)
        assert b.messages() == [("n", b"local")] and a.messages() == []
        b.subscribe("r", options=0x08)
        a.published("r", "1", 1)
        a.published("r", "2", 1, retain=True)
        router.clasp("set", "/r", "3")
        router.clasp("emit", "/r", "4")
        assert [packet.retain for packet in read_all(b, 4)] == [False, True, True, False]
        b.subscribe("i/#", options=2, identifier=7), b.subscribe("i/1", options=1, identifier=268435455)
        a.published("i/1", "x", 2)
        got = b.expect(PUBLISH)
        assert got.qos == 2 and sorted(got.props["identifier"]) == [7, 268435455], got
        assert b.unsubscribe("i/#", "none") == [0, 0x11]
        a.published("i/1", "x", 0)
        assert b.expect(PUBLISH).props["identifier"] == [268435455]


def shared_subscriptions():
    with Router() as router, Client(router.port, "p", 5) as publisher:
        members = [Client(router.port, f"m{number}", 5) for number in range(3)]
        publisher.published("s/old", "old", 1, retain=True)
        for member in members:
            assert member.subscribe("$share/g/s/+", options=1) == [1]
        members[0].subscribe("s/1")
        for number in range(9):
            publisher.published("s/1", f"{number}", 1)
        got = [[payload for _, payload in member.messages()] for member in members]
        assert sorted(payload for one in got for payload in one) == sorted([b"%d" % number for number in range(9)] * 2), got
        assert [len(one) for one in got] == [12, 3, 3], got
        members[2].close()
        eventually(lambda: router.metrics()[CONNECTED] == 3, "a member has gone")
        for number in range(4):
            publisher.published("s/2", f"{number}", 1)
        assert sorted(payload for member in members[:2] for _, payload in member.messages()) == [b"0", b"1", b"2", b"3"]
        members[1].send(mqtt.packet(mqtt.SUBSCRIBE, b"\0\1\0" + mqtt.text("$share/g/x") + b"\x04", 2))
        assert [packet.codes for packet in members[1].is_closed()] == [[0x82]], "No Local on a shared subscription"
        for member in members:
            member.close()


def server_keep_alive_and_limits_are_told():
    with Router("--mqtt-keep-alive", "20s", "--mqtt-max-packet", "100K") as router:
        with Client(router.port, "s", 5, keep_alive=120) as client:
            assert client.connack.props == {"server_keep_alive": 20, "receive_maximum": 256, "alias_maximum": 64, "maximum_packet": 102400}, client.connack
        with Client(router.port, "s", 5, keep_alive=0) as client:
            assert "server_keep_alive" not in client.connack.props


def figures_below_sys():
    with Router() as router, Client(router.port, "s") as client, Client(router.port, "all") as everything:
        everything.subscribe("#")
        client.subscribe("$SYS/broker/clients/#")
        got = dict(client.messages())
        assert got["$SYS/broker/clients/connected"] == b"2" and len(got) == 4, got
        assert everything.messages() == []
        again = client.expect(PUBLISH)  # every ten seconds
        assert again.topic.startswith("$SYS/broker/clients/") and not again.retain
        assert router.metrics()["clasp_state_params_active"] == 0


def connect_is_checked():
    with Router() as router:
        for data, answer in ((mqtt.packet(mqtt.CONNECT, mqtt.text("MQTT") + b"\x06\x02\x00\x3c" + mqtt.text("x")), b"\x20\x02\x00\x01"),
                             (mqtt.packet(mqtt.CONNECT, mqtt.text("hj") + b"\x04\x02\x00\x3c" + mqtt.text("x")), b"\x20\x02\x00\x01")):
            with Client(router.port) as client:
                client.send(data)
                assert b"".join(packet.raw for packet in client.is_closed()) == answer
        with Client(router.port, "x", will=("a/+", "x")) as client:
            assert client.connack.codes == [3] and client.is_closed() == []
        with Client(router.port, "x", 5, will=("a/+", "x")) as client:
            assert client.connack.codes == [0x90]
        for version in BOTH:
            with Client(router.port, "x", version) as client:
                client.send(mqtt.connect("x", version))
                assert [packet.codes for packet in client.is_closed()] == ([[0x82]] if version == 5 else [])
        with Client(router.port, "x", 5, user="u", password="p") as client:
            assert client.connack.codes == [0], "an open router takes any credentials"


def the_server_says_that_it_stops():
    router = Router()
    modern, old = Client(router.port, "5", 5), Client(router.port, "4")
    router.signal(signal.SIGTERM)
    assert [packet.codes for packet in modern.is_closed()] == [[0x8B]] and old.is_closed() == []
    modern.close(), old.close()
    assert router.dies() == 0


def a_locked_param_refuses_and_says_so():
    with Router() as router, Peer(router.port) as holder, Client(router.port, "s", 5) as modern, Client(router.port, "o") as old:
        holder.answer(native.set_param("/a", 1, qos=1, lock=True))
        for qos in (1, 2):
            assert modern.published("a", "2", qos, retain=True) == 0x83
            assert old.published("a", "2", qos, retain=True) == 0
        assert modern.published("a", "", 1, retain=True) == 0x83
        assert router.clasp("get", "/a").startswith("1")
        assert router.metrics()['clasp_bridge_total{bridge="mqtt",what="refused"}'] == 5


if __name__ == "__main__":
    run(a_topic_is_an_address_and_a_payload_a_value, a_namespace_goes_before_every_topic, payloads_come_back_exactly_as_they_were_published,
        a_retained_message_is_cleared_by_an_empty_one, every_qos_both_ways, what_was_not_acknowledged_comes_again,
        params_of_clasp_wait_for_a_detached_session_without_conflation, clean_and_persistent_sessions, a_second_connection_takes_the_session_over,
        too_many_detached_sessions_end_the_oldest, wills_are_presence, properties_pass_unchanged, topic_aliases_both_ways, flow_control_both_ways,
        subscription_options, shared_subscriptions, server_keep_alive_and_limits_are_told, connect_is_checked, a_locked_param_refuses_and_says_so,
        the_server_says_that_it_stops, beside=(sessions_expire, wills_wait_for_their_delay, messages_expire, figures_below_sys))
