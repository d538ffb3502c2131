"""`clasp http` and [[bridge]] type = "http" with the real binary: the HTTP interface in front of a router that is elsewhere, polls of a device, webhooks with
their signatures; and servers that are slow, refuse, redirect in a circle, answer ten megabytes, fail, or hang up in the middle."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from harness import native
from harness.checks import MIB
from harness.http import Api, Events
from harness.native import PUBLISH, SET, Peer
from harness.router import Router, Skipped, eventually, run

LIMIT = 60
CLASP = os.environ["CLASP_BINARY"]


class Device:
    """An HTTP server whose every answer is made by `behave(request) -> (status, headers, body)`; it may also do what it likes with the connection."""

    class Request:
        def __init__(self, handler, body):
            self.method, self.path, self.headers, self.body = handler.command, handler.path, handler.headers, body
            self.handler = handler

        def json(self):
            return json.loads(self.body)

    def __init__(self, behave, tls=None):
        self.requests, self.over = [], threading.Event()
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Device.Request(self, body)
                device.requests.append(request)
                answer = behave(request)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, data = answer
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                with contextlib.suppress(OSError):  # who hangs up on us is no fault of ours
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if status != 304:
                        self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    if status != 304:
                        self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.server.handle_error = lambda *_: None  # handshakes that fail are what is tested
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def paths(self):
        return [request.path for request in self.requests]

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Bridge:
    """`clasp http …`, from its ready line to SIGTERM. What it says is kept."""

    def __init__(self, *arguments, binary=CLASP):
        self.said = ""
        self.process = subprocess.Popen([binary, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        assert self.ready.wait(LIMIT) and "is ready" in self.said, f"clasp {' '.join(arguments)}: {self.said}"
        port = re.search(r"http port (\d+)", self.said)
        self.port = int(port[1]) if port else None

    def read(self):
        for line in self.process.stderr:
            self.said += line
            if "is ready" in line:
                self.ready.set()
        self.ready.set()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.said, flush=True)
            self.process.kill()
        else:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.reader.join()
            self.process.stderr.close()
        assert kind is not None or code == 0, f"ended with {code}: {self.said}"


def read(peer, address):
    """A param's value; None if there is none."""
    param = peer.read_param(address)
    return None if param is None else param.value


def curl(bridge, path, *options):
    done = subprocess.run(["curl", "-sS", "-g", "--noproxy", "*", "--max-time", "60", *options, f"http://127.0.0.1:{bridge.port}{path}"],
                          capture_output=True, text=True, check=True)
    return done.stdout


# ---- server mode ----

def the_reference_routes_reach_a_router_elsewhere():
    with Router() as router, Peer(router.port) as desk:
        desk.answer(native.subscribe(1, "/**"), native.get("/nothing", qos=1))
        desk.answer(native.set_param("/http/there", 7, qos=1))
        with Bridge("http", "--bind", "127.0.0.1:0", "--router", router.url) as bridge:
            eventually(lambda: curl(bridge, "/readyz") == "ready\n", "the router is reached", LIMIT)
            eventually(lambda: json.loads(curl(bridge, "/api/signals")) == {"signals": [{"address": "/http/there", "value": 7}], "count": 1}, "the state", LIMIT)
            assert json.loads(curl(bridge, "/api/foo/bar", "-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"value":1.5}')) == \
                {"address": "/http/foo/bar", "value": 1.5, "status": "set"}
            assert json.loads(curl(bridge, "/api/http/foo/bar")) == {"address": "/http/foo/bar", "value": 1.5}, "read where it is, at once"
            assert json.loads(curl(bridge, "/api/go", "-H", "Content-Type: application/json", "-d", "true"))["status"] == "published"
            desk.until(lambda: [m.address for m in desk.kinds(PUBLISH)] == ["/http/go"], "the event")
            desk.answer(native.set_param("/http/foo/bar", 9, qos=1))
            eventually(lambda: json.loads(curl(bridge, "/api/http/foo/bar"))["value"] == 9, "somebody else's value", LIMIT)
            assert json.loads(curl(bridge, "/api/foo/bar", "-X", "DELETE"))["status"] == "deleted"
            assert read(desk, "/http/foo/bar") is None
            assert "404" in curl(bridge, "/api/http/foo/bar", "-i").splitlines()[0]


def the_documented_interface_is_there_too():
    with Router() as router, Bridge("http", "--bind", "127.0.0.1:0", "--router", router.url, "--read", "/**") as bridge, Api(bridge) as api, Peer(router.port) as desk:
        eventually(lambda: curl(bridge, "/readyz") == "ready\n", "the router is reached", LIMIT)
        with Events(bridge, "/v1/subscribe/lights/**") as stream:
            stream.until_live()
            assert api.put("/state/lights/1", 0.5) == (200, {"address": "/lights/1", "value": 0.5, "revision": 1})
            desk.answer(native.set_param("/lights/1", 1, qos=1))
            stream.until(lambda: stream.values() == [("/lights/1", 0.5), ("/lights/1", 1)], "both values")
        assert api.get("/state/lights/1")[1]["revision"] == 2, "as the router counts"
        assert api.put("/state/lights/1", 2, If_Match='"1"')[0] == 409
        assert api.post("/bundle", {"operations": [{"set": ["/a", 1]}, {"emit": ["/go", 2]}]})[0] == 200
        assert read(desk, "/a") == 1
        assert api.get("/openapi.json")[1]["openapi"] == "3.1.0"


def a_refusal_of_the_router_is_the_answer():
    with Router("--strategy", "/max/**=max", "--max-params", "3") as router, Bridge("http", "--bind", "127.0.0.1:0", "--router", router.url, "--read", "/**") as bridge, \
            Api(bridge) as api:
        eventually(lambda: curl(bridge, "/readyz") == "ready\n", "the router is reached", LIMIT)
        assert api.put("/state/max/a", 5)[0] == 200
        assert api.put("/state/max/a", 3)[0] == 409, api.get("/state/max/a")
        assert api.put("/state/b", 1)[0] == 200 and api.put("/state/c", 1)[0] == 200
        status, document = api.put("/state/d", 1)
        assert status == 409 and "maximum of 3 params" in document["error"], (status, document)


def while_the_router_is_away_the_answer_is_503():
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))
        port = keeper.getsockname()[1]
    with Bridge("http", "--bind", "127.0.0.1:0", "--router", f"ws://127.0.0.1:{port}") as bridge, Api(bridge) as api:
        status, document = api.put("/state/http/a", 1)
        assert status == 503 and "router" in document["error"], (status, document)
        with Router(listen=f"127.0.0.1:{port}"):
            eventually(lambda: api.put("/state/http/a", 1)[0] == 200, "the router is back", LIMIT)
        eventually(lambda: api.get("/state/http/a")[0] == 503, "it is gone", LIMIT)
        with Router(listen=f"127.0.0.1:{port}"):
            eventually(lambda: api.get("/snapshot") == (200, {}), "what it has forgotten is forgotten here", LIMIT)


def tokens_and_faults_are_as_in_the_router():
    with Router() as router, Bridge("http", "--bind", "127.0.0.1:0", "--router", router.url, "--listen-token", "sesame", "--no-cors") as bridge:
        assert " 401 " in curl(bridge, "/api/signals", "-i")
        eventually(lambda: "count" in curl(bridge, "/api/signals", "-u", "me:sesame"), "with the password", LIMIT)
        assert "Access-Control" not in curl(bridge, "/api/signals", "-i", "-H", "X-API-Key: sesame", "-H", "Origin: http://evil.example")
        with socket.create_connection(("127.0.0.1", bridge.port)) as connection:
            connection.sendall(b"BREW /pot HTCPCP/1.0\r\n\r\n")
            assert connection.recv(1000) == b"", "no HTTP at all: as every port of ours"
        assert json.loads(curl(bridge, "/nothing"))["error"] == "no such route: /nothing"
        upgrade = curl(bridge, "/", "-i", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        assert "no WebSocket here" in upgrade, upgrade


def a_server_in_the_routers_own_process():
    with Router("--bridge", "http bind=127.0.0.1:0 namespace=/web") as router, Peer(router.port) as desk:
        class There:
            port = int(re.search(r"http port (\d+)", router.ready_line)[1])

        assert json.loads(curl(There, "/api/x", "-X", "PUT", "-H", "Content-Type: application/json", "-d", "1"))["address"] == "/web/x"
        assert read(desk, "/web/x") == 1
        desk.answer(native.set_param("/web/y", 2, qos=1))
        assert json.loads(curl(There, "/v1/snapshot")) == {"/web/x": 1, "/web/y": 2}
        assert router.metrics()['clasp_bridge_total{bridge="http-bridge",what="requests"}'] == 2
        assert "http port" in router.clasp("bridge", "list")


# ---- polls ----

def a_device_that_is_polled_becomes_params():
    """Only what changes is written, and the device is told what we have already."""
    state = {"meter": {"watts": 12.5}, "relay": [True]}

    def plug(request):
        tag = '"' + hashlib.sha1(json.dumps(state).encode()).hexdigest() + '"'
        if request.headers.get("If-None-Match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag, "Content-Type": "application/json"}, state

    with Device(plug) as device, Router() as router, Peer(router.port) as desk:
        desk.answer(native.subscribe(1, "/**"), native.get("/nothing", qos=1))
        with Bridge("http", "--mode", "client", "--router", router.url, "--poll", f"{device.url}/status every=50ms watts=$.meter.watts /room/on=/relay/0"):
            desk.until(lambda: len(desk.kinds(SET)) >= 2, "both values")
            eventually(lambda: sum(r.headers.get("If-None-Match") is not None for r in device.requests) > 5, "asked on", LIMIT)
            assert sorted((m.address, m.value) for m in desk.kinds(SET)) == [("/http/watts", 12.5), ("/room/on", True)]
            state["meter"]["watts"] = 20
            desk.until(lambda: len(desk.kinds(SET)) >= 3, "the change")
            heard = [(m.address, m.value) for m in desk.kinds(SET)]
            assert heard[2:] == [("/http/watts", 20)], heard


def two_routers_mirror_over_the_reference_routes():
    """A client as the reference has it: PUT of what is below the namespace, and the other's signals polled."""
    with Router("--http", "--http-namespace", "") as other, Router() as router, Peer(router.port) as desk, Api(other) as there:
        with Bridge("http", "--mode", "client", "--sync", "--url", f"http://127.0.0.1:{other.port}/v1/state", "--router", router.url):
            desk.answer(native.set_param("/http/lamp/on", True, qos=1))
            eventually(lambda: there.get("/state/http/lamp/on")[0] == 200, "it is there too", LIMIT)
        with Bridge("http", "--mode", "client", "--url", f"http://127.0.0.1:{other.port}", "--mirror", "false", "--poll-interval", "50ms", "--router", router.url,
                    "--namespace", "/other"):
            eventually(lambda: read(desk, "/other/http/lamp/on") is True, "and comes from there", LIMIT)


def servers_that_misbehave_cost_nobody_anything():
    """One poll each of every kind; a good one beside them goes on, memory stays, and each is named once a second at most."""
    def bad(request):
        kind = request.path.split("/")[1]
        if kind == "good":
            return 200, {}, {"n": len(device.requests)}
        if kind == "slow":
            device.over.wait(LIMIT)
            return 200, {}, {"n": 1}
        if kind.startswith("circle"):
            return 302, {"Location": request.path + "x"}, b""
        if kind == "elsewhere":
            return 302, {"Location": f"{inside.url}/secret"}, b""
        if kind == "huge":
            return 200, {"Content-Type": "application/json"}, b'{"n":"' + b"x" * 10_000_000 + b'"}'
        if kind == "error":
            return 500, {}, b"oops"
        if kind == "text":
            return 200, {}, b"<html>"
        if kind == "deep":
            return 200, {}, b"[" * 100_000 + b"]" * 100_000
        request.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")  # "early"
        return None

    kinds = ("slow", "circle", "elsewhere", "huge", "error", "text", "deep", "early")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refusing = closed.getsockname()[1]
        inside = Device(lambda request: (200, {}, {"n": "secret"}))
        device = Device(bad)
        with inside, device, Router() as router, Peer(router.port) as desk:
            polls = [f"{device.url}/{kind} every=50ms {kind}=/n" for kind in (*kinds, "good")] + [f"http://127.0.0.1:{refusing}/ every=50ms refusing=/n"]
            with Bridge("http", "--mode", "client", "--router", router.url, "--timeout", "300ms", *(word for poll in polls for word in ("--poll", poll))) as bridge:
                eventually(lambda: sum(path.startswith("/huge") for path in device.paths()) >= 3, "asked again", LIMIT)
                eventually(lambda: sum(path == "/good" for path in device.paths()) >= 20, "the good one is asked on", LIMIT)
                with open(f"/proc/{bridge.process.pid}/status") as status:
                    rss = int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024
                assert rss < 64 * MIB, f"{rss / MIB:.0f} MiB"
                for kind, why in {"slow": "no answer in time", "circle": "redirects more than 5 times", "elsewhere": "redirects to another place", "huge": "larger than 1048576 bytes",
                                  "error": "answered 500", "text": "no JSON", "deep": "no JSON", "early": "cannot poll"}.items():
                    eventually(lambda: any(f"/{kind}: " in line and why in line for line in bridge.said.splitlines()), f"{kind}: {why}, in {bridge.said}", LIMIT)
                eventually(lambda: f"cannot poll http://127.0.0.1:{refusing}/" in bridge.said, "who refuses", LIMIT)
            assert not inside.requests, "nobody was sent elsewhere"
            state = {address: read(desk, f"/http/{address}") for address in (*kinds, "refusing", "good")}
            assert isinstance(state.pop("good"), int) and set(state.values()) == {None}, state


# ---- webhooks ----

def signed(request, secret):
    return "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()


def a_webhook_tells_what_happened_and_proves_who_said_it():
    """In the router's own process, from a table of its file."""
    with Device(lambda request: (204, {}, b"")) as device, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "show.toml")
        with open(path, "w") as file:
            file.write(f'[[bridge]]\ntype = "http"\nmode = "client"\nheader = ["Authorization: Bearer x"]\n'
                       f'webhook = ["/alarm/** {device.url}/hook?k=1 secret=\\"s 3\\""]\nsend = ["/lamp/{{n}}/on {device.url}/no"]\n'.replace("/lamp/{n}/on", "/lamp/*/on")
                       .replace(f"{device.url}/no", f"{device.url}{{address}} body=wrapped"))
        with Router("--config", path) as router, Peer(router.port) as desk:
            desk.answer(native.set_param("/alarm/door", "open", qos=1), native.set_param("/lamp/3/on", True, qos=1), native.set_param("/other", 1, qos=1))
            desk.send(native.publish("/alarm/bell", 3))
            eventually(lambda: len(device.requests) == 3, f"three requests: {device.paths()}", LIMIT)
            hooks = [request for request in device.requests if request.path == "/hook?k=1"]
            door, bell = hooks
            assert [request.method for request in hooks] == ["POST", "POST"]
            document = door.json()
            assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", document.pop("time"))
            assert document == {"address": "/alarm/door", "value": "open", "signal": "param", "revision": 1}, document
            assert bell.json()["signal"] == "event" and bell.json()["value"] == 3
            for request in hooks:
                assert request.headers["X-Clasp-Signature"] == signed(request, "s 3")
                assert request.headers["Content-Type"] == "application/json" and request.headers["Authorization"] == "Bearer x"
            assert len({request.headers["X-Clasp-Delivery"] for request in hooks}) == 2
            (lamp,) = [request for request in device.requests if request.path == "/lamp/3/on"]
            assert (lamp.method, lamp.json(), lamp.headers["X-Clasp-Signature"]) == ("PUT", {"value": True}, None)


def a_webhook_that_fails_is_repeated_and_one_that_is_slow_gets_the_newest():
    failing = {"left": 2}

    def moody(request):
        if request.path == "/moody" and failing["left"] > 0:
            failing["left"] -= 1
            return 503, {}, b""
        if request.path == "/slow":
            time.sleep(0.2)
        return 200, {}, b""

    with Device(moody) as device, Router() as router, Peer(router.port) as desk:
        rules = [f"/go {device.url}/moody", f"/fader {device.url}/slow", f"/fader {device.url}/rate rate=5"]
        with Bridge("http", "--mode", "client", "--router", router.url, *(word for rule in rules for word in ("--webhook", rule))) as bridge:
            eventually(lambda: len(router.clasp("bridge", "list").splitlines()) >= 3, "the bridge is there", LIMIT)
            desk.send(native.publish("/go", 1))
            eventually(lambda: device.paths().count("/moody") == 3, "the third time it is taken", LIMIT)
            ids = {request.headers["X-Clasp-Delivery"] for request in device.requests if request.path == "/moody"}
            assert len(ids) == 1 and "/moody: answered 503; trying again" in bridge.said, (ids, bridge.said)
            for n in range(1, 1001):
                desk.send(native.set_param("/fader", n))
            for path in ("/slow", "/rate"):
                eventually(lambda: [r.json()["value"] for r in device.requests if r.path == path][-1:] == [1000], f"the newest at {path}", LIMIT)
                values = [request.json()["value"] for request in device.requests if request.path == path]
                assert values == sorted(values) and len(values) < 100, values


def a_webhook_whose_server_comes_late_gets_the_newest_state():
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))
        port = keeper.getsockname()[1]
    with Router() as router, Peer(router.port) as desk, \
            Bridge("http", "--mode", "client", "--router", router.url, "--webhook", f"/p/** http://127.0.0.1:{port}/ retries=0") as bridge:
        eventually(lambda: len(router.clasp("bridge", "list").splitlines()) >= 2, "the bridge is there", LIMIT)
        for n in range(20):
            desk.answer(native.set_param("/p/a", n, qos=1), native.set_param("/p/b", n, qos=1))
        eventually(lambda: "the newest values wait until it is back" in bridge.said, "told", LIMIT)
        got = []

        class Late(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                got.append((document["address"], document["value"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", port), Late)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            eventually(lambda: {("/p/a", 19), ("/p/b", 19)} <= set(got), "the newest of both", LIMIT)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


# ---- the network ----

def certificates_are_checked():
    if not shutil.which("openssl"):
        raise Skipped("no openssl to make a certificate")
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True, timeout=LIMIT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Device(lambda request: (200, {}, {"v": request.path[1:]}), context) as device, Router() as router, Peer(router.port) as desk:
            url = device.url.replace("http:", "https:")
            with Bridge("http", "--mode", "client", "--router", router.url, "--poll", f"{url}/1 every=50ms x=/v") as bridge:
                eventually(lambda: "certificate" in bridge.said, "refused", LIMIT)
                assert not device.requests and read(desk, "/http/x") is None
            for option, value in ((["--ca", certificate], "2"), (["--insecure"], "3")):
                with Bridge("http", "--mode", "client", "--router", router.url, "--poll", f"{url}/{value} every=50ms x=/v", *option):
                    eventually(lambda: read(desk, "/http/x") == value, f"taken with {option}", LIMIT)


def a_name_server_that_does_not_answer_holds_up_nobody():
    """Names are looked up on threads; the poll beside them goes on, and the end does not wait for them."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("no namespaces of our own")
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "clasp")
        with open(os.path.join(folder, "resolv.conf"), "w") as file:
            file.write("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
        with open(script, "w") as file:
            file.write(f'#!/bin/sh\nexec unshare -m sh -c \'mount --bind {folder}/resolv.conf /etc/resolv.conf && exec "$@"\' sh {CLASP} "$@"\n')
        os.chmod(script, 0o755)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            try:
                deaf.bind(("127.0.0.1", 53))  # takes every question and answers none
            except OSError as error:
                raise Skipped(f"port 53: {error}") from error
            with Device(lambda request: (200, {}, {"v": 1})) as device, Router() as router:
                polls = ("--poll", "http://nobody.example/ every=50ms y=/v", "--poll", f"{device.url}/ every=50ms x=/v")
                with Bridge("http", "--mode", "client", "--timeout", "200ms", "--router", router.url.replace("localhost", "127.0.0.1"), *polls, binary=script) as bridge:
                    eventually(lambda: len(device.requests) > 20, "the other poll goes on", LIMIT)
                    eventually(lambda: "cannot poll http://nobody.example/: no answer in time" in bridge.said, "given up", LIMIT)
                    began = time.monotonic()
                    bridge.process.terminate()
                    assert bridge.process.wait(LIMIT) == 0 and time.monotonic() - began < 20, "it does not wait for the name server"


# ---- what can be said wrong ----

def what_makes_no_sense_is_said_at_the_start():
    for arguments, message in ((["--mode", "client"], "needs something to do"), (["--webhook", "/a http://b/"], "--webhook is for --mode client"),
                               (["--mode", "client", "--webhook", "/a http://{name}/"], "a placeholder may not be part of the host"),
                               (["--mode", "client", "--poll", "http://h/ x=$..["], "--poll"), (["--bind", "127.0.0.1:x"], "--bind")):
        done = subprocess.run([CLASP, "http", *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == 2 and message in done.stderr, (arguments, done)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run([CLASP, "http", "--bind", f"127.0.0.1:{taken.getsockname()[1]}"], capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == 1 and "in use" in done.stderr, done  # 3 is: no router there


run(the_reference_routes_reach_a_router_elsewhere, the_documented_interface_is_there_too, a_refusal_of_the_router_is_the_answer,
    while_the_router_is_away_the_answer_is_503, tokens_and_faults_are_as_in_the_router, a_server_in_the_routers_own_process, a_device_that_is_polled_becomes_params,
    two_routers_mirror_over_the_reference_routes, servers_that_misbehave_cost_nobody_anything, a_webhook_tells_what_happened_and_proves_who_said_it,
    a_webhook_that_fails_is_repeated_and_one_that_is_slow_gets_the_newest, a_webhook_whose_server_comes_late_gets_the_newest_state,
    certificates_are_checked, a_name_server_that_does_not_answer_holds_up_nobody, what_makes_no_sense_is_said_at_the_start)
