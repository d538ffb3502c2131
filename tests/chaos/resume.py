"""A line that is cut again and again, anywhere in a frame: whoever resumes its session misses nothing, hears nothing twice and has said nothing twice.
The client in here is written from docs/resume.md; `clasp watch` is the native one."""
import json
import os
import signal
import subprocess
import tempfile
import time

from chaos.proxy import CuttingProxy
from harness import native
from harness.native import ACK, EVENT, MARK, PUBLISH, SNAPSHOT, STREAM, WELCOME, Peer, Tcp, WebSocket, ended_well, in_child
from harness.router import Router, eventually, run

PUBLISHERS = 3
MESSAGES = 5_000  # of each kind and publisher
BATCH, PAUSE = 10, 0.008  # a few thousand messages a second in all


def publish_numbers(port, publisher):
    """Numbered events and stream items, in a process of its own."""
    with Peer(port, Tcp, f"publisher {publisher}") as peer:
        for first in range(0, MESSAGES, BATCH):
            frames = []
            for number in range(first, first + BATCH):
                frames += [native.publish(f"/show/{publisher}/event", number), native.publish(f"/show/{publisher}/stream", number, signal=STREAM)]
            peer.answer(*frames)
            time.sleep(PAUSE)


class Line(Peer):
    """One connection of a Resuming client."""

    def __init__(self, client, port, carriage):
        self.client = client
        super().__init__(port, carriage, greet=False)
        self.send(native.hello("resuming", block={"resume": client.claim()}))

    def got(self, message):
        if message.kind == WELCOME:
            return self.client.welcomed(message, self)
        self.client.got(message, self)


class Resuming:
    """Counts what comes, keeps what it has said until the router has it, and goes on where it was."""

    def __init__(self, port, carriage):
        self.port, self.carriage = port, carriage
        self.offer, self.session, self.received, self.marked = None, None, 0, 0
        self.said, self.said_first = [], 0  # frames; the number of the first
        self.line, self.welcome, self.connections, self.refusals = None, False, 0, []
        self.next, self.acks, self.snapshots = {}, [], 0

    def claim(self):
        if self.offer is None:
            return {}
        return {"session": self.session, "secret": self.offer["secret"], "epoch": self.offer["epoch"], "frames": self.received}

    def poll(self):
        if self.line is None or self.line.closed:
            self.welcome = False
            try:
                self.line = Line(self, self.port, self.carriage)
            except (OSError, AssertionError):  # cut in the middle of an upgrade
                self.line = None
                return
            self.connections += 1
        else:
            self.line.poll()

    def welcomed(self, message, line):
        offer = message.block["resume"]
        if self.offer is not None and not offer["resumed"]:
            self.refusals.append(offer["why"])
            self.next = {}
        if offer["resumed"]:
            assert message.session == self.session
            assert self.said_first <= offer["frames"] <= self.said_first + len(self.said), (offer, self.said_first, len(self.said))
            self.forget(offer["frames"])
            line.send(*self.said)
        else:
            self.received = self.marked = self.said_first = 0
            self.said = []
        self.offer, self.session, self.welcome = offer, message.session, True
        if not offer["resumed"]:
            self.say(native.subscribe(1, "/show/**"))

    def forget(self, frames):
        del self.said[:max(frames - self.said_first, 0)]
        self.said_first = max(frames, self.said_first)

    def say(self, *frames):
        self.said += frames
        if self.welcome:
            self.line.send(*frames)

    def got(self, message, line):
        self.received += 1
        if self.received - self.marked >= 128:
            self.marked = self.received
            self.say(native.mark(self.received))
        if message.kind == PUBLISH:
            key = message.address
            assert key not in self.next or message.value == self.next[key], f"{key}: {message.value} instead of {self.next[key]}"
            self.next[key] = message.value + 1
        elif message.kind == ACK:
            self.acks.append(message.revision)
        elif message.kind == SNAPSHOT:
            self.snapshots += 1
        elif message.kind == MARK:
            self.forget(message.frames)
        else:
            assert message.kind == native.SET, message

    def done(self):
        return len(self.next) == 2 * PUBLISHERS and set(self.next.values()) == {MESSAGES}

    def close(self):
        if self.line is not None:
            self.line.close()


def hundreds_of_cuts():
    """Events and streams of three publishers, both ways, and writes with their answers, over TCP and WebSocket."""
    with Router() as router, CuttingProxy(router.port, 1_000, 20_000) as line, Peer(router.port, Tcp, "judge") as judge:
        clients = [Resuming(line.port, carriage) for carriage in (Tcp, WebSocket)]
        while not all(client.snapshots for client in clients):
            for client in clients:
                client.poll()
        judge.answer(native.subscribe(1, "/back/**", types=1 << EVENT))
        judge.inbox.clear()
        publishers = [in_child(publish_numbers, router.port, publisher) for publisher in range(PUBLISHERS)]
        said = 0
        end = time.monotonic() + 3 * native.LIMIT
        while not all(client.done() for client in clients):
            assert time.monotonic() < end, [(client.next, client.connections) for client in clients]
            for number, client in enumerate(clients):
                client.poll()
                client.say(native.publish(f"/back/{number}", said), native.set_param(f"/counter/{number}", said, qos=1))
            said += 1
            judge.poll()
            time.sleep(0.002)
        for publisher in publishers:
            ended_well(publisher)

        def all_answered():
            for client in clients:
                client.poll()
            judge.poll()
            return all(len(client.acks) == said for client in clients) and len(judge.inbox) == 2 * said

        eventually(all_answered, "every write is answered and every event heard", native.LIMIT)
        for number, client in enumerate(clients):
            assert client.acks == list(range(1, said + 1)), "every write was done once, in order"
            assert [message.value for message in judge.inbox if message.address == f"/back/{number}"] == list(range(said))
            assert not client.refusals, client.refusals
        cuts = sum(client.connections for client in clients)
        metrics = router.metrics()
        resumed = metrics["clasp_sessions_resumed_total"]
        print(f"  {cuts} connections, {resumed:.0f} resumes, {PUBLISHERS * 2 * MESSAGES} messages to each of two, {2 * said} writes", flush=True)
        assert resumed >= 200, f"only {resumed} resumes"
        for client in clients:
            client.close()


def the_native_client():
    """`clasp watch` over such a line: every event and stream item, each once."""
    with Router() as router, CuttingProxy(router.port, 20_000, 200_000) as line, tempfile.TemporaryFile() as out:
        router.clasp("set", "/show/ready", "1")
        watching = subprocess.Popen([router.binary, "watch", "/show/**", "--json", "--server", f"ws://127.0.0.1:{line.port}", "--quiet"], stdout=out)
        try:
            eventually(lambda: b"/show/ready" in os.pread(out.fileno(), 1 << 16, 0), "it is subscribed", native.LIMIT)
            publishers = [in_child(publish_numbers, router.port, publisher) for publisher in range(PUBLISHERS)]
            for publisher in publishers:
                ended_well(publisher)

            def lines():
                return [text for text in os.pread(out.fileno(), 1 << 26, 0).splitlines(True) if text.endswith(b"\n") and b'"publish"' in text]

            eventually(lambda: len(lines()) >= 2 * PUBLISHERS * MESSAGES, "everything is heard", native.LIMIT)
            numbers = {}
            for message in map(json.loads, lines()):
                numbers.setdefault(message["address"], []).append(message["value"])
            assert len(numbers) == 2 * PUBLISHERS and all(sequence == list(range(MESSAGES)) for sequence in numbers.values()), \
                {address: (len(sequence), sequence[:3], sequence[-3:]) for address, sequence in numbers.items()}
            resumed = router.metrics()["clasp_sessions_resumed_total"]
            print(f"  {resumed:.0f} resumes", flush=True)
            assert resumed >= 3, f"only {resumed} resumes"
        finally:
            watching.kill()
            watching.wait()


def killed_router():
    """Another run of the router knows nothing of the session: it says so, and there is a snapshot."""
    first = Router()
    client = Resuming(first.port, Tcp)
    try:
        while not client.snapshots:
            client.poll()
        first.signal(signal.SIGKILL)
        assert first.dies() == -signal.SIGKILL
        with Router(listen=f"127.0.0.1:{first.port}") as second:
            second.clasp("set", "/show/x", "5")
            before = client.snapshots
            eventually(lambda: client.poll() or client.snapshots > before, "the snapshot of the new router", native.LIMIT)
            assert client.refusals == ["restarted"], client.refusals
            client.close()
    finally:
        first.process.kill()


if __name__ == "__main__":
    run(hundreds_of_cuts, the_native_client, killed_router)
