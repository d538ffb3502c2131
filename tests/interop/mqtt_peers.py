"""Published MQTT clients against the real router: mosquitto_pub and mosquitto_sub, and paho-mqtt over TCP and WebSocket."""
import subprocess
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from harness import native
from harness.router import Router, eventually, run


def pub(port, *arguments):
    done = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), *arguments], capture_output=True, text=True, timeout=native.LIMIT)
    assert done.returncode == 0, f"mosquitto_pub {arguments}: {done.stderr}"


class Sub:
    """mosquitto_sub, subscribed when it is there; one line for each message."""

    def __init__(self, port, *arguments):
        self.process = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", "127.0.0.1", "-p", str(port), "-F", "%r%q %t=%p", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while "Subscribed" not in (line := self.process.stdout.readline()):
            assert line, "mosquitto_sub has ended"

    def line(self):
        while line := self.process.stdout.readline():
            if line[:1].isdigit():
                return line.strip()
        raise AssertionError("mosquitto_sub has ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def mosquitto_clients():
    for version in ("mqttv311", "mqttv5"):
        with Router() as router:
            options = ("-V", version)
            with Sub(router.port, *options, "-t", "lights/#", "-q", "2") as sub:
                for qos in "012":
                    pub(router.port, *options, "-t", f"lights/{qos}/dim", "-m", "0.7", "-q", qos)
                    assert sub.line() == f"0{qos} lights/{qos}/dim=0.7"
                pub(router.port, *options, "-t", "lights/kept", "-m", "on", "-q", "1", "-r")
                assert sub.line() == "01 lights/kept=on"
                with Sub(router.port, *options, "-t", "lights/kept", "-q", "1") as late:
                    assert late.line() == "11 lights/kept=on"
                router.clasp("set", "/lights/3/dim", "0.25")
                assert sub.line() == "01 lights/3/dim=0.25"
                assert '"on"' in router.clasp("get", "/lights/kept")
                pub(router.port, *options, "-t", "lights/kept", "-n", "-r")
                assert sub.line() == "00 lights/kept="


def a_will_of_mosquitto_sub():
    with Router() as router, Sub(router.port, "-t", "w/#") as watch:
        with Sub(router.port, "-t", "x", "--will-topic", "w/s", "--will-payload", "gone", "--will-retain"):
            pass
        assert watch.line() == "00 w/s=gone"
        assert "gone" in router.clasp("get", "/w/s")


class Paho:
    """A client with its thread; messages as (topic, payload)."""

    def __init__(self, port, name, protocol, transport):
        self.messages, self.ready = [], threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol, transport=transport)
        self.client.on_message = lambda client, data, message: self.messages.append(message)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def subscribe(self, name, qos):
        self.ready.clear()
        self.client.subscribe(name, qos=qos)
        assert self.ready.wait(native.LIMIT), "no SUBACK"

    def publish(self, *arguments, **options):
        self.client.publish(*arguments, **options).wait_for_publish(native.LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


def paho_clients():
    for protocol in (paho.MQTTv311, paho.MQTTv5):
        for transport in ("tcp", "websockets"):
            with Router() as router, Paho(router.port, "s", protocol, transport) as sub, Paho(router.port, "p", protocol, transport) as publisher:
                sub.subscribe("t/#", 2)
                options = {}
                if protocol == paho.MQTTv5:
                    options["properties"] = Properties(PacketTypes.PUBLISH)
                    options["properties"].UserProperty = ("a", "2")
                for qos in range(3):
                    for size in (0, 1, 127, 128, 20_000, 150_000):
                        publisher.publish(f"t/{qos}/{size}", bytes(size), qos=qos, **options)
                eventually(lambda: len(sub.messages) == 18, f"18 messages over {transport}", 30)
                assert [(message.topic, len(message.payload), message.qos) for message in sub.messages] == [
                    (f"t/{qos}/{size}", size, qos) for qos in range(3) for size in (0, 1, 127, 128, 20_000, 150_000)]
                if protocol == paho.MQTTv5:
                    assert all(message.properties.UserProperty == [("a", "2")] for message in sub.messages)


if __name__ == "__main__":
    run(mosquitto_clients, a_will_of_mosquitto_sub, paho_clients)
