"""Mappings and transforms of the real router over real UDP: both ways, read again on SIGHUP, and the bridge as a process of its own."""
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile

from harness.router import Router, eventually, run

LIMIT = 30

BANK = '''
[[mapping]]
from = "osc:/fader/{1..8}"
to = "/lights/{n}/dim"
direction = "both"
transform = { type = "scale", from_min = 0, from_max = 1, to_min = 0, to_max = %s }

[[transform]]
address = "/sound/**"
transform = { type = "clamp", min = 0, max = 1 }
'''


def padded(text):
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def osc(address, number):
    return padded(address) + padded(",f") + struct.pack(">f", number)


class Device:
    """An OSC device with one socket: what it hears is (address, number)."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(LIMIT)
        self.socket.connect(("127.0.0.1", port))

    def send(self, address, number):
        self.socket.send(osc(address, number))

    def hears(self):
        data = self.socket.recv(65536)
        address, tag, rest = re.match(rb"([^\0]+)\0+,([fidh])\0+(.*)", data, re.S).groups()
        number = struct.unpack({b"f": ">f", b"i": ">i", b"d": ">d", b"h": ">q"}[tag], rest[-4 if tag in b"fi" else -8:])[0]
        return address.decode(), round(number, 6)


def config(text):
    file = tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False)
    with file:
        file.write(text)
    return file.name


def both_ways_and_read_again():
    path = config(BANK % "255")
    log = tempfile.TemporaryFile("w+")

    def logged(text):
        log.seek(0)
        return text in log.read()

    try:
        with Router("--config", path, log=log) as router:
            desk = Device(router.osc_port)
            desk.send("/fader/3", 0.5)
            eventually(lambda: router.clasp("get", "/lights/3/dim", check=False) == "127.5", "a fader sets a lamp", LIMIT)
            assert router.clasp("get", "/osc/fader/3", check=False) == "", "it is there under one name only"
            router.clasp("set", "/lights/3/dim", "51")
            assert desk.hears() == ("/fader/3", 0.2), "and the lamp moves the fader"
            router.clasp("set", "/sound/volume", "7")
            assert router.clasp("get", "/sound/volume") == "1.0", "what clients set is transformed"

            with open(path, "w") as file:
                file.write(BANK % "100")
            router.signal(signal.SIGHUP)
            eventually(lambda: logged("mappings and transforms read again"), "SIGHUP reads it again", LIMIT)
            desk.send("/fader/3", 0.5)
            eventually(lambda: router.clasp("get", "/lights/3/dim", check=False) == "50.0", "with the new range", LIMIT)

            with open(path, "w") as file:
                file.write(BANK % '"much"')
            router.signal(signal.SIGHUP)
            eventually(lambda: logged("/transform/to_max: expected a number"), "a faulty file is told", LIMIT)
            assert logged("everything stays in force as it was")
            desk.send("/fader/3", 0.25)
            eventually(lambda: router.clasp("get", "/lights/3/dim", check=False) == "25.0", "and the old mapping still works", LIMIT)
            assert router.bridge("mapped_in") == 3 and router.bridge("mapped_out") >= 1
    finally:
        os.unlink(path)
        log.close()


def a_faulty_file_does_not_start():
    path = config('[[mapping]]\nfrom = "osc:/a"\nto = "/b"\nwhen = "value >"\n')
    try:
        done = subprocess.run([os.environ["CLASP_BINARY"], "server", "--config", path, "--check-config"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and f"{path}:4: mapping 1: /when/expr: expression, byte 7" in done.stderr, done.stderr
    finally:
        os.unlink(path)


def the_bridge_as_a_process():
    with Router() as router, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "show.map")
        with open(path, "w") as file:
            file.write("# a bank\nosc:/fader/{n} <-> /lights/{n}/dim | scale 0..1 0..255\n")
        bridge = subprocess.Popen([router.binary, "osc", "--port", "0", "--bind", "127.0.0.1", "--router", router.url, "--map", path],
                                  stderr=subprocess.PIPE, text=True)
        try:
            def read_until(wanted):
                for line in bridge.stderr:
                    if found := re.search(wanted, line):
                        return found
                raise AssertionError(f"the bridge ended before it said {wanted}")

            desk = Device(int(read_until(r"osc/udp port (\d+)")[1]))
            read_until("connected to the router")
            desk.send("/fader/1", 0.2)
            eventually(lambda: router.clasp("get", "/lights/1/dim", check=False).startswith("51.0"), "a fader sets a lamp", LIMIT)
            router.clasp("set", "/lights/1/dim", "255")
            assert desk.hears() == ("/fader/1", 1.0)

            with open(path, "w") as file:
                file.write("osc:/fader/{n} <-> /desk/{n}\n")
            bridge.send_signal(signal.SIGHUP)
            read_until("mappings read again")
            read_until("connected to the router")  # other addresses: the link has opened again
            router.clasp("set", "/desk/2", "0.5")
            assert desk.hears() == ("/fader/2", 0.5)

            with open(path, "w") as file:
                file.write("osc:/fader/{n} <-> \n")
            bridge.send_signal(signal.SIGHUP)
            read_until(r"show\.map:1: mapping 1: column")
            desk.send("/fader/3", 0.75)
            eventually(lambda: router.clasp("get", "/desk/3", check=False) == "0.75", "the old mapping stays in force", LIMIT)
        finally:
            bridge.terminate()
            assert bridge.wait(timeout=60) == 0
            bridge.stderr.close()


run(both_ways_and_read_again, a_faulty_file_does_not_start, the_bridge_as_a_process)
