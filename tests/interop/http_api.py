"""The HTTP interface of the real router with curl, Python's http.client and a reader of event streams; and inputs on which other software failed."""
import json
import math
import socket
import struct
import subprocess
import time

from harness import native
from harness.checks import MIB, alive, connected, read_to_the_end
from harness.http import Api, Events, curl
from harness.native import SET, Peer
from harness.router import Router, eventually, run


def http_answers(connection, count):
    """So many answers with Content-Length off a connection, as (status, body)."""
    data, answers = b"", []
    while len(answers) < count:
        head, found, rest = data.partition(b"\r\n\r\n")
        if found:
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            if len(rest) >= length:
                answers.append((int(head.split()[1]), rest[:length]))
                data = rest[length:]
                continue
        piece = connection.recv(65536)
        assert piece, f"closed after {answers}, {data!r}"
        data += piece
    return answers


def desk(router):
    watching = Peer(router.port)
    watching.answer(native.subscribe(1, "/**"), native.get("/nothing", qos=1))
    watching.take()
    return watching


# ---- what the documentation shows ----

def the_commands_of_the_documentation():
    """curl as docs/http.md shows it, and the same port still speaks everything else."""
    with Router("--http") as router, desk(router) as watching:
        written = json.loads(curl(router, "/v1/signals/lights/1/dim", "-X", "PUT", "-d", "0.4"))
        assert written == {"address": "/lights/1/dim", "value": 0.4, "revision": 1}, written
        watching.until(lambda: watching.kinds(SET), "the SET")
        assert json.loads(curl(router, "/v1/state/lights/1/dim"))["value"] == 0.4
        streamed = subprocess.Popen(["curl", "-sN", "-g", f"http://127.0.0.1:{router.port}/v1/stream?pattern=/lights/**"], stdout=subprocess.PIPE, text=True)
        try:
            while "event: live" not in streamed.stdout.readline():
                pass
            curl(router, "/v1/state/lights/1/dim", "-X", "PUT", "-d", '{"value":0.5}')
            while '"value":0.5' not in streamed.stdout.readline():
                pass
        finally:
            streamed.kill()
            streamed.wait()
            streamed.stdout.close()
        assert json.loads(curl(router, "/v1/openapi.json"))["openapi"] == "3.1.0"
        assert curl(router, "/healthz") == "ok\n" and curl(router, "/readyz") == "ready\n" and "clasp_params" in curl(router, "/metrics").replace("state_", "")
        alive(router)


def without_being_asked_for_it_is_not_there():
    """Who does not say --http has the probes only."""
    with Router() as router, Api(router) as api:
        assert api.get("/state/a") == (200, "ok\n"), "answered as a probe"
        assert api.put("/state/a", "1")[0] == 405 and api.post("/emit/a", "1")[0] == 405, "who brings something is told that nobody takes it"
        assert api.post("/emit/a")[0] == 200, "some probes are POSTs"
    with Router("--http") as router, Api(router, base="") as api:
        assert api.put("/v2/state/a", "1") == (404, {"error": "no such route", "code": 404, "field": "path"}), "a wrong URL"
        assert api.get("/anything") == (200, "ok\n")
        with Peer(router.port) as peer:
            assert peer.read_param("/a") is None


def a_copy_from_before_a_restart_is_not_taken_for_the_value():
    """Without a journal revisions begin again: a browser that asked with the ETag of its copy was told 304 and showed the value of yesterday."""
    with Router("--http") as router, Api(router) as api:
        api.put("/state/a", "1")
        assert api.get("/state/a")[0] == 200
        tag, modified = api.headers["ETag"], api.headers["Last-Modified"]
        assert api.get("/state/a", If_None_Match=tag, If_Modified_Since=modified)[0] == 304
    time.sleep(1)
    with Router("--http") as router, Api(router) as api:
        api.put("/state/a", "2")
        assert api.headers["ETag"] == tag
        status, body = api.get("/state/a", If_None_Match=tag, If_Modified_Since=modified)
        assert (status, body["value"]) == (200, 2)


def a_kept_connection_is_used_for_everything():
    with Router("--http") as router, Api(router) as api:
        assert api.put("/state/a", {"value": [1, {"b": None}]}) == (200, {"address": "/a", "value": [1, {"b": None}], "revision": 1})
        assert api.get("/state/a", If_None_Match='"1"') == (304, None)
        assert api.put("/state/a", 2, If_Match='"7"')[0] == 409
        assert api.put("/state/a%20b/%C3%A4", 1)[1]["address"] == "/a b/ä"
        assert api.get("/list")[1] == {"addresses": ["/a", "/a b/ä"]}
        assert api.post("/bundle", {"operations": [{"set": ["/x", 1]}, {"emit": ["/go", 2]}]})[1] == {"success": True, "revision": 1}
        assert api.delete("/state/a")[1] == {"address": "/a", "status": "deleted"}
        assert api.ask("POST", "/state/a")[0] == 405 and api.headers["Allow"] == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
        assert api.ask("PATCH", "/state/m", {"a": {"b": 1, "c": 2}}, {"Content-Type": "application/merge-patch+json"})[1]["value"] == {"a": {"b": 1, "c": 2}}
        assert api.ask("PATCH", "/state/m", {"a": {"b": None}})[1] == {"address": "/m", "value": {"a": {"c": 2}}, "revision": 2}
        assert api.delete("/state/m")[0] == 200
        status, position = api.get("/poll")[0], api.headers["X-Clasp-Position"]
        assert status == 200
        assert api.get(f"/poll?since={position}&timeout=0.1") == (204, None)
        assert api.put("/state/x", 2)[0] == 200
        assert api.get(f"/poll?since={position}")[1]["changes"] == [{"address": "/x", "value": 2, "revision": 2}]


def a_poll_is_answered_as_soon_as_something_happens():
    with Router("--http") as router, Api(router) as api, Peer(router.port) as peer:
        api.get("/poll")
        position = api.headers["X-Clasp-Position"]
        api.connection.request("GET", f"/v1/poll/s/**?since={position}&timeout=60")
        eventually(lambda: router.metrics()['clasp_bridge_total{bridge="http",what="polls"}'] == 2, "the poll waits")
        peer.answer(native.set_param("/other", 1, qos=1))
        began = time.monotonic()
        peer.answer(native.set_param("/s/a", 5, qos=1))
        answer = api.connection.getresponse()
        changes = json.loads(answer.read())["changes"]
        assert changes == [{"address": "/s/a", "value": 5, "revision": 1}], changes
        assert time.monotonic() - began < 30, "not at its timeout"


def pages_together_are_everything():
    with Router("--http") as router, Api(router) as api, Peer(router.port) as peer:
        peer.send(*(native.set_param(f"/p/{n:05}", n) for n in range(5000)))
        peer.answer(native.set_param("/last", 1, qos=1))
        got, cursor = {}, ""
        while True:
            status, page = api.get(f"/snapshot/p?limit=700&cursor={cursor}")
            assert status == 200 and len(page) <= 700
            assert not set(page) & set(got), "nothing comes twice"
            got.update(page)
            cursor = api.headers.get("X-Next-Cursor")
            if not cursor:
                break
        assert got == {f"/p/{n:05}": n for n in range(5000)}
        assert api.get("/snapshot/p")[1] == got, "without limit it is all at once"


# ---- event streams ----

def who_comes_back_gets_exactly_the_rest():
    """Cut off at any place, an EventSource that comes back with its last id has heard every event once, and ends with the newest values."""
    with Router("--http") as router, Peer(router.port) as peer:
        peer.answer(native.set_param("/e/p", 0, qos=1))
        with Events(router, "/v1/subscribe/e/**") as first:
            first.until_live()
            last_id, heard = first.last_id, []
        for n in range(1, 41):
            peer.send(native.publish("/e/go", n), native.set_param("/e/p", n))
            if n % 4 == 0:
                peer.answer(native.set_param("/sync", n, qos=1))
                with Events(router, "/v1/subscribe/e/**", last_id) as again:
                    again.until_live()
                    assert not any(event.kind == "snapshot" for event in again.events)
                    again.until(lambda n=n: [e.value for e in again.events if e.kind == "event"][-1:] == [n], f"event {n}")
                    again.until(lambda n=n: again.values()[-1:] == [("/e/p", n)], f"value {n}")
                    heard += [event.value for event in again.events if event.kind == "event"]
                    last_id = again.last_id
        assert heard == list(range(1, 41)), heard
        unknown = "0000000000000001-5"
        with Events(router, "/v1/subscribe/e/**", unknown) as late:
            late.until_live()
            assert late.events[0].kind == "snapshot" and "Last-Event-ID" in late.events[0].data["reason"], late.events[0]
            assert late.values() == [("/e/p", 40)]


def a_router_that_ends_says_so():
    router = Router("--http")
    try:
        with Events(router, "/v1/subscribe/**") as stream, Api(router) as api:
            stream.until_live()
            api.connection.request("GET", "/v1/poll?since=0&timeout=60")
            eventually(lambda: router.metrics()['clasp_bridge_total{bridge="http",what="polls"}'] == 1, "the poll waits")
            router.process.terminate()
            stream.until(lambda: stream.events[-1].kind == "closed", "the reason")
            assert stream.events[-1].data == {"reason": "the router is stopping"}
            assert api.connection.getresponse().status == 503
            assert router.dies() == 0
    finally:
        router.process.kill()


def a_reader_that_stops_costs_nobody():
    """Its newest values come when it reads again; meanwhile the router's memory is bounded and another reader hears everything."""
    with Router("--http") as router, Peer(router.port) as peer, Events(router, "/v1/subscribe/**", receive_buffer=4096) as slow:
        slow.until_live()
        with Events(router, "/v1/subscribe/count") as quick:
            quick.until_live()
            before = router.rss()
            big = "x" * 20_000
            for n in range(1, 2001):
                peer.send(native.set_param("/big", f"{n} {big}"), native.set_param("/count", n))
                if n % 50 == 0:
                    peer.answer(native.get("/count", qos=1))
                    quick.until(lambda n=n: quick.events[-1].value == n, f"{n}")
            revisions = [event.revision for event in quick.events if event.kind == "value"]
            assert revisions == list(range(1, 2001)), "every one of them"
        assert router.rss() - before < 32 * MIB, f"{(router.rss() - before) / MIB:.1f} MiB for one that does not read 40 MB"
        slow.until(lambda: ("/count", 2000) in slow.values(), "the newest value")
        revisions = [event.revision for event in slow.events if event.kind == "value" and event.address == "/big"]
        assert revisions == sorted(set(revisions)) and len(revisions) < 2000


# ---- inputs on which other software failed ----

def c25_bytes_that_arrive_together_with_the_request():
    """A second request in the same segment was left in a buffer: the client waited for ever."""
    with Router("--http") as router:
        with Api(router) as api:
            api.put("/state/w/1", 1)
        with connected(router) as pipelined:
            pipelined.sendall(b"GET /v1/state/w/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            (one, two) = http_answers(pipelined, 2)
            assert one[0] == two[0] == 200 and json.loads(one[1])["value"] == 1 and json.loads(two[1])["status"] == "ok"
        with connected(router) as split:
            split.sendall(b"PUT /v1/state/w/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n" + b'{"value":2')
            time.sleep(0.05)  # so that the parts arrive apart; either way the answers are the same
            split.sendall(b"}GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            (one, two) = http_answers(split, 2)
            assert one[0] == two[0] == 200 and json.loads(one[1])["value"] == 2
        with connected(router) as slow:
            for byte in b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n":
                slow.sendall(bytes([byte]))
            assert http_answers(slow, 1)[0][0] == 200
        with connected(router) as waiting:  # a poll, and behind it what must not overtake it
            waiting.sendall(b"GET /v1/poll?since=1&timeout=0.3 HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers = read_to_the_end(waiting)
            assert answers.index(b'"changes"') < answers.index(b'"status":"ok"'), answers


def c26_values_with_line_breaks():
    """A value that contains line breaks split the event: a foreign name or id, and a resume at the wrong place."""
    text = "a\r\nid: 99\n\nevent: x\ndata: y\u2028z"
    with Router("--http") as router, Api(router) as api, Events(router, "/v1/subscribe/sse/**") as stream:
        stream.until_live()
        before = len(stream.events)
        assert api.put("/state/sse/x", {"value": text})[0] == 200
        assert api.put("/state/sse/a%0Ad", {"value": 1})[0] == 400, "control characters are no address"
        assert api.put("/state/sse/end", 1)[0] == 200
        stream.until(lambda: stream.values()[-1:] == [("/sse/end", 1)], "the last value")
        events = stream.events[before:]
        assert [(event.kind, event.address) for event in events] == [("value", "/sse/x"), ("value", "/sse/end")], events
        assert events[0].value == text and stream.ids[before:] == [1, 1], "one id line each"
        assert not any(event.last_id == "99" for event in events)


def c27_hostile_json():
    """Deep nesting overflowed the stack; a lone surrogate made the text of every subscriber invalid."""
    bodies = {
        "10,000 brackets": b"[" * 10_000, "10,000 brackets and their ends": b"[" * 10_000 + b"]" * 10_000, "a million brackets": b"[" * 1_000_000,
        "a million brackets and their ends": b"[" * 1_000_000 + b"]" * 1_000_000, "a million objects": b'{"a":' * 400_000,
        "a lone surrogate": b'{"value":"\\ud800"}', "surrogates the wrong way round": b'{"value":"\\udc00\\ud800"}', "too large a number": b'{"value":1e400}',
        "NaN": b'{"value":NaN}', "garbage behind": b'{"value":1}x', "a byte-order mark": b"\xef\xbb\xbf{}", "a raw byte ff": b'{"value":"\xff"}',
        "a zero byte": b'{"value":"\0"}'}
    with Router("--http") as router, Api(router) as api, Events(router, "/v1/subscribe/**") as stream:
        for what, body in bodies.items():
            status, document = api.put("/state/j", body)
            assert status == 400 and document["field"] == "body" and document["error"].startswith("body: "), f"{what}: {status} {document}"
        assert api.get("/state/j")[0] == 404
        assert api.put("/state/j", b'{"value":"\\u0000"}')[1]["value"] == "\0"
        negative = api.put("/state/j", b'{"value":-0.0}')[1]["value"]
        assert negative == 0 and math.copysign(1, negative) == -1
        assert api.put("/state/j", b'{"value":1,"value":2}')[1]["value"] == 2, "of equal keys the last wins, as everywhere"
        stream.until(lambda: stream.values()[-1:] == [("/j", 2)], "the last value")
        assert [value for _, value in stream.values()] == ["\0", -0.0, 2]
        alive(router)


def c30_joining_while_a_value_changes():
    """Between snapshot and subscription an update fell through, or an older value came after a newer one."""
    joiners, writes = 40, 4_000
    with Router("--http") as router, Peer(router.port) as writer:
        writer.answer(native.set_param("/s/c", 0, qos=1))
        streams = []
        for n in range(1, writes + 1):
            writer.send(native.set_param("/s/c", n))
            if n % (writes // joiners) == 0:
                streams.append(Events(router, "/v1/subscribe/s/**"))
        (ack,) = writer.answer(native.set_param("/s/c", writes + 1, qos=1))
        for stream in streams:
            stream.until(lambda s=stream: s.events and s.events[-1].value == writes + 1, "the last value")
            revisions = [event.revision for event in stream.events if event.kind == "value"]
            assert revisions == sorted(set(revisions)), "revisions rise"
            if not any(event.kind == "notice" for event in stream.events):
                assert revisions == list(range(revisions[0], revisions[-1] + 1)), "no hole"
            assert revisions[-1] == ack.revision
            stream.close()


def c31_not_a_number_in_the_state():
    """A NaN in the state made the whole snapshot unreadable to every browser."""
    def strict(text):
        return json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(f"{name} is no JSON")))

    with Router("--http") as router, Peer(router.port) as native_peer:
        native_peer.answer(native.subscribe(1, "/osc/**"), native.get("/nothing", qos=1))
        device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with device, Api(router) as api, Events(router, "/v1/subscribe/**") as stream:
            for name, bits in (("n", 0x7FC00000), ("i", 0x7F800000), ("m", 0xFF800000)):
                device.sendto(b"/" + name.encode() + b"\0\0,f\0\0" + struct.pack(">I", bits), ("127.0.0.1", router.osc_port))
            for n in range(20):
                api.put(f"/state/others/{n}", n)
            eventually(lambda: router.metrics()["clasp_state_params_active"] == 23, "all of them")
            snapshot = strict(curl(router, "/v1/snapshot"))
            assert snapshot == {**{f"/others/{n}": n for n in range(20)}, "/osc/n": None, "/osc/i": None, "/osc/m": None}, snapshot
            assert strict(curl(router, "/v1/state/osc/n"))["value"] is None
            stream.until(lambda: len(stream.values()) == 23, "all of them")
            assert dict(stream.values()) == snapshot
        native_peer.until(lambda: len(native_peer.kinds(SET)) >= 3, "the real values")
        values = {message.address: message.value for message in native_peer.kinds(SET)}
        assert math.isnan(values["/osc/n"]) and values["/osc/i"] == math.inf and values["/osc/m"] == -math.inf


# ---- limits ----

def a_body_that_is_too_large_is_refused_before_it_has_come():
    with Router("--http") as router:
        before = router.rss()
        for head in (b"Content-Length: 10485760\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n" + b"A00000\r\n"):
            with connected(router) as connection:
                connection.sendall(b"PUT /v1/state/big HTTP/1.1\r\nHost: x\r\n" + head)
                answer = read_to_the_end(connection)
                assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
                assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "request body too large", "code": 402, "field": "body"}
        with Api(router) as api:
            status, document = api.put("/state/big", '"' + "x" * 2_000_000 + '"')
            assert status == 400 and "does not fit" in document["error"], (status, document)
            assert api.put("/state/ok", 1)[0] == 200, "the connection goes on"
        assert router.rss() - before < 32 * MIB
        alive(router)


def what_is_no_request_is_refused_in_json_too():
    bad = {400: (b"GET / HTTP/1.1\nHost: x\n\n", "head"), 431: (b"GET /v1/list HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "head"),
           505: (b"GET / HTTP/3.0\r\n\r\n", "version")}
    with Router("--http") as router, Router() as plain:
        for status, (request, field) in bad.items():
            for each in (router, plain):
                with connected(each) as connection:
                    connection.sendall(request)
                    head, _, body = read_to_the_end(connection).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 %d " % status), head
                assert (b"application/json" in head) == (each is router), head
                if each is router:
                    assert json.loads(body)["field"] == field and json.loads(body)["error"], body


def a_part_of_an_answer_may_be_asked_for():
    with Router("--http") as router, Api(router) as api:
        for n in range(1000):
            api.put(f"/state/r/{n:04}", n)
        whole = curl(router, "/v1/snapshot")
        parts = curl(router, "/v1/snapshot", "-r", "0-4999") + curl(router, "/v1/snapshot", "-r", "5000-")
        assert parts == whole and json.loads(parts)["/r/0999"] == 999
        assert api.get("/snapshot", Range="bytes=10-19")[0] == 206 and api.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
        tag = api.headers["ETag"]
        assert api.get("/snapshot", Range="bytes=10-19", If_Range=tag)[0] == 206
        assert api.get("/snapshot", Range=f"bytes={len(whole)}-")[0] == 416 and api.headers["Content-Range"] == f"bytes */{len(whole)}"
        api.put("/state/r/0000", 1)
        assert api.get("/snapshot", Range="bytes=10-19", If_Range=tag)[0] == 200


def routes_of_the_operator():
    rows = ("GET /room/:name/light /rooms/{name}/dim", "PUT /room/:name/light /rooms/{name}/dim rate=600", "POST /go/*cue /cues/{cue}")
    with Router("--http", *(word for row in rows for word in ("--http-endpoint", row))) as router, desk(router) as watching:
        assert json.loads(curl(router, "/room/hall/light", "-X", "PUT", "-d", "0.5")) == {"address": "/rooms/hall/dim", "value": 0.5, "revision": 1}
        assert json.loads(curl(router, "/room/hall/light"))["value"] == 0.5
        assert json.loads(curl(router, "/go/act/1", "-d", "true"))["address"] == "/cues/act/1"
        watching.until(lambda: [message.address for message in watching.kinds(SET)] == ["/rooms/hall/dim"], "the SET")


def a_large_state_is_read_in_pieces():
    """A hundred thousand params, read by somebody who takes his time: the router holds a few pieces of it at most."""
    with Router("--http") as router, Peer(router.port) as peer:
        for first in range(0, 100_000, 1000):
            peer.send(*(native.set_param(f"/large/{n:06}", "x" * 100) for n in range(first, first + 1000)))
            peer.answer(native.get("/large/000000", qos=1))
        with connected(router) as slow:
            before = router.rss()
            slow.sendall(b"GET /v1/snapshot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            first = slow.recv(1000)
            peer.answer(native.set_param("/other", 1, qos=1))
            assert router.rss() - before < 4 * MIB, f"{(router.rss() - before) / MIB:.1f} MiB"
            whole = first + read_to_the_end(slow)
        assert whole.endswith(b"\r\n0\r\n\r\n"), whole[-100:]
        assert whole.count(b'"/large/') == 100_000


def origins_and_tokens_are_kept():
    with Router("--http", "--http-origin", "https://desk.example", "--http-token", "sesame") as router, Api(router) as api:
        token = {"Authorization": "Bearer sesame"}
        assert api.ask("GET", "/snapshot")[0] == 401 and api.headers["WWW-Authenticate"] == "Bearer"
        assert curl(router, "/v1/snapshot", "-u", "anybody:sesame") == "{}" and "401" in curl(router, "/v1/snapshot", "-u", "sesame:x", "-i")
        assert api.ask("PUT", "/state/a", "1", {**token, "Origin": "https://evil.example"})[0] == 403
        assert api.ask("PUT", "/state/a", "1", {**token, "Origin": "https://desk.example"})[0] == 200
        assert api.headers["Access-Control-Allow-Origin"] == "https://desk.example"
        assert api.ask("OPTIONS", "/state/a", headers={"Origin": "https://desk.example", "Access-Control-Request-Method": "PUT"})[0] == 200
        assert "PUT" in api.headers["Access-Control-Allow-Methods"]


run(the_commands_of_the_documentation, without_being_asked_for_it_is_not_there, a_copy_from_before_a_restart_is_not_taken_for_the_value, a_kept_connection_is_used_for_everything,
    a_poll_is_answered_as_soon_as_something_happens, pages_together_are_everything, who_comes_back_gets_exactly_the_rest, a_router_that_ends_says_so,
    a_reader_that_stops_costs_nobody, c25_bytes_that_arrive_together_with_the_request, c26_values_with_line_breaks, c27_hostile_json,
    c30_joining_while_a_value_changes, c31_not_a_number_in_the_state, a_body_that_is_too_large_is_refused_before_it_has_come,
    what_is_no_request_is_refused_in_json_too, a_part_of_an_answer_may_be_asked_for, routes_of_the_operator, a_large_state_is_read_in_pieces,
    origins_and_tokens_are_kept)
