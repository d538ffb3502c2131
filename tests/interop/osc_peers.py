"""liblo's oscsend and python-osc against the OSC bridge of the real router."""
import subprocess
import threading

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_server import ThreadingOSCUDPServer

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
print("ok")
