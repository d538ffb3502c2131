"""Clients that are killed or stopped by the system: only what must end ends."""
import os
import select
import signal
import time

from chaos.scene import Scene
from harness import native
from harness.checks import MIB, connected, sessions
from harness.native import ACK, Bare, Peer, Tcp, WebSocket
from harness.router import Router, eventually, run

PATIENT = ("--stall-timeout", "10m", "--history-bytes", "256k")


def die_in_every_state(router, ready, due):
    """In a child: one client in every state a client can be in. It is killed while all of them last."""
    kept = [connected(router) for _ in range(4)]
    for connection, words in zip(kept, (b"", b"GET / HTTP/1.1\r\nHo", b"\x00\x00", Tcp.wrap(native.hello())[:-2])):
        connection.sendall(words)
    for carriage in (Tcp, WebSocket, Bare):
        holder = Peer(router.port, carriage)
        holder.answer(native.set_param(f"/dead/lock/{carriage.__name__}", "locked", qos=1, lock=True))
        half = Peer(router.port, carriage)
        half.send_raw(carriage.wrap(native.set_param("/dead/half", 1))[:-3])
        moving = Peer(router.port, carriage)
        moving.answer(native.publish("/scene/gesture", 1, signal=native.GESTURE, phase=native.START, gesture=7))
        flooded = Peer(router.port, carriage, receive_buffer=4096)
        flooded.answer(native.subscribe(1, "/scene/**"))
        unread = Peer(router.port, carriage, receive_buffer=4096)
        unread.send(*[native.set_param("/dead/unread", number, qos=1) for number in range(50_000)])
        kept += [holder, half, moving, flooded, unread]
    scheduler, busy = Peer(router.port), Peer(router.port)
    scheduler.answer(native.bundle([native.set_param("/dead/bundle", "of the dead")], timestamp=due, qos=1))
    os.write(ready, b"!")
    while True:  # the last state: writing as fast as it can
        busy.send(native.set_param("/dead/busy", 1))
        busy.until(lambda: not busy.unsent, "it is read")


def killed_in_every_state():
    """kill -9 in the middle of a handshake, frame, gesture, flood, with a lock and with a bundle waiting: only what must end ends, others go on."""
    ready, say_ready = os.pipe()
    with Router(*PATIENT) as router, Scene(router, growth=32 * MIB) as scene, Peer(router.port) as listener:  # three flooded, 1 MiB each and more
        listener.answer(native.subscribe(1, "/scene/gesture"))
        scene.gauges = scene.look()
        scene.descriptors += 1
        child = native.in_child(die_in_every_state, router, say_ready, native.now_us() + 5_000_000)
        scene.play_until(lambda: select.select([ready], [], [], 0)[0], "the child is ready")
        scene.play(1.0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        scene.recovers()
        for carriage in (Tcp, WebSocket, Bare):
            (ack,) = listener.answer(native.set_param(f"/dead/lock/{carriage.__name__}", "free", qos=1, lock=True))[-1:]
            assert ack.kind == ACK, f"a lock of the dead: {ack}"
        assert listener.read_param("/dead/half") is None, "half a frame is nothing"
        eventually(lambda: (listener.read_param("/dead/bundle") or native.Message(0)).value == "of the dead", "a waiting bundle outlives its sender",
                   native.LIMIT)
        starts = [message for message in listener.kinds(native.PUBLISH) if message.phase == native.START]
        assert len(starts) == 3, f"three gestures began: {starts}"
        assert all(follower.connections == 1 for follower in scene.followers), "nobody else lost a connection"


def stay_connected(router, ready):
    """In a child: a TCP and a WebSocket subscriber and an idle WebSocket client; says so and then does nothing any more."""
    kept = [Peer(router.port, Tcp), Peer(router.port, WebSocket), Peer(router.port, WebSocket)]
    for peer in kept[:2]:
        peer.answer(native.subscribe(1, "/scene/**"), native.subscribe(2, "/large"))
    kept[2].answer(native.set_param("/stopped/lock", 1, qos=1, lock=True))
    os.write(ready, b"!")
    signal.pause()


def stopped_for_good():
    """A machine that stops never says FIN: its sessions end for want of progress or of a pong, its locks with them, and nobody waits for it."""
    ready, say_ready = os.pipe()
    with Router("--stall-timeout", "3s", "--ping-interval", "1s", "--history-bytes", "256k") as router, Scene(router, growth=32 * MIB) as scene, \
            Peer(router.port, WebSocket) as writer:
        scene.gauges, scene.descriptors = scene.look(), router.descriptors()
        at_rest = sessions(router)
        child = native.in_child(stay_connected, router, say_ready)
        assert os.read(ready, 1) == b"!"
        os.kill(child, signal.SIGSTOP)
        try:
            assert sessions(router) == at_rest + 3
            large = native.set_param("/large", "x" * 50_000)

            def sessions_are_gone():
                writer.poll()
                if not writer.unsent:
                    writer.send(large)
                return sessions(router) == at_rest
            scene.play_until(sessions_are_gone, "the sessions of a stopped process end")
            (ack,) = writer.answer(native.set_param("/stopped/lock", 2, qos=1, lock=True))[-1:]
            assert ack.kind == ACK, f"its lock is free: {ack}"
            scene.recovers()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert all(follower.connections == 1 for follower in scene.followers), "nobody else lost a connection"


def stopped_for_a_while():
    """A C++ client that is stopped and goes on ends on the newest value of every param; nobody else notices."""
    with Router(*PATIENT) as router, Scene(router, watchers=2, growth=16 * MIB) as scene:
        stopped = scene.watchers[0]
        stopped.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        scene.play_until(lambda: time.monotonic() - began > 3 and scene.look()["sessions_slow"] == 1, "the stopped one is slow")
        assert stopped.holds() != scene.watchers[1].holds()
        stopped.process.send_signal(signal.SIGCONT)
        scene.recovers()
        assert all(follower.connections == 1 for follower in scene.followers)
        assert router.metrics()["clasp_params_conflated_total"] > 0, "it was spared what was old"


if __name__ == "__main__":
    run(killed_in_every_state, stopped_for_good, stopped_for_a_while)
