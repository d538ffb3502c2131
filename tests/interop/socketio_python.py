"""The `python-socketio` client (PyPI), unmodified, with our Socket.IO server: polling, WebSocket, and the upgrade."""
import queue
import re

import socketio

from harness.router import Router, run

LIMIT = 60


def connected(port, transports, namespaces=("/",)):
    client = socketio.Client(reconnection=False)
    client.heard = queue.Queue()
    client.on("*", lambda event, *arguments: client.heard.put((event, *arguments)))
    client.connect(f"http://127.0.0.1:{port}", transports=list(transports), namespaces=list(namespaces), wait_timeout=LIMIT)
    return client


def every_transport():
    with Router("--bridge", "socketio bind=127.0.0.1:0") as router:
        port = re.search(r"socketio port (\d+)", router.ready_line)[1]
        for transports in (("polling",), ("websocket",), ("polling", "websocket")):
            one, other = connected(port, transports, ("/", "/admin")), connected(port, transports)
            assert one.transport() == transports[-1]
            value = {"bytes": b"\x00\x01\xff", "number": 2 ** 53 + 1, "text": "caf\u00e9"}
            assert one.call("fader", value, timeout=LIMIT) == {"ok": True}
            assert other.heard.get(timeout=LIMIT) == ("fader", value)
            assert one.call("x", (1, 2), namespace="/admin", timeout=LIMIT) == {"ok": True}
            assert one.call("clasp:get", "/socketio/admin/x", timeout=LIMIT)["value"] == [1, 2]
            router.clasp("set", "/socketio/desk", "0.5")
            assert other.heard.get(timeout=LIMIT) == ("desk", 0.5)
            one.disconnect()
            other.disconnect()


run(every_transport)
