"""A router under a fifth of its load for as long as you like, with clients coming, going and breaking off: it does not grow. A line a minute and a
verdict, which growth of memory and descriptors decides; times are reported only."""
import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time

from chaos import load
from chaos.scene import Scene
from harness.checks import MIB
from harness.router import Router

GROWTH = 8 * MIB  # of resident memory, whatever the length: what the allocator keeps of one bad moment
LEFT = 32 * MIB  # what may be left of it when the load has gone: the params it made, the history, the allocator
DESCRIPTORS = 40  # how much their number may vary: the thirty that come and go, and those just on their way
CALIBRATIONS = 6  # of 3 s each: small loads cost more for each message, so the rate is approached in steps


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--share", type=float, default=0.2, help="of the measured capacity")
    return parser.parse_args()


class Window:
    """What is seen in one period."""
    HEAD = "     time   RSS MiB  descriptors  sessions  CPU %  messages/s  p50 ms  p99 ms  max ms"

    def __init__(self, router, began):
        self.router, self.began = router, began
        self.rss, self.descriptors, self.sessions, self.round_trips = [], [], [], []
        self.cpu, self.messages, self.at = router.cpu_seconds(), router.metrics()["clasp_frames_received_total"], time.monotonic()

    def sample(self, round_trips):
        metrics = self.router.metrics()
        self.rss.append(self.router.rss())
        self.descriptors.append(self.router.descriptors())
        self.sessions.append(int(metrics["clasp_sessions_active"]))
        self.round_trips += round_trips
        seconds = time.monotonic() - self.at
        self.cpu_share = (self.router.cpu_seconds() - self.cpu) / seconds
        self.rate = (metrics["clasp_frames_received_total"] - self.messages) / seconds

    def line(self):
        times = sorted(self.round_trips) or [float("nan")]
        return (f"{time.monotonic() - self.began:8.0f} s  {self.typical() / MIB:8.1f}  {min(self.descriptors):4}-{max(self.descriptors):<6} "
                f"{min(self.sessions):4}-{max(self.sessions):<5} {self.cpu_share * 100:5.1f}  {self.rate:10.0f}  {statistics.median(times):6.2f}  "
                f"{times[int(len(times) * 0.99)]:6.2f}  {times[-1]:6.2f}")

    def typical(self):
        return statistics.median(self.rss)


def watch(window, scene, parts, round_trips, seconds):
    """The scene goes on quietly for so long; a sample a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        second = time.monotonic() + 1
        while time.monotonic() < second:
            scene.turn()
            time.sleep(0.05)
        scene.writer.write()
        for part in parts:
            part.check()
        words = os.read(round_trips, 1 << 20).decode()
        window.sample([float(word) for word in words.split()])
    return window


def soak(minutes, share):
    with tempfile.TemporaryFile("w+") as log:
        try:
            with Router(log=log) as router, Scene(router, growth=LEFT) as scene:
                grown, spread = under_load(router, scene, minutes, share)
                scene.recovers()
                print(f"after the load: {router.rss() / MIB:.1f} MiB, {router.descriptors()} descriptors and all gauges as at the beginning")
        except BaseException:
            log.seek(0)
            print("the last lines of the router's log:\n" + "".join(log.readlines()[-20:]), flush=True)
            raise
        log.seek(0)
        print(f"{len(log.readlines())} lines in its log")
    print(f"memory grew by {grown / MIB:.1f} MiB ({GROWTH / MIB:.0f} are allowed), descriptors by {spread} ({DESCRIPTORS})")
    return grown <= GROWTH and spread <= DESCRIPTORS


def under_load(router, scene, minutes, share):
    """By how many bytes and descriptors the router grew between the first period after the warm-up and the last."""
    began, rate = time.monotonic(), load.Rate(2000)
    period = min(60.0, minutes * 20)
    round_trips, write = os.pipe()
    with os.fdopen(write, "w") as out, contextlib.ExitStack() as parts_end:
        parts = [load.Part(load.send_the_show, router.port, rate), load.Part(load.come_and_go, router.port), load.Part(load.read_slowly, router.port),
                 load.Part(load.probe, router.port, out)]
        for part in parts:
            parts_end.callback(part.close)
        for _ in range(CALIBRATIONS):
            seen = watch(Window(router, began), scene, parts, round_trips, 3)
            rate.set(rate.get() * min(share / seen.cpu_share, 4))
        print(f"{seen.rate:.0f} messages/s of this mixture keep the router's core busy for {seen.cpu_share:.0%}; sending {rate.get():.0f}\n"
              f"{Window.HEAD}", flush=True)
        windows = []
        while len(windows) < 2 or time.monotonic() - began < minutes * 60:
            windows.append(watch(Window(router, began), scene, parts, round_trips, period))
            print(windows[-1].line() + ("  (warming up)" if len(windows) == 1 else ""), flush=True)
    os.close(round_trips)
    first = windows[1 if len(windows) > 2 else 0]
    return windows[-1].typical() - first.typical(), max(windows[-1].descriptors) - max(first.descriptors)


if __name__ == "__main__":
    given = parse_arguments()
    good = soak(given.minutes, given.share)
    print("nothing grew" if good else "FAILED: the router grew")
    sys.exit(0 if good else 1)
