#!/usr/bin/env python3
"""What the journal costs, and how fast a start is: SETs with and without it, acknowledged writes a second with durability sync, recovery.
  bench/journal_speed.py [--seconds N] [--params N] [--rounds N] [--folder FOLDER] [CLASP]
Beside CLASP, in its bench folder, clasp_ack_bench is expected. FOLDER is on the disk to be measured. No test is decided by what it prints."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from harness import native  # noqa: E402
from harness.native import Peer  # noqa: E402
from harness.router import Router, eventually  # noqa: E402


def throughput(router):
    """What `clasp bench throughput` measures against this router."""
    done = subprocess.run([router.binary, "bench", "-s", f"tcp://127.0.0.1:{router.port}", "throughput", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def floods(folder, rounds):
    """SETs at QoS 0 with and without a journal, in turn; the median of the rounds' ratios."""
    ratios, best = {}, {}
    for round_number in range(rounds):
        rates = {}
        for name, arguments in (("none", ()), ("async", ("--journal", f"{folder}/throughput-{round_number}.db"))):
            with Router(*arguments, "--log-level", "error") as router:
                for figure in throughput(router)["figures"]:
                    what, rate = figure["measurement"], figure["median"] * 1000
                    rates[what, name] = rate
                    best[what, name] = max(rate, best.get((what, name), 0))
                found = router.metrics()
        for figure in {figure for figure, _ in rates}:
            ratios.setdefault(figure, []).append(rates[figure, "async"] / rates[figure, "none"])
    for figure, all_of_it in sorted(ratios.items()):
        print(f"{figure}: async / none {sorted(all_of_it)[len(all_of_it) // 2]:.2f} ({min(all_of_it):.2f} to {max(all_of_it):.2f}); "
              f"best {best[figure, 'none']:,.0f} and {best[figure, 'async']:,.0f} a second", flush=True)
    print(f"  in the last round: entries {found['clasp_journal_entries_total']:,.0f}, thinned {found['clasp_journal_thinned_total']:,.0f}, "
          f"lost {found['clasp_journal_lost_total']:,.0f}", flush=True)


def syncs_a_second(folder, seconds=1.0):
    """What this disk can do at this moment: fdatasync of 32 KiB, in place, by nobody else."""
    with open(f"{folder}/ceiling", "w+b", buffering=0) as file:
        file.write(bytes(1 << 24))
        os.fsync(file.fileno())
        count, begin = 0, time.monotonic()
        while time.monotonic() < begin + seconds:
            os.pwrite(file.fileno(), b"x" * 32768, count % 512 * 32768)
            os.fdatasync(file.fileno())
            count += 1
        took = time.monotonic() - begin
    os.remove(f"{folder}/ceiling")
    return count / took


def acknowledged(folder, generator, durability, writers, in_flight, seconds):
    ceiling = syncs_a_second(folder)
    with Router("--journal", f"{folder}/{durability}-{in_flight}.db", "--durability", durability, "--log-level", "error") as router:
        def of(seconds):
            done = subprocess.run([generator, "--writers", str(writers), "--in-flight", str(in_flight), "--seconds", str(seconds), str(router.port)],
                                  capture_output=True, text=True, check=True)
            return float(done.stdout)
        of(seconds / 2)  # until the log has its length
        before, begin = router.metrics(), time.monotonic()
        rate = of(seconds)
        after, took = router.metrics(), time.monotonic() - begin
    ceiling = (ceiling + syncs_a_second(folder)) / 2
    syncs = after["clasp_journal_syncs_total"] - before["clasp_journal_syncs_total"]
    share = f"; the disk alone did {ceiling:,.0f} fdatasyncs/s, so {rate / ceiling / writers / in_flight:.0%} of what one sync for all could give"
    print(f"durability {durability}, {writers} writers, {in_flight} in flight each: {rate:,.0f} acknowledged/s, {syncs / took:,.0f} fsyncs/s"
          f"{share if durability == 'sync' else ''}", flush=True)


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
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    os.environ["CLASP_BINARY"] = os.path.abspath(options.clasp)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        floods(folder, options.rounds)
        generator = os.path.join(os.path.dirname(os.environ["CLASP_BINARY"]), "bench", "clasp_ack_bench")
        for durability, in_flight in (("sync", 1), ("sync", 16), ("async", 16)):
            acknowledged(folder, generator, durability, 64, in_flight, options.seconds)
        recovery(folder, options.params)


if __name__ == "__main__":
    main()
