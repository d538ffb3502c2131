#!/usr/bin/env python3
"""What the journal costs, and how fast a start is: SETs with and without it, acknowledged writes a second with durability sync, recovery.
  bench/journal_speed.py [--seconds N] [--params N] [--folder FOLDER] [CLASP]
FOLDER is on the disk to be measured. No test is decided by what it prints."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from harness import native  # noqa: E402
from harness.native import ACK, Peer, wait_for  # noqa: E402
from harness.router import Router, eventually  # noqa: E402


def throughput(router):
    """Figures of `clasp bench throughput` against this router, by name, in messages a second."""
    done = subprocess.run([router.binary, "bench", "-s", f"tcp://127.0.0.1:{router.port}", "throughput", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Writer(Peer):
    """Keeps some confirmed SETs in flight and counts their ACKs."""
    acknowledged = 0
    stopped = False

    def begin(self, number, in_flight):
        self.frame = native.set_param(f"/bench/{number}", 0.5, qos=1)
        self.send(*[self.frame] * in_flight)

    def got(self, message):
        if message.kind != ACK:
            return super().got(message)
        self.acknowledged += 1
        if not self.stopped:
            self.unsent += self.carriage.wrap(self.frame)


def acknowledged(folder, durability, writers, in_flight, seconds):
    with Router("--journal", f"{folder}/{durability}-{in_flight}.db", "--durability", durability, "--log-level", "error") as router:
        peers = [Writer(router.port) for _ in range(writers)]
        for number, peer in enumerate(peers):
            peer.begin(number, in_flight)
        before = router.metrics()
        begin, count = time.monotonic(), sum(peer.acknowledged for peer in peers)
        wait_for(peers, lambda: time.monotonic() > begin + seconds, "the end")
        count, took = sum(peer.acknowledged for peer in peers) - count, time.monotonic() - begin
        after = router.metrics()
        for peer in peers:
            peer.stopped = True
        syncs = after["clasp_journal_syncs_total"] - before["clasp_journal_syncs_total"]
        print(f"durability {durability}, {writers} writers, {in_flight} in flight each: {count / took:,.0f} acknowledged/s, {syncs / took:,.0f} fsyncs/s", flush=True)
        for peer in peers:
            peer.close()


def recovery(folder, params):
    path = f"{folder}/recovery.db"
    options = ("--journal", path, "--max-params", str(params + 1), "--log-level", "error", "--journal-snapshot-interval", "0")
    with Router(*options, "--journal-snapshot-entries", str(params)) as router, Peer(router.port) as peer:
        for begin in range(0, params, 10_000):
            peer.answer(*[native.set_param(f"/rig/{number // 1000}/dimmer/{number}", number * 0.5) for number in range(begin, begin + 10_000)])
            eventually(lambda: router.metrics()["clasp_journal_queue_bytes"] < 1 << 20, "the writer keeps up", 600)
        begin = 0
        while router.metrics()["clasp_journal_snapshots_total"] < 1:  # at twice as many entries as there are params
            peer.answer(*[native.set_param(f"/rig/{number // 1000}/dimmer/{number}", number * 0.5) for number in range(begin, begin + 10_000)])
            eventually(lambda: router.metrics()["clasp_journal_queue_bytes"] < 1 << 20, "the writer keeps up", 600)
            begin = (begin + 10_000) % params
        for begin in range(0, 100_000, 10_000):
            peer.answer(*[native.set_param(f"/rig/{number // 1000}/dimmer/{number}", "changed") for number in range(begin, begin + 10_000)])
            eventually(lambda: router.metrics()["clasp_journal_queue_bytes"] < 1 << 20, "the writer keeps up", 600)
    size = os.path.getsize(path) / (1 << 20)
    with Router(*options) as router:
        found = router.metrics()
        print(f"recovery: {found['clasp_journal_recovered_params']:,.0f} params in {found['clasp_journal_recovery_microseconds'] / 1e6:.2f} s, a file of {size:,.0f} MiB",
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clasp", nargs="?", default=os.environ.get("CLASP_BINARY", "build/release/clasp"))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--params", type=int, default=1_000_000)
    parser.add_argument("--folder")
    options = parser.parse_args()
    os.environ["CLASP_BINARY"] = os.path.abspath(options.clasp)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, arguments in (("none", ()), ("async", ("--journal", f"{folder}/throughput.db"))):
            with Router(*arguments, "--log-level", "error") as router:
                print(f"throughput, journal {name}:", json.dumps(throughput(router)), flush=True)
                if arguments:
                    metrics = router.metrics()
                    print(f"  entries {metrics['clasp_journal_entries_total']:,.0f}, thinned {metrics['clasp_journal_thinned_total']:,.0f}, "
                          f"lost {metrics['clasp_journal_lost_total']:,.0f}", flush=True)
        for durability, in_flight in (("sync", 1), ("sync", 16), ("async", 16)):
            acknowledged(folder, durability, 64, in_flight, options.seconds)
        recovery(folder, options.params)


if __name__ == "__main__":
    main()
