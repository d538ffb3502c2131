"""A small show around one router, and what must hold after every fault: it answers, nothing grew, nobody keeps a stale value."""
import json
import os
import subprocess
import tempfile
import time

from harness import native
from harness.checks import MIB
from harness.native import ACK, SET, SNAPSHOT, WELCOME, Bare, Peer, Tcp, WebSocket

PATTERN = "/scene/**"
LOST = 1.0  # seconds within which a newcomer has to be answered
GAUGES = ("sessions_active", "links_active", "subscriptions_active", "outbox_bytes", "sessions_slow", "snapshots_running", "bundles_waiting",
          "gestures_active")


class Follower:
    """A subscriber that comes back: connects again when its connection has ended, and believes only what the newest one said."""

    def __init__(self, scene, carriage, host=None, port=None):
        """`host` and `port`: where it finds the router, if that is not where the router is."""
        self.scene, self.carriage, self.host, self.port = scene, carriage, host, port
        self.connections, self.peer = 0, None
        self.poll()

    def poll(self):
        if self.peer is None or self.peer.closed:
            self.connect()
        else:
            self.peer.poll()

    def connect(self):
        try:
            router = self.scene.router
            self.peer = View(self.scene.writer, self.port or router.port, self.carriage, host=self.host or router.host)
        except (OSError, AssertionError):  # nobody there, or gone in the middle of an upgrade
            self.peer = None
            return
        self.connections += 1

    def holds(self):
        return None if self.peer is None or self.peer.closed else self.peer.values

    def close(self):
        if self.peer is not None:
            self.peer.close()


class View(Peer):
    """What one connection was shown of the scene. A revision that falls (contract 7 and 13) and an event that is missing, doubled or out of order
    (contract 15) is a fault at once."""

    def __init__(self, writer, port, carriage, **options):
        self.values, self.revisions, self.event, self.writer = {}, {}, None, writer
        super().__init__(port, carriage, "follower", greet=False, **options)
        self.send(native.hello("follower"), native.subscribe(1, PATTERN))

    def got(self, message):
        if message.kind == SNAPSHOT:
            for entry in message.entries:
                self.shown(entry.address, entry.value, entry.revision)
        elif message.kind == SET:
            self.shown(message.address, message.value, message.revision)
        elif message.kind == native.PUBLISH and message.signal == native.EVENT:
            self.heard(message.value)
        elif message.kind != native.PUBLISH:
            super().got(message)

    def heard(self, event):
        if self.event is not None:
            assert event > self.event, f"event {event} behind {self.event}"
            assert event == self.event + 1 or self.writer.connections > 1, f"event {event} behind {self.event}: some are missing"
        self.event = event

    def shown(self, address, value, revision):
        if not address.startswith("/scene/"):
            return  # HELLO's snapshot has it, but nobody keeps it current
        assert revision >= self.revisions.get(address, 0), f"{address} steps back from {self.revisions[address]} to {revision}"
        self.revisions[address] = revision
        if value is None:
            self.values.pop(address, None)
        else:
            self.values[address] = value


class Watcher:
    """`clasp watch`: the C++ client, with its own way of coming back."""

    def __init__(self, scene, host=None):
        url = f"ws://{host or scene.router.host}:{scene.router.port}"
        self.out = tempfile.TemporaryFile()
        self.values, self.rest, self.at = {}, b"", 0
        self.process = subprocess.Popen([scene.router.binary, "watch", PATTERN, "--json", "--server", url, "--quiet"],
                                        stdout=self.out, stderr=subprocess.DEVNULL)

    def poll(self):
        assert self.process.poll() is None, f"clasp watch ended with {self.process.returncode}"
        words = os.pread(self.out.fileno(), 1 << 24, self.at)
        self.at += len(words)
        *lines, self.rest = (self.rest + words).split(b"\n")
        for change in map(json.loads, lines):
            if change["kind"] == "set" and change["value"] is None:
                self.values.pop(change["address"], None)
            elif change["kind"] == "set":
                self.values[change["address"]] = change["value"]

    def holds(self):
        return self.values

    def close(self):
        self.process.kill()
        self.process.wait()
        self.out.close()


class Writer:
    """Sets every param of the scene to the next number, as fast as the router reads it but no faster than a scene turns; comes back as well."""

    def __init__(self, scene):
        self.scene, self.peer, self.number, self.connections = scene, None, 0, 0

    def poll(self):
        if self.peer is None or self.peer.closed:
            try:
                self.peer = Peer(self.scene.router.port, Tcp, "writer", greet=False, host=self.scene.router.host)
            except OSError:
                self.peer = None
                return
            self.connections += 1
            self.peer.send(native.hello("writer"))
        self.peer.poll()
        self.peer.inbox.clear()

    def write(self):
        if self.peer is None or self.peer.closed or self.peer.unsent:
            return
        self.number += 1
        frames = [native.set_param(address, self.number) for address in self.scene.addresses]
        self.peer.send(*frames, native.publish("/scene/event", self.number), native.publish("/scene/stream", self.number, signal=native.STREAM))

    def close(self):
        if self.peer is not None:
            self.peer.close()


class Scene:
    """A writer, followers over every carriage and `watchers` of the C++ client around one router. `growth`: how many more bytes of resident memory
    than at the beginning are no leak: 8 MiB are the freed memory the allocator keeps; a scenario that has the router hold more for a while says
    so."""

    def __init__(self, router, watchers=1, params=50, growth=8 * MIB):
        self.router, self.growth = router, growth
        self.followers, self.watchers = [], []
        self.addresses = [f"/scene/{number}" for number in range(params)]
        self.writer = Writer(self)
        try:
            self.play(0.5)
            self.followers += [Follower(self, carriage) for carriage in (Tcp, WebSocket, Bare, Tcp, WebSocket)]
            self.watchers += [Watcher(self) for _ in range(watchers)]
            self.play(0.5)
            self.remember()
        except BaseException:
            self.close()
            raise

    @property
    def views(self):
        return [*self.followers, *self.watchers]

    def turn(self):
        """One look at everybody, without waiting for anybody."""
        for part in (self.writer, *self.views):
            part.poll()
        time.sleep(0.005)

    def play(self, seconds):
        """Everybody at work for a while."""
        self.play_until(lambda end=time.monotonic() + seconds: time.monotonic() >= end, "time passes")

    def play_until(self, condition, what, seconds=native.LIMIT):
        end = time.monotonic() + max(seconds, native.LIMIT)
        while not condition():
            assert time.monotonic() < end, f"never happened: {what}"
            self.turn()
            self.writer.write()

    def behind(self, view):
        """Whether it is further from the newest value than what is on its way to it."""
        return not view.holds() or self.writer.number - max(view.holds().values()) > 100

    def remember(self):
        """The figures to come back to are those of now."""
        self.settle()
        self.rss, self.descriptors, self.gauges = self.router.rss(), self.router.descriptors(), self.look()

    def look(self):
        metrics = self.router.metrics()
        return {name: metrics[f"clasp_{name}"] for name in GAUGES}

    # ---- the three checks ----

    def recovers(self):
        """After a fault, once it is over."""
        self.answers()
        self.play(0.3)
        self.settle()
        self.nothing_grew()

    def answers(self):
        """There comes a moment from which on a newcomer has WELCOME, an ACK and its value back within a second."""
        end, took = time.monotonic() + native.LIMIT, None
        while took is None or took > LOST:
            assert time.monotonic() < end, f"a newcomer is not answered within {LOST} s: {took or 'not at all'}"
            took = self.newcomer()
            self.turn()

    def newcomer(self):
        """How many seconds a new client needs to connect, SET and GET; None if it cannot."""
        began = time.monotonic()
        try:
            with Peer(self.router.port, Tcp, "newcomer", greet=False, host=self.router.host) as peer:
                peer.send(native.hello("newcomer"), native.set_param("/newcomer", self.writer.number, qos=1), native.get("/newcomer"))
                peer.until(lambda: peer.kinds(ACK) and any(entry.value == self.writer.number for message in peer.kinds(SNAPSHOT)
                                                           for entry in message.entries if entry.address == "/newcomer"), "its value", 2 * LOST)
                assert peer.inbox[0].kind == WELCOME, peer.inbox
        except (OSError, AssertionError):
            return None
        return time.monotonic() - began

    def settle(self):
        """The writer is silent; then everybody holds what the router holds, and the router what was written last."""
        self.until_turned(lambda: self.writer.peer is not None and not self.writer.peer.unsent, "the router takes what was written")
        with Peer(self.router.port, Tcp, "judge", host=self.router.host) as judge:
            last = {}

            def told():
                entries = [entry for message in judge.answer(native.subscribe(1, PATTERN)) for entry in message.entries]
                last.update({entry.address: entry.value for entry in entries if entry.address.startswith("/scene/")})
                judge.inbox.clear()
                return len(last) == len(self.addresses) and set(last.values()) == {self.writer.number}

            self.until_turned(told, lambda: f"the router holds the last number, {self.writer.number}: {str(last)[:2000]}")
        self.all_hold(last)

    def hear_the_last(self):
        """The same for a router that lets no judge in: everybody holds what was written last."""
        self.all_hold(dict.fromkeys(self.addresses, self.writer.number))

    def all_hold(self, last):
        self.until_turned(lambda: not self.stale(last), lambda: f"everybody holds {self.writer.number}: {self.stale(last)}")

    def stale(self, last):
        """Who holds what else, shortened."""
        return [f"{type(view).__name__} {sorted(set((view.holds() or {}).items()) ^ set(last.items()))[:10]}"
                for view in self.views if view.holds() != last]

    def until_turned(self, condition, what):
        end = time.monotonic() + native.LIMIT
        while not condition():
            assert time.monotonic() < end, f"never happened: {what() if callable(what) else what}"
            self.turn()

    def nothing_grew(self):
        now = {}

        def as_before():
            now.update(self.look(), descriptors=self.router.descriptors())
            return now == {**self.gauges, "descriptors": self.descriptors}

        self.until_turned(as_before, lambda: f"figures as before: {now}, they were {self.gauges} and {self.descriptors} descriptors")
        grown = self.router.rss() - self.rss
        assert grown <= self.growth, f"{grown / MIB:.1f} MiB more than before, {self.growth / MIB:.0f} are allowed"

    def close(self):
        for part in (self.writer, *self.views):
            part.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
