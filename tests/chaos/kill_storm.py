"""kill -9 at random moments under a mixed load, again and again on the same files: what comes back is, for every writer, the state after some of its
writes in their order: at least all that had to be there, no half bundle, no write without what rules made of it.
  tests/chaos/kill_storm [NAME...] [--kills N] [--seed N]"""
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

from chaos import storm_writers
from harness import native
from harness.http import Api
from harness.native import Peer, wait_for
from harness.router import Router, eventually, run


def option(name, otherwise):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else otherwise


KILLS = option("--kills", 5)  # of each way to keep
SEED = option("--seed", int(os.environ.get("CLASP_SEED", "0")) or random.randrange(1 << 30))
WINDOW = 0.1     # seconds, of async
GENEROUS = 1.0   # what the promise is allowed on a machine that does not come round to writing; what was seen is printed
COMMON = ("--http", "--strategy", "/storm/*/max=max", "--strategy", "/storm/*/min=min", "--log-level", "error")
JOURNAL = ("--journal-window", f"{int(WINDOW * 1000)}ms", "--journal-snapshot-entries", "1000", "--journal-max-entries", "20000")


def rules():
    """What each native writer's cause makes of its effect."""
    return [{"id": f"n{n}", "trigger": {"type": "on_change", "pattern": f"/storm/n{n}/cause"},
             "actions": [{"type": "set_from_trigger", "address": f"/storm/n{n}/effect"}]} for n in range(4)]


class Storm:
    """The files, and what has to be true of them from one life of the router to the next."""

    def __init__(self, folder, durability, options):
        self.folder, self.durability, self.options = folder, durability, options
        self.chance = random.Random(SEED)
        self.top = {}          # address → the highest revision anybody has heard
        self.before = {}       # address → the SNAPSHOT entry it came back with, life before
        self.writers, self.watcher = [], None
        self.counts = collections.Counter()
        self.lateness = []     # of lives that lost something: how old the oldest loss was, seconds

    def start(self):
        self.started_us = native.now_us()
        return Router(*COMMON, *self.options)

    def life(self, number, longest):
        self.where = f"seed {SEED}, kill {number}"
        if self.chance.random() < 0.1:
            self.killed_while_starting()
        router = self.start()
        try:
            self.check(router)
            self.watcher = storm_writers.Watcher(router, self.top)
            self.began_us = native.now_us()
            self.writers = storm_writers.begin(router, self.before, self.chance.random(), "--rules" in self.options)
            peers = [writer for writer in self.writers if isinstance(writer, Peer)]
            for peer in peers:
                peer.go_on()
            end = time.monotonic() + self.chance.uniform(0.01, longest)
            wait_for([*peers, self.watcher], lambda: time.monotonic() > end, "the moment of the kill")
        finally:
            self.killed_at = time.monotonic()
            router.killed()
        for writer in self.writers:
            self.hear_out(writer)
        self.hear_out(self.watcher)
        self.counts["kills"] += 1
        self.counts["written"] += sum(len(writer.writes) for writer in self.writers)
        self.counts["acknowledged"] += sum(writer.acknowledged for writer in self.writers)

    def hear_out(self, who):
        """What the router had said before it was killed."""
        if isinstance(who, Peer):
            eventually(lambda: who.poll() or who.closed, "the connection ends", 60)
        else:
            who.join()
            assert who.failure is None, (self.where, who.failure)
        who.close()

    def killed_while_starting(self):
        process = subprocess.Popen([os.environ["CLASP_BINARY"], "server", "--listen", "127.0.0.1:0", "--osc", "127.0.0.1:0", *COMMON, *self.options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.chance.uniform(0, 0.05))
        assert process.poll() is None, f"{self.where}: the router ended by itself with {process.returncode}"
        process.kill()
        process.wait()
        self.counts["kills"] += 1

    # ---- after a restart ----

    def check(self, router):
        now = self.state(router)
        for writer in self.writers:
            self.check_writer(writer, now)
        owned = {f"/storm/{writer.who}/" for writer in self.writers} or {""}
        assert all(any(address.startswith(begin) for begin in owned) for address in now), (self.where, sorted(now))
        for address, entry in now.items():
            self.top[address] = max(self.top.get(address, 0), entry.revision)
        if self.durability == "sync":
            fired = self.query(router, f"pattern=/storm/**&from={self.started_us}")
            assert not fired, f"{self.where}: the start itself has written something: {fired}"
        self.check_events(router)
        self.before = now

    def state(self, router):
        """Address → SNAPSHOT entry, as a GET shows it; which there are, /v1/snapshot knows."""
        with Peer(router.port) as reader, Api(router) as api:
            status, listed = api.get("/snapshot/storm")
            assert status == 200, (status, listed)
            reader.inbox.clear()
            shown = reader.answer(*map(native.get, listed))
        entries = {entry.address: entry for message in shown for entry in message.entries}
        return {address: entries[address] for address in listed if address in entries}

    def least(self, writer):
        """How many of the writer's writes have to be there."""
        if self.durability == "sync":
            return writer.acknowledged
        limit = self.killed_at - WINDOW - GENEROUS
        return sum(1 for write in writer.writes if write.acknowledged_at is not None and write.acknowledged_at < limit)

    def check_writer(self, writer, now):
        short = writer.address("short")
        came_back = {address: entry for address, entry in now.items() if address.startswith(writer.address("")) and address != short}
        values = {address: entry.value for address, entry in self.before.items() if address in came_back or address.startswith(writer.address(""))}
        values.pop(short, None)
        absent = object()
        differ = {address for address in values.keys() | came_back.keys() if values.get(address, absent) != getattr(came_back.get(address), "value", absent)}
        kept, least, written, nearest = None, self.least(writer), set(), (len(differ) + 1, 0, ())
        removes = not isinstance(writer, Peer)
        for count, write in enumerate([None, *writer.writes]):
            for address, value in write.changes if write else ():
                there = came_back.get(address)
                same = there is None if value is None and removes else there is not None and there.value == value
                (differ.discard if same else differ.add)(address)
                written.add(address)
            if len(differ) < nearest[0]:
                nearest = len(differ), count, sorted(differ)
            if not differ and count >= least:
                kept, kept_addresses = count, set(written)  # states come again: then the last one it was
        assert kept is not None, (f"{self.where}: what came back of {writer.who} is no state it had after {least} to {len(writer.writes)} of its writes "
                                  f"({writer.acknowledged} acknowledged). Nearest is that after {nearest[1]}; these are not as they were then: "
                                  f"{[(a, getattr(came_back.get(a), 'value', 'absent')) for a in nearest[2]][:20]}")
        lost = [write for write in writer.writes[kept:] if write.acknowledged_at is not None]
        if lost:
            self.counts["lost"] += len(lost)
            self.lateness.append(self.killed_at - lost[0].acknowledged_at)
        for address, entry in came_back.items():
            self.check_entry(writer, address, entry, address in kept_addresses)

    def check_entry(self, writer, address, entry, written):
        """It is what it was, with everything that belongs to it."""
        where, before = f"{self.where}: {address}", self.before.get(address)
        if before is not None and (not written or before.revision == entry.revision):
            same = (before.value, before.revision, before.writer, before.time)
            assert (entry.value, entry.revision, entry.writer, entry.time) == same, f"{where} was {same}, and is {entry}"
            return
        assert written, f"{where} is there again: {entry}"
        heard = self.watcher.heard_as.get((address, entry.value))
        assert heard is None or entry.value is None or entry.revision == heard, f"{where} was heard with revision {heard}, and is {entry}"
        assert before is None or entry.revision > before.revision, f"{where}: {entry} is not above {before}"
        by = f"rule:{writer.who}" if address.endswith("/effect") else writer.session
        assert by is None or entry.writer == by, f"{where} was written by {by}, and is {entry}"
        assert self.began_us <= entry.time < native.now_us(), f"{where}: {entry}"

    def check_events(self, router):
        """Of every writer's events, those from some place on are missing, and none before."""
        if "--journal" not in self.options or not self.writers:
            return
        kept = self.query(router, f"pattern=/storm/*/event&types=event&from={self.began_us}&limit=100000")
        forgotten = any(entry["timestamp"] > self.began_us for entry in self.query(router, "limit=1"))
        for writer in self.writers:
            if not isinstance(writer, Peer):
                continue
            numbers = [entry["value"] for entry in kept if entry["address"] == writer.address("event") and entry["author"] == writer.session]
            confirmed = [count for write, count in zip(writer.writes[:self.least(writer)], writer.events_at) if not write.refusable]  # an ERROR promises nothing
            needed = confirmed[-1] if confirmed else 0
            assert numbers == list(range(numbers[0], numbers[-1] + 1)) if numbers else needed == 0, (self.where, writer.who, numbers, needed)
            assert not numbers or (numbers[-1] >= needed and (numbers[0] == 1 or forgotten)), (self.where, writer.who, numbers[:3], numbers[-3:], needed)
            self.counts["events"] += len(numbers)

    def query(self, router, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{router.port}/api/journal/query?{what}", timeout=60) as answer:
            return json.load(answer)

    # ---- the end ----

    def end(self):
        """Started once more: all of it is there, what had a short life is gone, and what the kills raised revisions by (contract 30) stays so."""
        self.where = f"seed {SEED}, the end"
        with self.start() as router:
            self.check(router)
            eventually(lambda: not any(address.endswith("/short") for address in self.state(router)), "short lives end", 60)
            last = {address: (entry.value, entry.revision, entry.writer, entry.time) for address, entry in self.state(router).items()}
        with self.start() as router:
            again = {address: (entry.value, entry.revision, entry.writer, entry.time) for address, entry in self.state(router).items()}
            assert again == last, (self.where, set(again.items()) ^ set(last.items()))
            address, entry = next((address, entry) for address, entry in last.items() if address.endswith("/plain") or address.endswith("/cause"))
            with Peer(router.port) as peer:
                peer.send(native.set_param(address, 0, qos=1))
                peer.until(lambda: peer.kinds(native.ACK), "its ACK")
                (ack,) = peer.kinds(native.ACK)
                raised = ack.revision - entry[1] - 1
                assert raised >= 2**24 and raised % 2**24 == 0, f"after an end by itself no revision may come back that was lost before: {ack} {entry}"
        worst = max(self.lateness, default=0)
        print(f"{' '.join(self.options[::2])}, {self.durability}: {dict(self.counts)}; the oldest acknowledged write that was lost: {worst * 1000:.0f} ms "
              f"before the kill (in {len(self.lateness)} cases something was)", flush=True)
        assert self.counts["acknowledged"] > 20 * self.counts["kills"], "there was a load"
        assert self.durability != "sync" or self.counts["lost"] == 0


def storm(durability, longest, *options, with_rules=True):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/rules.json"
        with open(path, "w") as file:
            json.dump(rules(), file)
        given = [option.replace("FOLDER", folder) for option in options] + (["--rules", path] if with_rules else [])
        one = Storm(folder, durability, given)
        for number in range(KILLS):
            one.life(number, longest)
        one.end()


def sync_to_the_disk():
    """Nothing that was acknowledged is missing, whoever acknowledged it: ACK, PUBACK and PUBREC, 200."""
    storm("sync", 0.5, "--journal", "FOLDER/show.db", "--durability", "sync", *JOURNAL)


def async_within_the_window():
    """What was acknowledged longer ago than the window is there."""
    storm("async", GENEROUS + 0.5, "--journal", "FOLDER/show.db", *JOURNAL)


def a_state_file_only():
    """As old as its last write, whole, and with revisions above all that were heard."""
    storm("interval", GENEROUS + 0.5, "--persist", "FOLDER/state.json", "--persist-interval", f"{int(WINDOW * 1000)}ms")


def a_journal_and_a_state_file():
    storm("sync", 0.5, "--journal", "FOLDER/show.db", "--durability", "sync", "--persist", "FOLDER/state.json", "--persist-interval", "50ms", *JOURNAL)


if __name__ == "__main__":
    print(f"seed {SEED}", flush=True)
    for name in ("--kills", "--seed"):
        if name in sys.argv:
            del sys.argv[sys.argv.index(name):sys.argv.index(name) + 2]
    run(sync_to_the_disk, async_within_the_window, a_state_file_only, a_journal_and_a_state_file)
