"""The MQTT client bridge (`clasp mqtt`) between the real router and real brokers: mosquitto, and our own."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from harness.mosquitto import Certificates, Mosquitto, free_port
from harness.mqtt import PUBLISH, Client
from harness.router import Router, Skipped, eventually, run

CLASP = os.environ["CLASP_BINARY"]
LIMIT = float(os.environ.get("LIMIT", 30))
VERSIONS = {"3.1.1": 4, "5": 5}


class Bridge:
    """A `clasp` that bridges, and what it has said so far."""

    def __init__(self, *arguments, environment=None, connects=True):
        self.arguments, self.lines = arguments, []
        self.process = subprocess.Popen([CLASP, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if connects:
            self.says("connected to 127.0.0.1")

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def says(self, text, times=1):
        eventually(lambda: sum(text in line for line in self.lines) >= times or self.process.poll() is not None, f"{self.arguments} says {text!r}: {self.lines}", LIMIT)
        assert sum(text in line for line in self.lines) >= times, (self.arguments, self.lines)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None and kind is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(LIMIT) == 0, f"it ends in order: {self.lines}"
        if self.process.poll() is None:
            self.kill()
        self.reader.join(LIMIT)
        if kind is not None:
            print(f"{self.arguments} said:\n" + "\n".join(self.lines), flush=True)
        self.process.stderr.close()
        self.process.stdout.close()


def bridge(router, broker, *more, **options):
    return Bridge("mqtt", "--router", router.url, "--broker", broker if isinstance(broker, str) else broker.url, *more, **options)


def has(router, address, text):
    eventually(lambda: router.clasp("get", address, check=False) == text, f"{address} is {text}", LIMIT)


def next_message(client, want=None):
    """The next message, or the next with this topic."""
    while True:
        got = client.read()
        if got.kind == PUBLISH and want in (None, got.topic):
            return got.topic, got.payload.decode(), got.retain


def counters(router):
    lines = [json.loads(line) for line in router.clasp("bridge", "list", "--json").splitlines()]
    return next(line["counters"] for line in lines if line["protocol"] == "mqtt")


# ---- both ways ----

def messages_go_both_ways_in_every_version_and_qos():
    with Mosquitto() as broker, Router() as router:
        for name, version in VERSIONS.items():
            for qos in ("0", "1", "2"):
                with bridge(router, broker, "--version", name, "--qos", qos), Client(broker.port, "peer", version) as peer:
                    peer.subscribe("out/#", options=int(qos))
                    peer.published("in/x", f'{{"v": "{name}", "q": {qos}}}', int(qos))
                    has(router, "/mqtt/in/x", f'{{"v":"{name}","q":{qos}}}')
                    router.clasp("set", "/mqtt/out/x", qos)
                    router.clasp("emit", "/mqtt/out/y", '"event"')
                    assert next_message(peer) == ("out/x", qos, False)
                    assert next_message(peer) == ("out/y", "event", False)


def our_own_broker_is_one_too():
    with Router() as broker, Router() as router:
        for url in (f"mqtt://127.0.0.1:{broker.port}", f"ws://127.0.0.1:{broker.port}"):
            for name, version in VERSIONS.items():
                with bridge(router, url, "--version", name, "--qos", "1") as one, Client(broker.port, "peer", version) as peer:
                    one.says(f"(MQTT {name})")
                    peer.subscribe("out")
                    peer.published("in", f"{url} {name}")
                    has(router, "/mqtt/in", f'"{url} {name}"')
                    router.clasp("set", "/mqtt/out", f'"{url} {name}"')
                    assert next_message(peer, "out")[:2] == ("out", f"{url} {name}")


def late_joiners_of_both_sides_get_the_state():
    with Mosquitto() as broker, Router() as router:
        with Client(broker.port, "early") as early:
            early.published("before/mqtt", "1", 1, retain=True)
        router.clasp("set", "/mqtt/before/clasp", "2")
        with bridge(router, broker, "--retain", "params", "--sync"):
            has(router, "/mqtt/before/mqtt", "1")
            router.clasp("set", "/mqtt/after", "3")
            router.clasp("emit", "/mqtt/event", "4")
            with Client(broker.port, "watch") as watch:
                watch.subscribe("after", "before/clasp")
                got = {next_message(watch) for _ in range(2)}
                assert got == {("after", "3", True), ("before/clasp", "2", True)}, got
            with Client(broker.port, "late") as late:
                late.subscribe("#")
                assert sorted(late.messages()) == [("after", b"3"), ("before/clasp", b"2"), ("before/mqtt", b"1")]
                router.clasp("set", "/mqtt/after", "null")
                assert next_message(late) == ("after", "", False)
            with Client(broker.port, "later") as later:
                later.subscribe("after")
                assert later.messages() == [], "and is gone"


def odd_topics_come_back_as_they_were():
    topics = {"/leading": "%2Fleading", "a//b": "a/%2Fb", "trailing/": "trailing/", "a*b": "a%2Ab", "100%": "100%", "%2F": "%252F", "ä/ö": "ä/ö", "{x}": "{x}"}
    with Mosquitto() as broker, Router() as one, Router() as other:
        with bridge(one, broker), bridge(other, broker), Client(broker.port, "peer", 5) as peer:
            peer.subscribe("#", options=4)  # No Local
            for number, (topic, address) in enumerate(topics.items()):
                peer.publish(topic, str(number))
                has(one, f"/mqtt/{address}", str(number))
                has(other, f"/mqtt/{address}", str(number))
                one.clasp("set", f"/mqtt/{address}", str(100 + number))
                assert next_message(peer) == (topic, str(100 + number), False)
                has(other, f"/mqtt/{address}", str(100 + number))
            one.clasp("set", "/mqtt/a+b", "1")
            one.clasp("set", "/mqtt/done", "1")
            assert next_message(peer) == ("done", "1", False), "nobody may publish to a+b"
            assert counters(one)["not_a_topic"] == 1


# ---- trouble ----

def a_broker_that_forgot_everything_is_subscribed_to_again():
    with Mosquitto() as broker, Router() as router, bridge(router, broker, "--retain", "params", "--qos", "1") as one:
        router.clasp("set", "/mqtt/kept", "0")
        broker.stop()
        one.says("next attempt in")
        for number in range(5):
            router.clasp("set", "/mqtt/kept", str(number))
        router.clasp("emit", "/mqtt/event", '"meanwhile"')
        broker.start()
        with Client(broker.port, "peer") as peer:
            peer.subscribe("#")
            got = [next_message(peer), next_message(peer)]
            assert [message[:2] for message in got] == [("kept", "4"), ("event", "meanwhile")], got
            one.says("connected to", 2)
            eventually(lambda: (peer.published("in", "5"), router.clasp("get", "/mqtt/in", check=False))[1] == "5", "it hears the broker again", LIMIT)


def a_refused_password_is_told_and_not_tried_again_soon():
    tool = shutil.which("mosquitto_passwd") or shutil.which("mosquitto_passwd", path="/usr/sbin:/usr/bin")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run([tool, "-b", "-c", f"{folder}/users", "desk", "geheim"], check=True, capture_output=True)
        with open(f"{folder}/secret", "w") as file:
            file.write("geheim\n")
        with Mosquitto(f"password_file {folder}/users", anonymous=False) as broker, Router() as router:
            for name, words in (("5", "refused the connection: not authorized (0x87)"), ("3.1.1", "refused the connection: not authorized (code 5)")):
                with bridge(router, broker, "--version", name, "--username", "desk", environment={"CLASP_MQTT_PASSWORD": "wrong"}, connects=False) as one:
                    one.says(words)
                    line = next(line for line in one.lines if words in line)
                    assert 23 < float(line.rsplit("next attempt in ")[1].split()[0]) < 37, line
                    assert "wrong" not in "\n".join(one.lines)
            with bridge(router, broker, "--username", "desk", "--password-file", f"{folder}/secret"), Client(broker.port, "peer", user="desk", password="geheim") as peer:
                peer.published("in", "1")
                has(router, "/mqtt/in", "1")


def tls_checks_who_is_there():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        ours, others = Certificates(folder), Certificates(folder, "other")
        certificate, key = ours.issue("broker", "DNS:localhost,IP:127.0.0.1")
        client, client_key = ours.issue("client", "DNS:client")
        for path in (key, client_key):
            os.chmod(path, 0o644)
        with Mosquitto(f"certfile {certificate}", f"keyfile {key}", f"cafile {ours.ca}", "require_certificate true") as broker, Router() as router:
            url = f"mqtts://127.0.0.1:{broker.port}"
            with bridge(router, url, "--ca", ours.ca, "--cert", client, "--key", client_key, "--topic", "own/#"):
                with bridge(router, url, "--insecure", "--cert", client, "--key", client_key, "--namespace", "/second", "--topic", "#"):
                    router.clasp("set", "/mqtt/own/x", "1")
                    has(router, "/second/own/x", "1")
            with bridge(router, url, "--ca", others.ca, "--cert", client, "--key", client_key, connects=False) as stranger:
                stranger.says('TLS: its certificate comes from an unknown issuer, "Test ca"')
            with bridge(router, f"mqtts://localhost:{broker.port}", "--ca", ours.ca, "--server-name", "elsewhere", "--cert", client, "--key", client_key, connects=False) as stranger:
                stranger.says("TLS: its certificate is for localhost, 127.0.0.1, not for elsewhere")
            with bridge(router, f"mqtt://127.0.0.1:{broker.port}", connects=False) as plain:
                plain.says("next attempt in")
            done = subprocess.run([CLASP, "mqtt", "--router", router.url, "--broker", url, "--ca", f"{folder}/none.pem"], capture_output=True, text=True, timeout=LIMIT)
            assert done.returncode == 2 and "none.pem: No such file" in done.stderr, done


def nothing_is_lost_while_the_router_restarts():
    session = ("--client-id", "site", "--clean-start", "false", "--session-expiry", "600", "--end-to-end-ack")
    for more in ((), session):
        port = free_port()
        with Mosquitto() as broker:
            first = subprocess.Popen([CLASP, "server", "--listen", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True)
            first.stdout.readline()
            with Bridge("mqtt", "--router", f"ws://127.0.0.1:{port}", "--broker", broker.url, "--qos", "1", *more) as one, Client(broker.port, "peer") as peer:
                first.kill()
                first.wait()
                first.stdout.close()
                one.says("router link down")
                for number in range(500):
                    peer.published(f"n/{number}", str(number), 1)
                with Router(listen=f"127.0.0.1:{port}") as again:
                    has(again, "/mqtt/n/499", "499")
                    assert [again.clasp("get", f"/mqtt/n/{number}") for number in (0, 1, 250, 498)] == ["0", "1", "250", "498"]
                    assert counters(again)["written"] == 500, counters(again)


def a_bridge_that_dies_leaves_its_will():
    with Mosquitto() as broker, Router() as router, Client(broker.port, "peer") as peer:
        peer.subscribe("gone")
        with bridge(router, broker, "--will-topic", "gone", "--will-payload", "it died", "--will-qos", "1") as one:
            one.kill()
            assert next_message(peer) == ("gone", "it died", False)


# ---- several ----

def two_bridges_in_a_circle_are_no_storm():
    for name in VERSIONS:
        with Mosquitto() as broker, Router() as router:
            with bridge(router, broker, "--version", name, "--name", "one"), bridge(router, broker, "--version", name, "--name", "two"), Client(broker.port, "peer") as peer:
                peer.subscribe("#")
                router.clasp("set", "/mqtt/t/x", "1")
                router.clasp("emit", "/mqtt/t/event", "2")
                seen = []

                def quiet():
                    """No message for half a second."""
                    before = len(seen)
                    end = time.monotonic() + 0.5
                    while time.monotonic() < end:
                        seen.extend(peer.messages())
                    return len(seen) == before and before > 0
                eventually(quiet, f"MQTT {name}: the circle comes to an end", LIMIT)
                assert len(seen) < 200, len(seen)
                router.clasp("set", "/mqtt/t/y", "3")
                has(router, "/mqtt/t/y", "3")
                assert router.clasp("get", "/mqtt/t/x") == "1"


def two_routers_share_a_broker():
    for name in VERSIONS:
        with Mosquitto() as broker, Router() as left, Router() as right:
            with bridge(left, broker, "--version", name), bridge(right, broker, "--version", name), Client(broker.port, "peer") as peer:
                peer.subscribe("#")
                left.clasp("set", "/mqtt/t/x", "1")
                has(right, "/mqtt/t/x", "1")
                right.clasp("set", "/mqtt/t/x", "2")
                has(left, "/mqtt/t/x", "2")
                peer.publish("end", "0")
                got = []
                while ("end", b"0") not in got:
                    got += peer.messages()
                assert [payload for topic, payload in got if topic == "t/x"] == [b"1", b"2"], "each once"
                assert "/mqtt/mqtt" not in left.clasp("query", "/mqtt/**")


def two_bridges_with_one_id_are_no_storm():
    with Mosquitto() as broker, Router() as router:
        with bridge(router, broker, "--client-id", "twin") as first, bridge(router, broker, "--client-id", "twin") as second:
            hint = 'again and again: does another client use the id "twin"?'
            eventually(lambda: any(hint in line for line in first.lines + second.lines), "somebody says what is wrong", 120)
            assert broker.text().count("as twin") <= 12, "each attempt is later than the one before"


# ---- where it runs ----

def it_runs_in_the_router_and_reports():
    with Mosquitto() as broker, tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f'[[bridge]]\ntype = "mqtt"\nname = "site"\nbroker = "{broker.url}"\ntopic = ["a/#", "b/#"]\nnamespace = "/site"\nqos = 1\n'
                   'map = ["mqtt:/a/{n} <-> /lights/{n}/dim"]\n')
        file.flush()
        with Router("--config", file.name) as router, Client(broker.port, "peer") as peer:
            eventually(lambda: "SUBACK" in broker.text(), "it has subscribed", LIMIT)
            peer.subscribe("a/#")
            peer.publish("b/x", "1")
            has(router, "/site/b/x", "1")
            peer.publish("a/7", "0.5")
            has(router, "/lights/7/dim", "0.5")
            router.clasp("set", "/lights/8/dim", "0.25")
            assert next_message(peer, "a/8") == ("a/8", "0.25", False)
            table = router.clasp("bridge", "list")
            assert f"mqtt://127.0.0.1:{broker.port}" in table and "running" in table, table


def sdks_and_older_flags_start_it():
    with Mosquitto() as broker, Router() as router, Client(broker.port, "peer") as peer:
        forms = [(["bridge", "mqtt", "--router", router.url, "--broker", broker.url, "--topic", "a/#", "--topic", "b/#", "--reconnect", "true"], {}),
                 (["bridge", "--bridge-type", "mqtt", "-o", f"broker={broker.url}", "-o", f"router={router.url}"], {}),
                 (["bridge", "mqtt", f"127.0.0.1:{broker.port}", "clasp", f"127.0.0.1:{router.port}"], {}),
                 (["mqtt", "-H", "127.0.0.1", "-p", str(broker.port), "-c", "old", "-t", "a/#", "--router", router.url], {}),
                 (["bridge"], {"CLASP_BRIDGE_PROTOCOL": "mqtt", "MQTT_BROKER": broker.url, "MQTT_TOPICS": "a/#,b/#", "CLASP_ROUTER": router.url})]
        for number, (arguments, environment) in enumerate(forms):
            with Bridge(*arguments, environment=environment):
                eventually(lambda: (peer.published("a/x", str(number), 1), router.clasp("get", "/mqtt/a/x", check=False))[1] == str(number), f"{arguments}", LIMIT)


def a_monitor_prints_what_the_broker_says():
    with Mosquitto() as broker, Client(broker.port, "peer") as peer:
        with Bridge("mqtt", "--broker", broker.url, "--monitor", "--json", "--kind", "event") as one:
            eventually(lambda: "SUBACK" in broker.text(), "it has subscribed", LIMIT)
            peer.published("a", "5", 1)
            assert one.process.stdout.readline().strip() == '{"address":"/mqtt/a","signal":"event","value":5}'


run(messages_go_both_ways_in_every_version_and_qos, our_own_broker_is_one_too, late_joiners_of_both_sides_get_the_state, odd_topics_come_back_as_they_were,
    a_broker_that_forgot_everything_is_subscribed_to_again, a_refused_password_is_told_and_not_tried_again_soon, tls_checks_who_is_there,
    nothing_is_lost_while_the_router_restarts, a_bridge_that_dies_leaves_its_will, two_bridges_in_a_circle_are_no_storm, two_routers_share_a_broker,
    it_runs_in_the_router_and_reports, sdks_and_older_flags_start_it, a_monitor_prints_what_the_broker_says,
    beside=(two_bridges_with_one_id_are_no_storm,))
