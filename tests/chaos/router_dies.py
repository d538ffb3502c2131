"""The router is killed, or stopped for a while and goes on."""
import contextlib
import signal
import sys

from chaos.scene import Scene
from harness import native
from harness.checks import MIB
from harness.native import ACK, Peer, Tcp, WebSocket
from harness.router import Router, run

LONG = "--long" in sys.argv
STOPPED = 60.0 if LONG else 5.0


def killed_and_started_again():
    """kill -9 under full traffic, three times: whoever comes back, subscribes again and has the new router's truth, which begins empty."""
    first = Router("--history-bytes", "256k")
    with contextlib.ExitStack() as last_of_all, Scene(first, watchers=2) as scene:
        last_of_all.callback(lambda: scene.router.process.kill())
        first.clasp("set", "/scene/only/in/the/first", "1")
        scene.play_until(lambda: all("/scene/only/in/the/first" in view.holds() for view in scene.views), "everybody has it")
        for _ in range(3):
            scene.play(0.5)
            scene.router.signal(signal.SIGKILL)
            assert scene.router.dies() == -signal.SIGKILL
            scene.play(0.5)
            scene.router = Router("--history-bytes", "256k", listen=f"127.0.0.1:{first.port}")
            scene.play_until(lambda: not any(scene.behind(view) for view in scene.views), "everybody is back")
        scene.recovers()  # and nobody holds what only the first one had
        assert all(follower.connections == 4 for follower in scene.followers), [follower.connections for follower in scene.followers]
        with scene.router:
            pass  # it ends well


def stopped_and_continued():
    """SIGSTOP for longer than every limit of time while publishers write and a subscriber has a backlog: nobody loses a connection for the router's
    own absence, and what waited arrives."""
    limits = ("--stall-timeout", "3s", "--session-timeout", "4s", "--ping-interval", "1s") if not LONG else ()
    with Router("--history-bytes", "256k", *limits) as router, Scene(router, growth=24 * MIB) as scene, \
            Peer(router.port, WebSocket) as idle, Peer(router.port, Tcp, receive_buffer=4096) as slow:
        slow.answer(native.subscribe(1, "/large"))
        large = [native.set_param("/large", f"{number} " + "x" * 50_000) for number in range(100)]
        idle.answer(*large)
        scene.play_until(lambda: router.metrics()["clasp_outbox_bytes"] > 0, "the slow one has a backlog")
        router.signal(signal.SIGSTOP)
        scene.play(STOPPED)
        router.signal(signal.SIGCONT)
        slow.until(lambda: any((message.value or "").startswith("99 ") for message in slow.kinds(native.SET)), "the newest large value")
        assert not slow.closed and not idle.closed
        (ack,) = idle.answer(native.set_param("/idle", 1, qos=1))[-1:]
        assert ack.kind == ACK
        scene.answers()
        closed = {name: count for name, count in router.metrics().items() if "closed_total" in name and count}
        assert not closed, f"sessions were closed for the router's own absence: {closed}"
        assert all(follower.connections == 1 for follower in scene.followers)
        slow.close()
        idle.close()
        scene.recovers()


if __name__ == "__main__":
    run(killed_and_started_again, stopped_and_continued)
