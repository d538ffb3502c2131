"""HTTP as clients speak it: curl, Python's http.client on one kept connection, and a reader of event streams. It checks nothing."""
import http.client
import json
import re
import socket
import subprocess
import time

from harness.native import LIMIT


def curl(router, path, *options):
    """What curl prints; the path may have a query. Not globbed: brackets and stars mean themselves."""
    done = subprocess.run(["curl", "-sS", "-g", "--max-time", "60", *options, f"http://127.0.0.1:{router.port}{path}"], capture_output=True, text=True, check=True)
    return done.stdout


class Api:
    """One kept connection."""

    def __init__(self, router, base="/v1"):
        self.base = base
        self.connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=LIMIT)

    def ask(self, method, path, body=None, headers=None):
        """Status and document, None if there is none; `headers` of the answer stay in self.headers."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        self.connection.request(method, self.base + path, body=body.encode() if isinstance(body, str) else body, headers=headers or {})
        answer = self.connection.getresponse()
        self.headers = answer.headers
        data = answer.read()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json") and answer.status != 206
        return answer.status, json.loads(data) if data and is_json else data.decode() or None

    def get(self, path, **headers):
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def put(self, path, body, **headers):
        return self.ask("PUT", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, body=None):
        return self.ask("POST", path, body)

    def delete(self, path):
        return self.ask("DELETE", path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


class Event:
    def __init__(self, kind, data, last_id):
        self.kind, self.last_id = kind, last_id
        self.data = json.loads(data)

    @property
    def address(self):
        return self.data.get("address")

    @property
    def value(self):
        return self.data.get("value")

    @property
    def revision(self):
        return self.data.get("revision")

    def __repr__(self):
        return f"Event({self.kind}, {self.data}, id {self.last_id})"


class Events:
    """An EventSource on a plain socket, by the rules of WHATWG HTML 9.2.6: any of CR, LF and CRLF ends a line, an empty line dispatches."""

    def __init__(self, router, path, last_id=None, receive_buffer=None, headers=()):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT)
        self.socket.connect(("127.0.0.1", router.port))
        lines = [f"GET {path} HTTP/1.1", "Host: x", "Accept: text/event-stream", *headers]
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.raw, self.text, self.events, self.comments = b"", b"", [], 0
        self.kind, self.data, self.last_id, self.ended, self.status = "", [], last_id, False, None
        self.ids_of_block, self.ids = 0, []  # how many id lines each event with data had

    def read_head(self):
        while b"\r\n\r\n" not in self.raw:
            piece = self.socket.recv(65536)
            assert piece, f"closed before an answer came: {self.raw!r}"
            self.raw += piece
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        self.status, self.head = int(head.split()[1]), head.decode()
        self.cut()

    def read(self):
        """One read's worth; False at the end of the stream."""
        if self.status is None:
            self.read_head()
            return True
        piece = self.socket.recv(65536)
        self.raw += piece
        self.cut()
        return bool(piece) and not self.ended

    def cut(self):
        at = 0
        while (end := self.raw.find(b"\r\n", at)) >= 0:  # chunks
            count = int(self.raw[at:end], 16)
            if len(self.raw) < end + 2 + count + 2:
                break
            self.ended = self.ended or count == 0
            self.text += self.raw[end + 2:end + 2 + count]
            at = end + 2 + count + 2
        self.raw = self.raw[at:]
        whole, found, rest = self.text.rpartition(b"\n")
        if found:  # the router ends lines with LF; a CR alone ends one as well, wherever it stands
            self.text = rest
            for line in re.split(rb"\r\n|\n|\r", whole):
                self.line(line.decode())  # which must be UTF-8

    def line(self, line):
        name, _, content = line.partition(":")
        content = content.removeprefix(" ")
        if line == "":
            if self.data:
                self.events.append(Event(self.kind, "\n".join(self.data), self.last_id))
                self.ids.append(self.ids_of_block)
            self.kind, self.data, self.ids_of_block = "", [], 0
        elif name == "":
            self.comments += 1
        elif name == "event":
            self.kind = content
        elif name == "data":
            self.data.append(content)
        elif name == "id":
            self.last_id, self.ids_of_block = content, self.ids_of_block + 1

    def until(self, condition, what, seconds=LIMIT):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"never came: {what}; the last were {self.events[-5:]}"
            assert self.read() or condition(), f"the stream ended before {what}; the last were {self.events[-5:]}"

    def until_live(self):
        self.until(lambda: any(event.kind in ("live", "resumed") for event in self.events), "the end of the state")
        return self

    def values(self):
        return [(event.address, event.value) for event in self.events if event.kind == "value"]

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
