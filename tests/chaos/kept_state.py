"""What was kept comes back right however it was treated meanwhile: contract 30, field cases C31 (not-a-number), C32 (damaged files) and C33 (clocks that disagree)."""
import json
import math
import os
import random
import re
import tempfile
import time
import urllib.request

from chaos.isolation import small_disk
from harness import native
from harness.native import ACK, ERROR, Peer
from harness.router import Router, eventually, run

PARAMS = 1000
QUIET = ("--log-level", "error")


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")
    return json.loads(text, parse_constant=refuse)


def get(router, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{router.port}{path}", timeout=60) as answer:
        return answer.read().decode()


def c31_not_a_number():
    """NaN and the infinities: null in every JSON, themselves for native clients and after a restart, from the journal and from the state file."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = {"/osc/n": math.nan, "/osc/up": math.inf, "/osc/down": -math.inf}
        for keep in (("--journal", f"{folder}/show.db"), ("--persist", f"{folder}/state.json")):
            with Router("--http", *keep, *QUIET) as router, Peer(router.port) as peer:
                peer.answer(*[native.set_param(address, number, qos=1) for address, number in numbers.items()])
                peer.answer(*[native.set_param(f"/other/{number}", number, qos=1) for number in range(20)])
            with Router("--http", *keep, *QUIET) as router, Peer(router.port) as peer:
                state = strict(get(router, "/v1/snapshot"))
                assert all(state[address] is None for address in numbers) and all(state[f"/other/{number}"] == number for number in range(20)), state
                assert strict(get(router, "/v1/state/osc/n"))["value"] is None
                if keep[0] == "--journal":
                    assert len(strict(get(router, "/api/journal/query"))) == 23
                for address, number in numbers.items():
                    found = peer.read_param(address)
                    assert repr(found.value) == repr(number) and found.revision == 1, found
        with open(f"{folder}/state.json") as file:
            strict(file.read())


def damage(folder, kind, path):
    """Ways in which a good file is treated badly, by name."""
    with open(path, "rb") as file:
        good = file.read()
    chance = random.Random(20)
    ways = {"last byte removed": good[:-2] if kind == "state" else good[:-1], "one byte appended": good + b"x", "cut in the middle": good[:len(good) // 2],
            "all zeros": bytes(len(good)), "empty": b""}
    for number in range(20):
        at = chance.randrange(len(good))
        ways[f"byte {at} flipped"] = good[:at] + bytes([good[at] ^ 1 << number % 8]) + good[at + 1:]
    return ways


def c32_damaged(kind, options):
    """Every variant starts, says what it left out and keeps it; ten new values are there after the next restart."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/show"
        with Router(*options(path), *QUIET) as router, Peer(router.port) as peer:
            peer.answer(*[native.set_param(f"/kept/{number}", number, qos=1) for number in range(PARAMS)], what="the good file")
        ways = damage(folder, kind, path)
        for name, content in ways.items():
            for left_over in os.listdir(folder):
                os.remove(f"{folder}/{left_over}")
            with open(path, "wb") as file:
                file.write(content)
            with open(f"{path}.tmp", "wb") as file:
                file.write(b"left over")
            with Router(*options(path), "--log-level", "warn") as router, Peer(router.port) as peer:
                back = [peer.read_param(f"/kept/{number}") for number in (0, 1, PARAMS // 2, PARAMS - 1)]
                assert all(entry is None or entry.value == number for entry, number in zip(back, (0, 1, PARAMS // 2, PARAMS - 1))), (name, back)
                aside = [file for file in os.listdir(folder) if re.fullmatch(r".*\.damaged-\d+", file)]
                said = router.last_words()
                assert content == b"" or None not in back or "damaged" in said or "missing" in said or "left out" in said, (name, said)
                for file in aside:
                    with open(f"{folder}/{file}", "rb") as kept:
                        assert kept.read() == content, f"{name}: the damaged file is kept as it was"
                answers = peer.answer(*[native.set_param(f"/new/{number}", number, qos=1) for number in range(10)], what="new values")
                assert not [answer for answer in answers if answer.kind == ERROR], (name, answers)
            with Router(*options(path), *QUIET) as router, Peer(router.port) as peer:
                found = [getattr(peer.read_param(f"/new/{number}"), "value", None) for number in range(10)]
                assert found == list(range(10)), (name, found)


def c32_damaged_state_file():
    c32_damaged("state", lambda path: ("--persist", path))


def c32_damaged_journal():
    c32_damaged("journal", lambda path: ("--journal", path))


def c32_disk_full_while_the_state_is_written():
    """The running state is as it was, the error is said, and the file of the last good write still valid."""
    with small_disk(1024) as disk:
        options = ("--persist", f"{disk}/state.json", "--persist-interval", "50ms")
        with Router(*options, "--log-level", "warn") as router, Peer(router.port) as peer:
            peer.answer(native.set_param("/before", 1, qos=1))
            eventually(lambda: "/before" in open(f"{disk}/state.json").read(), "it is written", 60)
            peer.answer(*[native.set_param(f"/large/{number}", "x" * 20_000, qos=1) for number in range(100)])
            eventually(lambda: "the state was not kept" in router.last_words(), "it is said", 60)
            assert peer.read_param("/large/99").value == "x" * 20_000
            with open(f"{disk}/state.json") as file:
                assert any(param["address"] == "/before" for param in strict(file.read())["params"])
            for number in range(100):
                peer.send(native.set_param(f"/large/{number}", 0, qos=1))
            eventually(lambda: "/large/99" in open(f"{disk}/state.json").read(), "it is kept again once there is room", 60)


def c33_clocks_that_disagree():
    """Params with times an hour and ten years ahead: whoever writes next is accepted with the next revision, at once."""
    ahead = {"/c/hour": 3600, "/c/years": 10 * 365 * 86400}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/state.json"
        with open(path, "w") as file:
            json.dump({"params": [{"address": address, "value": 1, "revision": 7, "writer": "s", "timestamp": int((time.time() + by) * 1e6)}
                                  for address, by in ahead.items()]}, file)
        for keep in (("--persist", path), ("--persist", path, "--journal", f"{folder}/show.db"), ("--journal", f"{folder}/show.db")):
            with Router(*keep, *QUIET) as router, Peer(router.port) as peer, Peer(router.port) as other:
                other.answer(native.subscribe(1, "/c/**"))
                for address in ahead:
                    before = peer.read_param(address)
                    peer.inbox.clear()
                    peer.send(native.set_param(address, 2, qos=1))
                    peer.until(lambda: peer.kinds(ACK, ERROR), "an answer", 60)
                    (ack,) = peer.kinds(ACK, ERROR)
                    assert ack.kind == ACK and ack.revision > before.revision, ack
                    assert peer.read_param(address).value == 2
                    other.until(lambda: any(message.address == address and message.value == 2 for message in other.kinds(native.SET)), "it is heard")
                far = native.bundle([native.set_param("/c/x", 1)], timestamp=native.now_us() + 3_600_000_000, qos=2)
                peer.send(far)
                (ack,) = [message for message in other.answer(native.set_param("/c/x", 2, qos=1)) if message.kind == ACK]
                assert ack.address == "/c/x", "a bundle an hour ahead blocks nobody"


def c30_revisions_after_a_kill_and_clean_ends():
    """What was told and lost with a kill is below every later revision of its address, also if nobody writes it in the runs in between."""
    with tempfile.TemporaryDirectory() as folder:
        for options in (("--persist", f"{folder}/state.json", "--persist-interval", "1h"), ("--journal", f"{folder}/show.db")):
            with Router(*options, *QUIET) as router, Peer(router.port) as peer:
                peer.answer(native.set_param("/kept", 1, qos=1))
            router = Router(*options, *QUIET)
            with Peer(router.port) as peer:
                (told,) = [message.revision for message in peer.answer(native.set_param("/kept", 2, qos=1), native.set_param("/lost", 1, qos=1))
                           if message.kind == ACK and message.address == "/kept"]
            router.killed()
            for _ in range(3):  # the first of these comes after the kill, and ends well
                with Router(*options, *QUIET):
                    pass
            with Router(*options, *QUIET) as router, Peer(router.port) as peer:
                acks = {message.address: message.revision for message in peer.answer(native.set_param("/kept", 3, qos=1), native.set_param("/lost", 2, qos=1))
                        if message.kind == ACK}
                assert acks["/kept"] > told + 2**24 - 2 and acks["/lost"] > 2**24, (options, told, acks)


if __name__ == "__main__":
    run(c30_revisions_after_a_kill_and_clean_ends, c31_not_a_number, c32_damaged_state_file, c32_damaged_journal, c32_disk_full_while_the_state_is_written, c33_clocks_that_disagree)
