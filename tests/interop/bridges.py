"""The bridge frame with the real binary: every form of `clasp bridge`, bridges in the router and beside it, and `clasp bridge list`."""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile

from harness.router import Router, eventually, run

LIMIT = 30
CLASP = os.environ["CLASP_BINARY"]


def padded(text):
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def osc(address, number):
    return padded(address) + padded(",i") + struct.pack(">i", number)


def device(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(LIMIT)
    made.connect(("127.0.0.1", port))
    return made


@contextlib.contextmanager
def running(*arguments, environment=None):
    """A `clasp` that runs until it is told to stop; gives what it has said once it is ready, and the process."""
    process = subprocess.Popen([CLASP, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **(environment or {})})
    said = ""
    try:
        for line in process.stderr:
            said += line
            if "is ready" in line:
                break
        else:
            raise AssertionError(f"clasp {' '.join(arguments)} ended: {said}")
        yield said, process
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0, f"clasp {' '.join(arguments)} ends in order"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
        process.stdout.close()


def port_in(text, number=0):
    return int(re.findall(r"osc/udp port (\d+)", text)[number])


def every_form_is_the_same_bridge():
    with Router() as router:
        host = f"localhost:{router.port}"
        forms = {
            "sdk": (["bridge", "osc", "--router", router.url, "--port", "0", "--namespace", "/f"], {}),
            "target": (["bridge", "osc", "--target", router.url, "--port", "0", "--namespace", "/f"], {}),
            "type": (["bridge", "--bridge-type", "osc", "-o", "port=0", "-o", "namespace=/f", "-o", f"router={router.url}"], {}),
            "short type": (["bridge", "-b", "osc", "--opt", "port=0", "--opt", "namespace=/f", "--router", router.url], {}),
            "environment": (["bridge"], {"CLASP_BRIDGE_PROTOCOL": "osc", "CLASP_BRIDGE_PORT": "0", "CLASP_BRIDGE_NAMESPACE": "/f", "CLASP_ROUTER": router.url}),
            "own command": (["osc", "--port", "0", "--namespace", "/f", "--router", host], {}),
            "positional": (["bridge", "osc", "127.0.0.1:0", "clasp", host], {}),
            "source": (["bridge", "--source", "osc:127.0.0.1:0", "--target", router.url], {}),
        }
        for number, (name, (arguments, environment)) in enumerate(forms.items()):
            ns = "/osc" if name in ("positional", "source") else "/f"
            with running(*arguments, environment=environment) as (said, _):
                desk = device(port_in(said))
                desk.send(osc(f"/form/{number}", number))
                address = f"{ns}/form/{number}"
                eventually(lambda: router.clasp("get", address, check=False) == str(number), f"{name}: the router hears the device", LIMIT)
                router.clasp("set", address, str(number + 100))
                assert desk.recv(1000) == osc(f"/form/{number}", number + 100), f"{name}: the device hears the router"


def two_protocols_without_a_router():
    for arguments in (["bridge", "--source", "osc:127.0.0.1:0", "--target", "osc:127.0.0.1:0"], ["bridge", "osc", "127.0.0.1:0", "osc", "127.0.0.1:0"]):
        with running(*arguments) as (said, _):
            left, right = device(port_in(said, 0)), device(port_in(said, 1))
            right.send(osc("/hello", 1))  # now it is known to its bridge
            left.send(osc("/a/b", 7))
            assert right.recv(1000) == osc("/a/b", 7), arguments
            right.send(osc("/a/b", 8))
            heard = left.recv(1000)
            assert heard == osc("/a/b", 8), (arguments, heard)


def the_list_shows_bridges_wherever_they_run():
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write('[[bridge]]\ntype = "osc"\nname = "balcony"\nport = 0\nbind = "127.0.0.1"\nnamespace = "/balcony"\n')
        file.flush()
        with Router("--config", file.name) as router, running("osc", "--port", "0", "--namespace", "/beside", "--name", "beside", "--router", router.url) as (said, _):
            desk = device(port_in(said))
            desk.send(osc("/x", 1))
            eventually(lambda: router.clasp("get", "/beside/x", check=False) == "1", "the bridge beside the router works", LIMIT)
            lines = [json.loads(line) for line in router.clasp("bridge", "list", "--json").splitlines()]
            by_name = {line["name"]: line for line in lines}
            assert {"balcony", "beside"} <= set(by_name) and len(lines) == 3, lines
            beside = by_name["beside"]
            assert beside["namespace"] == "/beside" and beside["state"] == "running" and beside["received"] == 1, beside
            assert beside["peers"] == [{"name": f"127.0.0.1:{desk.getsockname()[1]}", "received": 1, "sent": 0}], beside
            table = router.clasp("bridge", "list", "--peers")
            assert re.search(r"^beside +osc +osc/udp port \d+ +/beside +running +\d", table, re.M), table
            assert f"127.0.0.1:{desk.getsockname()[1]}" in table, table


def without_reconnect_it_ends_with_the_router():
    with Router() as router:
        process = subprocess.Popen([CLASP, "bridge", "osc", "--port", "0", "--router", router.url, "--reconnect", "false"], stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "connected to the router" in line:
                break
    said = process.stderr.read()
    assert process.wait(LIMIT) == 3, said
    process.stderr.close()


def a_monitor_needs_no_router():
    with running("osc", "--monitor", "--json", "--port", "0") as (said, process):
        device(port_in(said)).send(osc("/a", 5))
        assert json.loads(process.stdout.readline()) == {"address": "/osc/a", "signal": "param", "value": 5}


run(every_form_is_the_same_bridge, two_protocols_without_a_router, the_list_shows_bridges_wherever_they_run, without_reconnect_it_ends_with_the_router,
    a_monitor_needs_no_router)
