"""Lenses with the real binary: on every way into the router, read again while it runs, modules that loop, without Wasmtime, named modules elsewhere."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile

from harness import mqtt, native
from harness.http import Api
from harness.native import ACK, SET, Peer
from harness.router import Router, eventually, run

LIMIT = 60
CLASP = os.environ["CLASP_BINARY"]
LENSES = os.environ["CLASP_TEST_LENSES"]  # CLASP_LENSES would be the option
LOWPASS, SCALE = f"{LENSES}/lens_lowpass.wasm", f"{LENSES}/lens_scale.wasm"


@contextlib.contextmanager
def files(**contents):
    """A folder with these files: bytes, text, or what becomes JSON."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            write(f"{folder}/{name}", content)
        yield folder


def write(path, content):
    data = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content, indent=1)).encode()
    with open(path, "wb") as file:
        file.write(data)


def module(transform):
    """A module whose transform has this body: alloc gives 1024 whatever is asked."""
    def section(number, *items):
        body = bytes([len(items)]) + b"".join(items)
        return bytes([number, len(body)]) + body

    def code(body):
        return bytes([len(body) + 1, 0]) + body

    def name(text, kind, index):
        return bytes([len(text)]) + text.encode() + bytes([kind, index])

    return (b"\0asm\1\0\0\0" + section(1, b"\x60\1\x7f\1\x7f", b"\x60\0\1\x7f") + section(3, b"\0", b"\1") + section(5, b"\0\1")
            + section(7, name("memory", 2, 0), name("alloc", 0, 0), name("transform", 0, 1)) + section(10, code(b"\x41\x80\x08\x0b"), code(transform + b"\x0b")))


LOOP = module(b"\x03\x40\x0c\0\x0b\0")
TRAP = module(b"\0")


def value(router, address):
    return router.clasp("get", address, check=False)


def osc(address, number):
    def padded(text):
        data = text.encode() + b"\0"
        return data + b"\0" * (-len(data) % 4)
    return padded(address) + padded(",f") + struct.pack(">f", number)


def on_every_way_into_the_router():
    lenses = [{"address": "/**/raw", "wasm": SCALE, "params": {"scale_factor": 2, "offset": 1}}]
    with files(lenses=lenses) as folder, Router("--lenses", f"{folder}/lenses", "--http") as router, Peer(router.port) as watching, Api(router) as api:
        watching.answer(native.subscribe(1, "/**/raw"))
        watching.take()
        router.clasp("set", "/set/raw", "1")
        watching.answer(native.bundle([native.set_param("/bundle/raw", 2), native.set_param("/bundle/other", 2)], qos=1))
        with mqtt.Client(router.port, "sensor") as sensor, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            sensor.publish("mqtt/raw", "3", retain=True)
            device.sendto(osc("/raw", 4), ("127.0.0.1", router.osc_port))
            assert api.put("/signals/http/raw", 5)[0] in (200, 201, 204)
            watching.until(lambda: len(watching.kinds(SET)) == 5, "five values")
        got = {message.address: message.value for message in watching.kinds(SET)}
        assert got == {"/set/raw": 3.0, "/bundle/raw": 5.0, "/mqtt/raw": 7.0, "/osc/raw": 9.0, "/http/raw": 11.0}, got
        assert value(router, "/bundle/other") == "2" and value(router, "/set/raw") == "3.0"
        metrics = router.metrics()
        assert metrics['clasp_lens_total{lens="lens_scale.wasm",what="calls"}'] == 5 and metrics['clasp_lens_instances{lens="lens_scale.wasm"}'] == 5
        assert metrics['clasp_lens_seconds_total{lens="lens_scale.wasm"}'] > 0


def each_address_is_filtered_by_itself():
    lenses = [{"address": "/sensors/**", "wasm": LOWPASS, "params": {"alpha": 0.5}}]
    with files(lenses=lenses) as folder, Router("--lenses", f"{folder}/lenses") as router, Peer(router.port) as desk:
        desk.answer(native.subscribe(1, "/sensors/**"))
        desk.take()
        for number in (0.0, 1.0, 1.0, 1.0):
            for address in ("/sensors/a", "/sensors/b"):
                desk.send(native.set_param(address, number, qos=1))
        desk.until(lambda: len(desk.kinds(ACK)) == 8, "eight answers")
        for address in ("/sensors/a", "/sensors/b"):
            assert [message.value for message in desk.kinds(SET) if message.address == address] == [0.0, 0.5, 0.75, 0.875]


def a_faulty_start_names_what_is_wrong():
    def start(*arguments, **environment):
        return subprocess.run([CLASP, "server", "--listen", "127.0.0.1:0", *arguments], capture_output=True, text=True, timeout=LIMIT, env={**os.environ, **environment})

    def lens(wasm):
        return [{"address": "/a", "wasm": wasm}]

    with files(garbage="not a module", broken="[{", unnamed=[{"address": "/a"}], loads_garbage=lens("garbage"), missing=lens("/no/such.wasm")) as folder:
        write(f"{folder}/loads_garbage", lens(f"{folder}/garbage"))
        expected = {"/no/such.json": "Failed to read lenses file /no/such.json: No such file", f"{folder}/broken": f"Failed to parse lenses JSON from {folder}/broken: ",
                    f"{folder}/unnamed": "lens 1: /wasm: missing", f"{folder}/missing": "Failed to read WASM lens: /no/such.wasm: No such file",
                    f"{folder}/loads_garbage": f"Failed to load WASM lens: {folder}/garbage: failed to compile WASM module: "}
        for path, text in expected.items():
            done = start("--lenses", path)
            assert done.returncode == 1 and text in done.stderr, (path, done)
            assert start("--lenses", path, "--check-config").returncode == 2
        done = start("--lens-module", "gain=/no/such.wasm")
        assert done.returncode == 1 and "module gain: Failed to read WASM lens: /no/such.wasm" in done.stderr, done
        write(f"{folder}/good", [{"address": "/a", "wasm": LOWPASS}])
        assert start("--lenses", f"{folder}/good", "--check-config").returncode == 0


def read_again_while_it_runs():
    def lenses(factor):
        return [{"address": "/a", "wasm": SCALE, "params": {"scale_factor": factor, "offset": 0}}, {"address": "/low", "wasm": LOWPASS}]

    with files(lenses=lenses(2)) as folder, tempfile.NamedTemporaryFile("w+", suffix=".log") as log, Router("--lenses", f"{folder}/lenses", log=log) as router:
        def logged(text):
            with open(log.name) as lines:
                return lines.read().count(text)

        router.clasp("set", "/a", "1")
        router.clasp("set", "/low", "0")
        assert value(router, "/a") == "2.0"
        write(f"{folder}/lenses", lenses(3))
        router.signal(signal.SIGHUP)
        eventually(lambda: logged("lenses: 2") == 1, "it is told", LIMIT)
        router.clasp("set", "/a", "1")
        assert value(router, "/a") == "3.0"
        router.clasp("set", "/low", "1")
        assert value(router, "/low") == "0.5", "what has not changed remembers"

        write(f"{folder}/lenses", [{"address": "/a", "wasm": f"{folder}/lenses"}])
        router.signal(signal.SIGHUP)
        eventually(lambda: logged("the configuration was not read again") == 1, "the mistake is told", LIMIT)
        assert logged("Failed to load WASM lens: ") == 1
        router.clasp("set", "/a", "2")
        assert value(router, "/a") == "6.0", "the old ones stay in force"

        for factor in (4, 5, 6):  # in one go: what is asked for while one is being compiled
            write(f"{folder}/lenses", lenses(factor))
            router.signal(signal.SIGHUP)
        def sixfold():
            router.clasp("set", "/a", "1")
            return value(router, "/a") == "6.0"
        eventually(sixfold, "the last one counts", LIMIT)
        write(f"{folder}/lenses", [])
        router.signal(signal.SIGHUP)

        def untouched():
            router.clasp("set", "/a", "1")
            return value(router, "/a") == "1"
        eventually(untouched, "no lens any more", LIMIT)


def one_that_loops_is_stopped_and_others_are_served():
    with files(loop=LOOP, trap=TRAP) as folder, tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        write(f"{folder}/lenses", [{"address": "/loop/**", "wasm": f"{folder}/loop", "name": "looping"}, {"address": "/trap", "wasm": f"{folder}/trap", "on_error": "reject"},
                                   {"address": "/drop", "wasm": f"{folder}/trap", "on_error": "drop"}])
        with Router("--lenses", f"{folder}/lenses", log=log) as router, Peer(router.port, name="hostile") as hostile, Peer(router.port, name="other") as other:
            hostile.send(*[native.set_param(f"/loop/{n % 7}", n, qos=1) for n in range(200)])
            other.answer(native.set_param("/fine", 1, qos=1))
            hostile.until(lambda: len(hostile.kinds(ACK)) == 200, "each is answered")
            assert value(router, "/loop/3") == "199", "the values pass as they were"
            metrics = router.metrics()
            assert metrics['clasp_lens_total{lens="looping",what="faults"}'] == 200 and metrics['clasp_lens_total{lens="looping",what="trapped"}'] >= 1
            assert metrics['clasp_lens_instances{lens="looping"}'] == 0
            done = subprocess.run([CLASP, "set", "/trap", "1"], capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "CLASP_URL": router.url})
            assert done.returncode != 0 and "unreachable" in done.stderr, done
            router.clasp("set", "/drop", "1")
            assert value(router, "/drop") == ""
        with open(log.name) as lines:
            told = [line for line in lines if "lens looping failed for /loop/" in line]
        assert told and "lens stopped: more than 10" in told[0] and len(told) < 200, told[:3]


def modules_with_a_name():
    """In mappings, both ways; in [[transform]]; in rules, those set at run time too."""
    config = """
lens-module = ["double=%s"]
rules-runtime = true
[[mapping]]
from = "osc:/fader"
to = "/light"
direction = "both"
transform = {type = "wasm", module_id = "double", params = {scale_factor = 2, offset = 0}}
[[transform]]
address = "/twice"
transform = {type = "chain", transforms = [{type = "wasm", module_id = "double", params = {scale_factor = 2, offset = 0}}, {type = "scale", scale = 10}]}
[[lens]]
address = "/twice"
builtin = "hysteresis"
[[rule]]
id = "copy"
trigger = {type = "on_change", pattern = "/from"}
actions = [{type = "set_from_trigger", address = "/to", transform = {type = "wasm", module_id = "double", params = {scale_factor = 4, offset = 0}}}]
""" % SCALE
    with files(show=config) as folder, Router("--config", f"{folder}/show") as router, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.settimeout(LIMIT)
        device.sendto(osc("/fader", 3), ("127.0.0.1", router.osc_port))
        eventually(lambda: value(router, "/light") == "6.0", "what the fader sent, doubled", LIMIT)
        router.clasp("set", "/light", "9")
        assert struct.unpack(">f", device.recv(1000)[-4:])[0] == 4.5, "and the inverse on the way back"
        router.clasp("set", "/twice", "0.06")
        assert value(router, "/twice") == "1.0", "first the transforms, then the lenses"
        router.clasp("set", "/from", "2")
        assert value(router, "/to") == "8.0"
        metrics = router.metrics()
        assert metrics['clasp_lens_total{lens="module:double",what="calls"}'] >= 4 and metrics['clasp_lens_total{lens="hysteresis",what="values"}'] == 1
        rule = {"trigger": {"type": "on_change", "pattern": "/x"}, "actions": [{"type": "set_from_trigger", "address": "/y", "transform": {"type": "wasm", "module_id": "double"}}]}
        router.clasp("set", "/clasp/rules/late", json.dumps(rule))
        router.clasp("set", "/x", "5")
        assert value(router, "/y") == "5.0"
        rule["actions"][0]["transform"]["module_id"] = "other"
        done = subprocess.run([CLASP, "set", "/clasp/rules/late", json.dumps(rule)], capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "CLASP_URL": router.url})
        assert done.returncode != 0 and 'there is no module "other"' in done.stderr, done


def without_wasmtime():
    gone = {**os.environ, "CLASP_WASMTIME": "/no/such/library.so"}
    with files(lenses=[{"address": "/a", "wasm": LOWPASS}], native=[{"address": "/a", "builtin": "lowpass"}]) as folder:
        done = subprocess.run([CLASP, "server", "--listen", "127.0.0.1:0", "--lenses", f"{folder}/lenses"], capture_output=True, text=True, timeout=LIMIT, env=gone)
        assert done.returncode == 1 and "this program runs no WASM modules" in done.stderr and "scripts/wasmtime.sh" in done.stderr, done
        done = subprocess.run([CLASP, "lens", "validate", LOWPASS], capture_output=True, text=True, timeout=LIMIT, env=gone)
        assert done.returncode == 1 and "this program runs no WASM modules" in done.stderr, done
        for environment, place in ((gone, "missing"), (os.environ, "features")):
            told = subprocess.run([CLASP, "info", "--json"], capture_output=True, text=True, timeout=LIMIT, env=environment).stdout
            assert "lens" in json.loads(told)[place], told
        with Router("--lenses", f"{folder}/native", environment={"CLASP_WASMTIME": "/no/such/library.so"}) as router:
            router.clasp("set", "/a", "0")
            router.clasp("set", "/a", "1")
            assert value(router, "/a") == "0.5"


run(on_every_way_into_the_router, each_address_is_filtered_by_itself, a_faulty_start_names_what_is_wrong, read_again_while_it_runs,
    one_that_loops_is_stopped_and_others_are_served, modules_with_a_name, without_wasmtime)
