"""The wall clock is set back and forward under a running router; what it uses for deadlines is the steady clock, which nobody can set."""
import contextlib
import glob
import json
import os
import tempfile
import time

from chaos.scene import Scene
from harness import native
from harness.native import ACK, PUBLISH, SET, Peer, WebSocket
from harness.router import Router, Skipped, eventually, run

HOUR = 3600
MINUTE_US = 60_000_000


class WallClock:
    """A router's own wall clock (libfaketime), so many seconds off from ours; can be set while it runs."""

    def __init__(self, folder):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not libraries:
            raise Skipped("libfaketime (Debian: faketime)")
        self.file = f"{folder}/clock"
        self.set(0)
        self.environment = {"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}

    def set(self, seconds):
        with open(f"{self.file}.new", "w") as file:
            file.write(f"{seconds:+d}\n")
        os.replace(f"{self.file}.new", self.file)
        self.offset = seconds

    def now_us(self):
        return native.now_us() + self.offset * 1_000_000


@contextlib.contextmanager
def router_with_a_clock(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        clock = WallClock(folder)
        with Router("--history-bytes", "256k", *arguments, environment=clock.environment) as router:
            yield router, clock


def shows(router, clock):
    """The clock in the newest param's timestamp is the one that was set."""
    with Peer(router.port) as peer:
        (ack,) = peer.answer(native.set_param("/clock", 1, qos=1))
        assert ack.kind == ACK
    said = json.loads(router.clasp("get", "/clock", "--json"))
    return abs(said["timestamp"] - clock.now_us()) < MINUTE_US


def set_back_and_forward():
    """An hour back, two forward, a day back: sessions, values and order do not care; nobody is thrown out, nothing stands still."""
    with router_with_a_clock("--ping-interval", "1s") as (router, clock), Scene(router) as scene:
        for offset in (-HOUR, HOUR, -24 * HOUR):
            clock.set(offset)
            assert shows(router, clock), "the router's wall clock is the one that was set"
            scene.play(1.5)
            scene.recovers()
        assert all(follower.connections == 1 for follower in scene.followers), "nobody lost a connection"


def deadlines_keep_their_time():
    """What was to happen in two seconds happens then, not in an hour and not at once: lifetimes, held values, gestures, bundles."""
    for offset in (-HOUR, HOUR):
        with router_with_a_clock() as (router, clock), Scene(router, watchers=0) as scene, \
                Peer(router.port, WebSocket) as one, Peer(router.port) as other:
            other.answer(native.subscribe(1, "/due/**"))
            began = time.monotonic()
            one.answer(native.set_param("/due/mortal", 1, ttl=3),
                       native.bundle([native.set_param("/due/bundle", 1)], timestamp=clock.now_us() + 2_000_000),
                       native.publish("/due/gesture", 0, signal=native.GESTURE, phase=native.START, gesture=1))
            clock.set(offset)
            for number in range(1, 4):
                one.answer(native.publish("/due/gesture", number, signal=native.GESTURE, phase=native.MOVE, gesture=1))
            other.until(lambda: [message.value for message in other.kinds(PUBLISH)][-1:] == [3], "the newest move, though it was held")

            def heard(address, value):
                return any(message.address == address and message.value == value for message in other.kinds(SET))
            scene.play_until(lambda: other.poll() or heard("/due/bundle", 1), "the bundle is executed")
            assert time.monotonic() - began >= 1.9, "not before its time"
            scene.play_until(lambda: other.poll() or heard("/due/mortal", None), "the lifetime ends")
            assert time.monotonic() - began >= 2.9, "not before its time"
            one.answer(native.bundle([native.set_param("/due/new", 1)], timestamp=clock.now_us() + 1_000_000))
            other.until(lambda: heard("/due/new", 1), "a bundle by the new clock")
            one.close()
            other.close()
            scene.recovers()


def client_clocks_follow():
    """The command line measures the offset it is told to measure: an hour, within what a round trip explains."""
    with router_with_a_clock() as (router, clock):
        for offset in (0, -HOUR, HOUR):
            clock.set(offset)

            def measured():
                last = json.loads(router.clasp("ping", "--count", "3", "--interval", "10ms", "--json").splitlines()[-1])
                return last.get("clock_offset_us")
            eventually(lambda: abs((measured() or 0) - offset * 1_000_000) < MINUTE_US, f"an offset of {offset} s, it is {measured()}", 60)


if __name__ == "__main__":
    run(set_back_and_forward, deadlines_keep_their_time, client_clocks_follow)
