"""Who writes while the router is killed again and again. Every writer knows what each of its writes does to the params only it writes to, so that
afterwards one question decides: after how many of its writes, in their order, is the state the one that has come back?"""
import http.client
import random
import threading
import time

from harness import mqtt, native
from harness.http import Api
from harness.native import ACK, ERROR, WELCOME, Newest, Peer

MEMBERS = 10    # params of a bundle
LARGE = 400     # of a large one: more commits than the router shows its journal at once. All params together are few enough for a state file to be of one moment
IN_FLIGHT = 16


class Write:
    """One write: what it changes, as [(address, value)], value None for a removal; when it was acknowledged. Refused ones change nothing."""
    __slots__ = ("changes", "acknowledged_at", "refusable", "what")

    def __init__(self, what, changes, refusable=False):
        self.what, self.changes, self.refusable, self.acknowledged_at = what, changes, refusable, None


class Recorder:
    """What every writer has in common: its writes of this life, numbered values that no life repeats."""
    last_number = 0

    def record(self, who, base):
        self.who, self.writes, self.acknowledged = who, [], 0
        self.there = {address: entry.value for address, entry in base.items() if address.startswith(self.address(""))}

    @classmethod
    def number(cls):
        Recorder.last_number += 1
        return Recorder.last_number

    def address(self, last):
        return f"/storm/{self.who}/{last}"

    def acknowledge(self):
        self.writes[self.acknowledged].acknowledged_at = time.monotonic()
        self.acknowledged += 1


class NativeWriter(Recorder, Peer):
    """Some of everything a native client can write, some in flight; one answer to each, in their order (contract 26)."""

    def __init__(self, router, name, base, chance, rules):
        self.record(name, base)
        self.chance, self.rules = chance, rules
        self.large = name in ("n0", "n1")
        self.events, self.events_at = 0, []  # how many events had been sent before each write
        Peer.__init__(self, router.port, name=name)
        self.session = self.kinds(WELCOME)[0].session

    def got(self, message):
        if message.kind not in (ACK, ERROR):
            return super().got(message)
        write = self.writes[self.acknowledged]
        assert message.kind == ACK or write.refusable, f"{self.who}: {write.what} was refused: {message}"
        assert message.kind == ERROR or not write.refusable, f"{self.who}: {write.what} was taken: {message}"
        self.acknowledge()
        self.go_on()

    def go_on(self):
        while len(self.writes) - self.acknowledged < IN_FLIGHT and not self.closed:
            write, frame = self.any_write()
            self.writes.append(write)
            self.events_at.append(self.events)
            frames = [frame]
            if self.chance.random() < 0.2:
                self.events += 1
                frames.insert(0, native.publish(self.address("event"), self.events))
                self.events_at[-1] = self.events
            self.unsent += b"".join(map(self.carriage.wrap, frames))
        self.flush()

    def any_write(self):
        """A write, and the frame that says it."""
        number = self.number()
        kind = self.chance.choices(("plain", "long", "short", "locked", "expected", "max", "min", "below", "above", "null", "cause", "bundle", "large"),
                                   (20, 4, 4, 4, 2, 4, 4, 2, 2, 4, 12, 6, 0.3 * self.large))[0]
        if kind in ("below", "above", "expected"):  # refused, once there is something to refuse it
            name = {"below": "max", "above": "min", "expected": "plain"}[kind]
            if self.address(name) in self.there:
                value = {"below": -1 << 40, "above": 1 << 40, "expected": number}[kind]
                return Write(kind, [], refusable=True), native.set_param(self.address(name), value, qos=1, expected=1 << 60 if kind == "expected" else None)
            kind = name
        if kind in ("bundle", "large"):
            changes = [(self.address(f"{kind}/{n}"), number) for n in range(MEMBERS if kind == "bundle" else LARGE)]
            return Write(kind, changes), native.bundle([native.set_param(*change) for change in changes], qos=2)
        if kind == "short":  # ends by itself: looked at otherwise
            return Write(kind, []), native.set_param(self.address("short"), number, qos=1, ttl=1 | 1 << 31)
        name, value = {"null": ("plain", None), "min": ("min", -number)}.get(kind, (kind, number))  # for a native client null is a value as any other
        changes = [(self.address(name), value)]
        if kind == "cause" and self.rules:  # and what a rule makes of it
            changes.append((self.address("effect"), number))
        self.there.update(changes)
        frame = native.set_param(self.address(name), value, qos=1, ttl=3600 if kind == "long" else None, lock=kind == "locked")
        return Write(kind, changes), frame


class ThreadWriter(Recorder, threading.Thread):
    """One write after the other, each confirmed, until the router is gone."""
    failure = None

    def __init__(self, router, name, base, chance):
        self.record(name, base)
        threading.Thread.__init__(self)
        self.router, self.chance, self.closed = router, chance, False
        self.session = None  # not known
        self.start()

    def run(self):
        try:
            self.connect()
            while True:
                number = None if self.chance.random() < 0.3 else self.number()
                self.writes.append(Write("number" if number else "removal", [(self.address("value"), number)]))
                self.write(number)
                self.acknowledge()
        except (OSError, mqtt.Closed, http.client.HTTPException):
            pass  # killed
        except BaseException as failure:
            self.failure = failure


class HttpWriter(ThreadWriter):
    api = None

    def connect(self):
        self.api = Api(self.router)

    def write(self, number):
        path = "/state" + self.address("value")
        status, body = self.api.put(path, str(number)) if number else self.api.delete(path)
        assert status in (200, 201) or (number is None and status == 404), (status, body)

    def close(self):
        if self.api:
            self.api.connection.close()


class MqttWriter(ThreadWriter):
    """Retained messages, QoS 1 and 2; an empty one removes."""
    client = None

    def connect(self):
        self.client = mqtt.Client(self.router.port, self.who, self.chance.choice((4, 5)))

    def write(self, number):
        code = self.client.published(self.address("value")[1:], str(number or "").encode(), self.chance.choice((1, 2)), retain=True)
        assert code in (0, None), f"PUBLISH was answered with {code}"

    def close(self):
        if self.client:
            self.client.close()


class Watcher(Newest):
    """Hears everything: which revision each value had, and the highest of each address (`top`, over all lives)."""

    def __init__(self, router, top):
        self.top, self.heard_as, self.lived = top, {}, set()
        super().__init__(router.port)
        self.send(native.subscribe(1, "/storm/**"))

    def got(self, message):
        super().got(message)
        if message.kind != native.SET:
            return
        if message.address not in self.lived:
            assert message.revision > self.top.get(message.address, 0), \
                f"{message.address}: revision {message.revision} after a restart is not above {self.top[message.address]}, which was heard before"
            self.lived.add(message.address)
        self.top[message.address] = message.revision
        self.heard_as[message.address, message.value] = message.revision


def begin(router, base, seed, rules):
    """All of them; the same seed writes the same."""
    chance = random.Random(seed)
    writers = [NativeWriter(router, f"n{number}", base, random.Random(chance.random()), rules) for number in range(4)]
    return writers + [maker(router, name, base, random.Random(chance.random())) for maker, name in ((HttpWriter, "http"), (MqttWriter, "mqtt"))]
