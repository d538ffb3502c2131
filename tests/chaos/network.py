"""A bad line: lost packets, little room, an interface that goes down and up, a peer that vanishes without a word. Whoever is on the good line does
not notice. The router and the test have networks of their own, so this needs root."""
import contextlib
import sys
import time

from chaos.isolation import Network
from chaos.scene import Follower, Scene, Watcher
from harness import native
from harness.checks import MIB
from harness.native import ACK, Peer, Tcp, WebSocket
from harness.router import Router, run

LONG = "--long" in sys.argv
SPELL = 60.0 if LONG else 3.0  # how long something stays bad


@contextlib.contextmanager
def two_lines(*arguments):
    """A router, a scene on its good line, and what changes the bad one."""
    network = Network()
    with Router("--history-bytes", "256k", *arguments, listen=":0", host=network.desk, wrapper=network.wrapper, prepare=network.plug) as router, \
            Scene(router, growth=24 * MIB) as scene:
        yield network, router, scene


def join_from_afar(scene):
    """Two followers and a C++ client on the bad line; the figures count them from now on."""
    far = [Follower(scene, Tcp, Network.line), Follower(scene, WebSocket, Network.line), Watcher(scene, Network.line)]
    scene.followers += far[:2]
    scene.watchers += far[2:]
    scene.remember()


def near(scene):
    return [follower for follower in scene.followers if follower.host is None]


def undisturbed(scene):
    assert all(follower.connections == 1 for follower in near(scene)), "somebody on the good line lost a connection"


def packets_are_lost():
    """Every fifth packet, both ways: late, but in order and complete; mended, everybody is where the router is."""
    with two_lines() as (network, _, scene):
        join_from_afar(scene)
        network.drop(20)
        scene.play(SPELL)
        lost = network.dropped()
        network.drop(0)
        scene.recovers()
        assert lost > 20, f"only {lost} packets were lost"
        undisturbed(scene)


def little_room():
    """A tenth of the bandwidth the scene needs: those behind it skip values, the others have them all, and nothing is left of it afterwards."""
    with two_lines() as (network, router, scene):
        join_from_afar(scene)
        network.limit("256kbit")
        scene.play_until(lambda: scene.look()["sessions_slow"] > 0, "those on the narrow line are slow")
        scene.play(SPELL)
        network.limit(None)
        scene.recovers()
        assert router.metrics()["clasp_params_conflated_total"] > 0
        undisturbed(scene)


def interface_down_and_up():
    """For as long as somebody needs to plug a cable in again. TCP may bridge it or not: whoever lost the connection comes back."""
    with two_lines() as (network, _, scene):
        join_from_afar(scene)
        scene.play(0.5)
        network.line_down()
        scene.play(10.0)
        network.line_up()
        scene.play_until(lambda: not any(scene.behind(view) for view in scene.views), "everybody hears the newest values again")
        scene.recovers()
        undisturbed(scene)


def vanished_without_fin():
    """The line is dead and nobody says so: within three ping intervals and a second the session of a WebSocket client has ended, its lock is free and
    its address known to nobody; with traffic for it on the way, so has that of a TCP client after the stall timeout."""
    with two_lines("--ping-interval", "1s", "--stall-timeout", "4s") as (network, router, scene), \
            Peer(router.port, WebSocket, host=Network.desk) as other:
        holder = Peer(router.port, WebSocket, host=Network.line)
        (ack,) = holder.answer(native.set_param("/lock", "mine", qos=1, lock=True))[-1:]
        assert ack.kind == ACK
        listener = Peer(router.port, Tcp, host=Network.line)
        listener.answer(native.subscribe(1, "/scene/**"))
        assert scene.look()["sessions_active"] == scene.gauges["sessions_active"] + 3
        network.drop(100)
        began = time.monotonic()
        scene.play_until(lambda: other.poll() or scene.look()["sessions_active"] == scene.gauges["sessions_active"] + 1, "both sessions end")
        print(f"  both were gone after {time.monotonic() - began:.1f} s", flush=True)
        (ack,) = other.answer(native.set_param("/lock", "free again", qos=1, lock=True))[-1:]
        assert ack.kind == ACK, ack
        metrics = router.metrics()
        assert metrics["clasp_sessions_idle_closed_total"] == 1 and metrics["clasp_sessions_stalled_closed_total"] == 1, metrics
        other.close()
        network.drop(0)
        for peer in (holder, listener):
            peer.send(native.ping())
            peer.until(lambda peer=peer: peer.closed, "it learns so when the line is mended")
        scene.recovers()
        undisturbed(scene)


if __name__ == "__main__":
    run(packets_are_lost, little_room, interface_down_and_up, vanished_without_fin)
