#!/usr/bin/env python3
"""Turns the JSON of a run of bench/compare into the figures part of docs/performance.md and one SVG plot per measure beside it.

usage: report.py FOLDER PAGE.md      FOLDER holds what bench/compare wrote; PAGE.md has the two marks between which everything is replaced.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend has to be chosen first)

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TARGETS = ["relay", "router ws", "router tcp", "nats", "redis", "mosquitto"]
COLOURS = {"relay": "#9aa0a6", "router ws": "#1a73e8", "router tcp": "#185abc", "nats": "#34a853", "redis": "#ea4335", "mosquitto": "#fbbc04"}
# What is plotted: file, title, unit, and (label, measurement, figure) of each group of bars.
PLOTS = [
    ("hop", "One hop, pinned: p50 and p99", "µs", [("p50", "hop", "p50"), ("p99", "hop", "p99")]),
    ("batches", "1 → 1, 64-byte values, nothing lost or conflated", "k msg/s",
     [(name, f"batches of {name}", "rate") for name in ("16, 512 in flight", "64, 512 in flight", "256, 512 in flight", "64, 8192 in flight")]),
    ("single", "1 → 1, a write for each message, 512 in flight", "k msg/s", [("batches of 1", "batches of 1, 512 in flight", "rate")]),
    ("flood", "1 → 1 without a window", "k msg/s", [("events", "flood of events", "rate"), ("SETs", "flood of SETs", "rate")]),
    ("crowd", "8 publishers, 8 subscribers", "k deliveries/s",
     [("in pairs, batches of 16", "8 → 8, in pairs, batches of 16", "deliveries"),
      ("in pairs, batches of 64", "8 → 8, in pairs, batches of 64", "deliveries"),
      ("each hears all", "8 → 8, each hears all, batches of 16", "deliveries")]),
    ("fanout10", "Until all of 10 subscribers have it", "µs", [("p50", "fan-out 10", "p50"), ("p99", "fan-out 10", "p99")]),
    ("fanout100", "Until all of 100 subscribers have it", "µs", [("p50", "fan-out 100", "p50"), ("p99", "fan-out 100", "p99")]),
    ("fanout1000", "Until all of 1,000 subscribers have it", "µs", [("p50", "fan-out 1000", "p50"), ("p99", "fan-out 1000", "p99")]),
    ("session", "Resident memory of an idle session with one subscription", "kB", [("10,000 sessions", "10000 idle sessions", "resident each")]),
]
CURVES = [("params", "BM_SetOverParams", "params held"), ("subscriptions", "BM_SetOverSubscriptions", "subscriptions, half with wildcards"),
          ("sessions", "BM_SetOverSessions", "sessions")]


def load(folder, name):
    with open(folder / f"{name}.json", encoding="utf-8") as file:
        return json.load(file)


class Figures:
    """The rows of one run of `clasp bench --json`, by (measurement, figure, target)."""

    def __init__(self, run):
        self.machine = run["machine"]
        self.rows = {(row["measurement"], row["figure"], row["target"]): row for row in run["figures"]}

    def get(self, measurement, figure, target):
        return self.rows.get((measurement, figure, target))

    def measurements(self):
        return list(dict.fromkeys((measurement, figure) for measurement, figure, _ in self.rows))


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def cell(row):
    if row is None:
        return "–"
    low, high = min(row["rounds"]), max(row["rounds"])
    spread = f" ({number(low)} – {number(high)})" if len(row["rounds"]) > 1 else ""
    return f"{number(row['median'])}{spread}"


def table(figures, wanted=lambda measurement, figure: True):
    """A line for each figure: medians with range of every target, then our two ratios."""
    present = [target for target in TARGETS if any(key[2] == target for key in figures.rows)]
    lines = ["| measure | " + " | ".join(present) + " | ÷ relay, ws / tcp | ÷ best broker, ws / tcp |", "|---|" + "--:|" * (len(present) + 2)]
    for measurement, figure in figures.measurements():
        if not wanted(measurement, figure):
            continue
        rows = [figures.get(measurement, figure, target) for target in present]
        unit = next(row["unit"] for row in rows if row)
        ours = [figures.get(measurement, figure, target) for target in ("router ws", "router tcp")]
        relay = " / ".join(f"{row['ratio_to_relay']:.2f}" for row in ours if row and row["ratio_to_relay"])
        best = " / ".join(f"{row['ratio_to_best_broker']:.2f}" for row in ours if row and row["ratio_to_best_broker"])
        names = dict.fromkeys(row["best_broker"] for row in ours if row and row["best_broker"])
        best += f" ({', '.join(names)})" if best else ""
        lines.append(f"| {measurement}, {figure}, {unit} | " + " | ".join(cell(row) for row in rows) + f" | {relay} | {best} |")
    return lines


def bars(figures, file, title, unit, groups):
    present = [target for target in TARGETS if any(figures.get(m, f, target) for _, m, f in groups)]
    fig, axes = plt.subplots(figsize=(7.5, 3.2))
    width = 0.8 / len(present)
    for i, target in enumerate(present):
        rows = [figures.get(m, f, target) for _, m, f in groups]
        at = [group + (i - (len(present) - 1) / 2) * width for group, row in enumerate(rows) if row]
        rows = [row for row in rows if row]
        heights = [row["median"] for row in rows]
        errors = [[row["median"] - min(row["rounds"]) for row in rows], [max(row["rounds"]) - row["median"] for row in rows]]
        axes.bar(at, heights, width, yerr=errors, label=target, color=COLOURS[target], error_kw={"linewidth": 0.8})
    axes.set_xticks(range(len(groups)), [label for label, _, _ in groups])
    axes.set_ylabel(unit)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7, ncol=len(present))
    finish(fig, file)


def curve(engine, file, name, label):
    points = sorted((int(row["name"].rsplit("/", 1)[1]), row["cpu_time"]) for row in engine["benchmarks"] if row["name"].startswith(name + "/"))
    fig, axes = plt.subplots(figsize=(7.5, 2.8))
    axes.plot([x for x, _ in points], [y for _, y in points], marker="o", color=COLOURS["router ws"])
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(label)
    axes.set_ylabel("ns a SET")
    finish(fig, file)
    return points


def finish(fig, file):
    fig.tight_layout()
    fig.savefig(file, metadata={"Date": None})
    plt.close(fig)


def main():
    folder, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    plots = page.parent / "performance"
    plots.mkdir(exist_ok=True)
    pinned, unpinned = Figures(load(folder, "pinned")), Figures(load(folder, "unpinned"))
    sessions, many, state = Figures(load(folder, "sessions")), Figures(load(folder, "sessions_many")), Figures(load(folder, "state"))
    engine, codec = load(folder, "engine"), load(folder, "codec")

    out = [f"* {key}: {value}" for key, value in pinned.machine.items()]
    out += [f"* {name}: {version}" for name, version in versions().items()]
    out += ["", "Median (least – most) of the rounds; a ratio is the median of the rounds' ratios. Command: `bench/compare`.", "", "### In one run, pinned", ""]
    quantile = lambda measurement, figure: figure not in ("p95", "max", "not delivered")  # noqa: E731
    out += table(pinned, quantile) + ["", "### One hop, placement left to the kernel", ""] + table(unpinned, quantile)
    out += ["", "### Idle sessions", ""] + table(sessions) + [""] + table(many)
    out += ["", "### State", ""] + table(state) + [""]
    for file, title, unit, groups in PLOTS:
        bars(sessions if file == "session" else pinned, plots / f"{file}.svg", title, unit, groups)
        out.append(f"![{title}](performance/{file}.svg)")
    out += ["", "### Cost of a SET among ever more", "", "One SET to one subscriber in the engine alone, in turns of 64, nanoseconds.", ""]
    for file, name, label in CURVES:
        points = curve(engine, plots / f"over_{file}.svg", name, label)
        lowest = min(y for _, y in points)
        out += [f"| {label} | " + " | ".join(f"{x:,}" for x, _ in points) + " | most ÷ least |", "|---|" + "--:|" * (len(points) + 1),
                "| ns a SET | " + " | ".join(f"{y:.0f}" for _, y in points) + f" | {max(y for _, y in points) / lowest:.2f} |", "",
                f"![{label}](performance/over_{file}.svg)", ""]
    for row in engine["benchmarks"]:
        if "bytes/session" in row and row["name"].endswith("/1000000"):
            out += [f"A session with one subscription takes {row['bytes/session']:.0f} bytes of the engine where a million of them are open.", ""]
    out += ["### Codec, one core", "", "| | M/s |", "|---|--:|"]
    for row in codec["benchmarks"]:
        if row["name"].startswith(("BM_EncodeSet", "BM_DecodeSet", "BM_ValidateSet")) and "items_per_second" in row:
            out.append(f"| {row['name'].removeprefix('BM_')} | {row['items_per_second'] / 1e6:.0f} |")
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    page.write_text(head + BEGIN + "\n" + "\n".join(out) + "\n" + END + rest.split(END, 1)[1], encoding="utf-8")


def versions():
    import subprocess
    found = {}
    for package in ("nats-server", "redis-server", "mosquitto"):
        found[package] = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False).stdout or "?"
    return found


if __name__ == "__main__":
    main()
