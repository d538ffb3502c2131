"""liblo's oscsend and python-osc against the OSC bridges of the real router, over UDP and TCP."""
import re
import subprocess
import threading

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_server import ThreadingOSCUDPServer
from pythonosc.osc_tcp_server import ThreadingOSCTCPServer
from pythonosc.tcp_client import SimpleTCPClient

from harness.router import Router, eventually


def message(address, *values):
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


with Router() as router:
    subprocess.run(["oscsend", "127.0.0.1", str(router.osc_port), "/fader/1", "f", "0.5"], check=True)
    eventually(lambda: router.clasp("get", "/osc/fader/1", check=False) == "0.5", "oscsend moves a fader")
    subprocess.run(["oscsend", "127.0.0.1", str(router.osc_port), "/all", "ifsT", "7", "0.25", "text"], check=True)
    eventually(lambda: router.clasp("get", "/osc/all", check=False) == '[7,0.25,"text",true]', "several arguments")

    heard = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: heard.append((address, arguments)))
    server = ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bundle = OscBundleBuilder(IMMEDIATELY)
    bundle.add_content(message("/b/1", 1))
    bundle.add_content(message("/b/2", "two"))
    server.socket.sendto(bundle.build().dgram, ("127.0.0.1", router.osc_port))
    eventually(lambda: router.clasp("get", "/osc/b/2", check=False) == '"two"', "a bundle")
    router.clasp("set", "/osc/fader/1", "0.75")
    eventually(lambda: ("/fader/1", (0.75,)) in heard, "the device that spoke hears the change")
    assert not any(address.startswith("/b/") for address, _ in heard), "it does not hear what it sent"
    server.shutdown()

for mode in ("1.0", "1.1"):  # a length before each packet, SLIP
    heard = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: heard.append((address, arguments)))
    target = ThreadingOSCTCPServer(("127.0.0.1", 0), dispatcher, mode=mode)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    framing = {"1.0": "length", "1.1": "slip"}[mode]
    with Router("--osc-tcp", "127.0.0.1:0", "--osc-tcp-target", f"127.0.0.1:{target.server_address[1]}", "--osc-tcp-framing", framing) as router:
        port = int(re.search(r"osc/tcp port (\d+)", router.ready_line)[1])
        eventually(lambda: router.bridge("connections_made") == 1, "it connects to its target")
        client = SimpleTCPClient("127.0.0.1", port, mode=mode)
        client.send_message("/fader/1", 0.5)
        eventually(lambda: router.clasp("get", "/osc/fader/1", check=False) == "0.5", "python-osc moves a fader over TCP")
        eventually(lambda: ("/fader/1", (0.5,)) in heard, "the target hears it")
        router.clasp("set", "/osc/fader/2", "0.75")
        received = []
        eventually(lambda: received.extend((m.address, m.params) for m in client.get_messages(1)) or ("/fader/2", [0.75]) in received, "who is connected hears the change")
        assert ("/fader/1", [0.5]) not in received, "and not what it sent"
        if mode == "1.0":
            subprocess.run(["oscsend", f"osc.tcp://127.0.0.1:{port}/", "/all", "ifsT", "7", "0.25", "text"], check=True)
            eventually(lambda: router.clasp("get", "/osc/all", check=False) == '[7,0.25,"text",true]', "liblo over TCP")
        client.socket.close()
    target.shutdown()
print("ok")
