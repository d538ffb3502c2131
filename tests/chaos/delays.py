"""Connections that are late, each by another time and never twice by the same."""
import sys

from chaos.proxy import Proxy
from chaos.scene import Follower, Scene
from harness import native
from harness.checks import MIB
from harness.native import ACK, SET, Bare, Peer, Tcp, WebSocket
from harness.router import Router, run

LONG = "--long" in sys.argv
SPELL = 60.0 if LONG else 4.0


def late_and_out_of_step():
    """Followers and a writer behind lines of 0 to 400 ms: every order the contract promises holds on each of them, and all end on one truth."""
    with Router("--history-bytes", "256k") as router, Scene(router, growth=24 * MIB) as scene, \
            Proxy(router.port, (0.0, 0.4)) as wild, Proxy(router.port, (0.15, 0.2)) as far:
        for proxy in (wild, far):
            scene.followers += [Follower(scene, carriage, port=proxy.port) for carriage in (Tcp, WebSocket, Bare)]
        scene.remember()
        with Peer(wild.port, WebSocket) as writer, Peer(far.port, Tcp) as reader:
            reader.answer(native.subscribe(1, "/late"))
            for number in range(1, 201):
                writer.send(native.set_param("/late", number, qos=1))
            scene.play(SPELL)
            writer.until(lambda: len(writer.kinds(ACK)) == 200, "every ACK")
            assert [ack.revision for ack in writer.kinds(ACK)] == list(range(1, 201)), "in the order of the requests"
            reader.until(lambda: [message.value for message in reader.kinds(SET)] == list(range(1, 201)), "every value, once, in order")
        scene.recovers()
        assert all(follower.connections == 1 for follower in scene.followers), "nobody lost a connection"


def cut_in_the_middle():
    """The proxy is killed with everything that is on its way: its connections end in the middle of frames, and whoever was behind it comes back
    through the next one to the truth."""
    cuts = 3
    with Router("--history-bytes", "256k") as router, Scene(router, growth=24 * MIB) as scene:
        behind = []
        for cut in range(cuts + 1):
            with Proxy(router.port, (0.0, 0.2)) as proxy:
                if not behind:
                    behind = [Follower(scene, carriage, port=proxy.port) for carriage in (Tcp, WebSocket, Bare)]
                    scene.followers += behind
                    scene.remember()
                for follower in behind:
                    follower.port = proxy.port
                scene.play_until(lambda: not any(scene.behind(view) for view in scene.views), "everybody is back")
                scene.play(0.7)
                if cut == cuts:
                    scene.recovers()
        assert all(follower.connections == cuts + 1 for follower in behind), [follower.connections for follower in behind]
        assert all(follower.connections == 1 for follower in scene.followers if follower not in behind)


if __name__ == "__main__":
    run(late_and_out_of_step, cut_in_the_middle)
