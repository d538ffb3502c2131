"""Rules with the real binary: from a file, read again, as params, over HTTP, MQTT and OSC, webhooks, and `clasp rules`."""
import contextlib
import hmac
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from harness import mqtt, native
from harness.http import Api
from harness.native import PUBLISH, SET, Peer
from harness.router import Router, eventually, run

LIMIT = 60
CLASP = os.environ["CLASP_BINARY"]


def rule(name, trigger, *actions, **more):
    return {"id": name, "trigger": trigger, "actions": list(actions), **more}


def on_change(pattern):
    return {"type": "on_change", "pattern": pattern}


def sets(address, value):
    return {"type": "set", "address": address, "value": value}


@contextlib.contextmanager
def rules_file(rules):
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(rules, file, indent=1)
    try:
        yield file.name
    finally:
        os.unlink(file.name)


def rewrite(path, text):
    with open(path, "w") as file:
        file.write(text)


def value(router, address):
    return router.clasp("get", address, check=False)


def from_a_file_and_read_again():
    door = rule("hall", on_change("/door/*"), sets("/hall", 1), {"type": "delay", "milliseconds": 200}, sets("/hall", 0))
    with rules_file([door]) as path, tempfile.NamedTemporaryFile("w+", suffix=".log") as log, Router("--rules", path, log=log) as router:
        def logged(text):
            with open(log.name) as lines:
                return text in lines.read()

        with Peer(router.port) as watching:
            watching.answer(native.subscribe(1, "/hall"))
            watching.take()
            router.clasp("set", "/door/1", "true")
            watching.until(lambda: len(watching.kinds(SET)) == 2, "on, and off again")
            assert [message.value for message in watching.kinds(SET)] == [1, 0]
        assert router.metrics()['clasp_rule_total{rule="hall",what="fired"}'] == 1

        rewrite(path, json.dumps([rule("hall", on_change("/door/*"), sets("/hall", 5))]))
        router.signal(signal.SIGHUP)
        eventually(lambda: '"value":5' in value(router, "/clasp/rules/hall"), "the rule is another one", LIMIT)
        router.clasp("set", "/door/1", "true")
        assert value(router, "/hall") == "5"

        rewrite(path, '[\n{"id": "hall",\n "trigger": {"type": "on_chnage"}}]')
        router.signal(signal.SIGHUP)
        eventually(lambda: logged("the configuration was not read again"), "the mistake is told", LIMIT)
        assert logged(f'{path}:3: rule "hall": /trigger: there is no trigger')
        router.clasp("set", "/hall", "0")
        router.clasp("set", "/door/1", "true")
        assert value(router, "/hall") == "5", "the old rule stays in force"

        rewrite(path, "[]")
        router.signal(signal.SIGHUP)
        eventually(lambda: value(router, "/clasp/rules/hall") == "", "it is gone", LIMIT)


def begun_while_it_runs():
    """A router that was started without rules takes some up; what clients had set there before is none."""
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "clasp.toml")
        rewrite(config, "")
        with Router("--config", config) as router:
            router.clasp("set", "/clasp/rules/evil", json.dumps(rule("evil", on_change("/x"), sets("/evil", 1))))
            rewrite(config, '[[rule]]\nid = "a"\ntrigger = { type = "on_change", pattern = "/x" }\nactions = [ { type = "set", address = "/a", value = 1 } ]\n')
            router.signal(signal.SIGHUP)
            eventually(lambda: '"id":"a"' in value(router, "/clasp/rules/a"), "the rule is there", LIMIT)
            router.clasp("set", "/x", "1")
            assert value(router, "/a") == "1" and value(router, "/evil") == ""
            rewrite(config, "")
            router.signal(signal.SIGHUP)
            eventually(lambda: value(router, "/clasp/rules/a") == "", "it is gone", LIMIT)


def a_threshold_knows_its_side_after_a_restart():
    """Field case C34 with the state on the disk: what was beyond the limit before a kill is no crossing after it."""
    trigger = {"type": "on_threshold", "address": "/r/t", "below": 10}
    with rules_file([rule("low", trigger, {"type": "publish", "address": "/r/alarm"})]) as path, tempfile.TemporaryDirectory() as folder:
        options = ["--rules", path, "--journal", os.path.join(folder, "show.db"), "--durability", "sync"]

        def firings(router, values):
            for given in values:
                router.clasp("set", "/r/t", given)
            return router.metrics()['clasp_rule_total{rule="low",what="fired"}']

        router = Router(*options)
        try:
            assert firings(router, ["12", "9.0"]) == 1
            assert firings(router, ["8", "7.0"]) == 1
        finally:
            router.process.kill()
        assert router.dies() == -signal.SIGKILL
        with Router(*options) as router, Peer(router.port) as watching:
            watching.answer(native.subscribe(1, "/r/**"))
            watching.take()
            assert firings(router, ["6", "null", "5.0", '"unavailable"', "4", "12"]) == 0
            assert firings(router, ["9.5", "10", "9"]) == 2
            watching.until(lambda: len(watching.kinds(PUBLISH)) == 2, "two alarms")
        with Router(*options[2:]) as router:
            assert router.clasp("rules", "list") == "", "the journal knows of rules; this router has none"
            assert value(router, "/clasp/rules/low") == "" and value(router, "/r/t") == "9"


def a_faulty_file_does_not_start():
    with rules_file([rule("hall", on_change("/x"))]) as path:
        done = subprocess.run([CLASP, "server", "--rules", path], capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 2 and 'rule "hall": /actions: a rule must have at least one action' in done.stderr, done.stderr
        assert f"{path}:" in done.stderr
    done = subprocess.run([CLASP, "server", "--rules", "/no/such.json"], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2 and "/no/such.json" in done.stderr


def changed_while_it_runs():
    with Router("--rules-runtime", "--http") as router, rules_file([rule("a", on_change("/x"), sets("/a", 1))]) as path, Api(router) as api:
        assert router.clasp("rules", "add", path) == "rule a is in force"
        router.clasp("set", "/x", "1")
        assert value(router, "/a") == "1"
        status, answer = api.put("/state/clasp/rules/b", {"value": {"trigger": on_change("/x"), "actions": [sets("/b", 2)]}})
        assert status == 200, answer
        assert api.get("/state/clasp/rules/b")[1]["value"]["id"] == "b"
        router.clasp("set", "/x", "1")
        assert value(router, "/b") == "2"
        status, answer = api.put("/state/clasp/rules/c", {"value": {"trigger": on_change("/x"), "actions": []}})
        assert status in (400, 409, 422) and "at least one action" in json.dumps(answer), (status, answer)
        lines = router.clasp("rules", "list").splitlines()
        assert [line.split()[:2] for line in lines] == [["a", "on"], ["b", "on"]], lines
        assert router.clasp("rules", "disable", "a") == "rule a is off"
        assert router.clasp("rules", "list").splitlines()[0].split()[:2] == ["a", "off"]
        assert json.loads(router.clasp("rules", "list", "--json").splitlines()[0])["enabled"] is False
        router.clasp("set", "/a", "0")
        router.clasp("set", "/x", "1")
        assert value(router, "/a") == "0"
        assert router.clasp("rules", "remove", "a") == "rule a is gone"
        assert api.delete("/state/clasp/rules/b")[0] in (200, 204)
        assert router.clasp("rules", "list") == ""
        missing = subprocess.run([CLASP, "rules", "remove", "a"], capture_output=True, text=True, env={**os.environ, "CLASP_URL": router.url}, timeout=LIMIT)
        assert missing.returncode == 1 and "there is no rule a" in missing.stderr, missing.stderr


def not_changed_without_leave():
    with rules_file([rule("a", on_change("/x"), sets("/a", 1))]) as path, Router("--rules", path) as router:
        refused = subprocess.run([CLASP, "rules", "disable", "a"], capture_output=True, text=True, env={**os.environ, "CLASP_URL": router.url}, timeout=LIMIT)
        assert refused.returncode == 4 and "--rules-runtime" in refused.stderr, refused
        assert '"enabled":true' in value(router, "/clasp/rules/a")


def thresholds_by_mqtt_and_osc():
    """Field case C34: the value arrives by MQTT and OSC, integers and floats mixed; three firings in all."""
    def osc(address, tag, number):
        def padded(text):
            data = text.encode() + b"\0"
            return data + b"\0" * (-len(data) % 4)
        return padded(address) + padded("," + tag) + struct.pack(">" + tag, number)

    trigger = {"type": "on_threshold", "address": "/osc/r/t", "below": 10}
    with rules_file([rule("low", trigger, {"type": "publish", "address": "/r/alarm"})]) as path, Router("--rules", path) as router:
        with Peer(router.port) as watching, mqtt.Client(router.port, "sensor") as sensor, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.connect(("127.0.0.1", router.osc_port))
            watching.answer(native.subscribe(1, "/**"))
            watching.take()
            for by, content in [("mqtt", "12"), ("osc", 9), ("mqtt", "8.0"), ("osc", 7.5), ("mqtt", "null"), ("mqtt", "5"), ("mqtt", "unavailable"), ("osc", 4),
                                ("mqtt", "12.5"), ("osc", 9.5), ("mqtt", "10"), ("osc", 9)]:
                before = len([m for m in watching.kinds(SET) if m.address == "/osc/r/t"])
                if by == "osc":
                    device.send(osc("/r/t", "i" if isinstance(content, int) else "f", content))
                else:
                    sensor.publish("osc/r/t", content, retain=True)
                watching.until(lambda seen=before: len([m for m in watching.kinds(SET) if m.address == "/osc/r/t"]) > seen, f"{content} by {by}")
            router.clasp("emit", "/r/end")
            watching.until(lambda: any(m.address == "/r/end" for m in watching.kinds(PUBLISH)), "the end")
            assert len([m for m in watching.kinds(PUBLISH) if m.address == "/r/alarm"]) == 3


def webhooks():
    heard, deliveries = [], []
    arrived = threading.Event()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["X-Clasp-Signature"] == "sha256=" + hmac.new(b"s3cret", content, "sha256").hexdigest()
            deliveries.append((self.path, self.headers["X-Clasp-Delivery"]))
            heard.append((self.path, self.headers["Content-Type"], json.loads(content)))
            fails = self.path == "/refuses" or (self.path == "/comes-back" and deliveries.count(deliveries[-1]) < 3)
            self.send_response((400 if self.path == "/refuses" else 503) if fails else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        rules = [rule("hook", on_change("/x"), {"type": "webhook", "url": url + "/hook"}),
                 rule("fails", on_change("/y"), {"type": "webhook", "url": url + "/refuses", "body": {"a": 1}}),
                 rule("comes back", on_change("/z"), {"type": "webhook", "url": url + "/comes-back"})]
        with rules_file(rules) as path, Router("--rules", path, "--webhook-secret", "s3cret") as router:
            router.clasp("set", "/x", "0.5")
            assert arrived.wait(LIMIT)
            where, kind, body = heard[0]
            assert (where, kind) == ("/hook", "application/json") and body.pop("time") > 1e15
            assert body == {"rule": "hook", "address": "/x", "value": 0.5}, body
            router.clasp("set", "/y", "1")
            eventually(lambda: router.metrics()['clasp_rule_total{rule="fails",what="failed"}'] == 1, "the failure is counted", LIMIT)
            assert heard[1:] == [("/refuses", "application/json", {"a": 1})], "once only"
            router.clasp("set", "/z", "2")
            eventually(lambda: router.metrics()['clasp_webhooks_total{what="delivered"}'] == 2, "the third attempt got there", LIMIT)
            assert [kind for kind, _, _ in heard[2:]] == ["/comes-back"] * 3 and len(set(deliveries[2:])) == 1, deliveries
            assert router.metrics()['clasp_webhooks_total{what="retries"}'] == 2
            assert router.metrics()['clasp_rule_total{rule="hook",what="failed"}'] == 0
        server.shutdown()


run(from_a_file_and_read_again, begun_while_it_runs, a_threshold_knows_its_side_after_a_restart, a_faulty_file_does_not_start, changed_while_it_runs, not_changed_without_leave, thresholds_by_mqtt_and_osc, webhooks)
