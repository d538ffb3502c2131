"""Ten thousand event streams that hear nothing, then all of them the same, while one does not read: what they cost, and that they cost nobody else."""
import contextlib
import resource
import selectors
import socket
import time

from harness import native
from harness.checks import MIB, alive, params, sessions
from harness.http import Api, Events
from harness.native import LIMIT, Peer
from harness.router import Router, Skipped, eventually, run

READERS = 10_000
BYTES_EACH = 3_072  # resident, without what the kernel holds for a socket; a third of it is room for what the allocator does


class Crowd:
    """Event streams that only count bytes and look for marks, because there are so many."""

    def __init__(self, router, count, path):
        self.selector, self.tails = selectors.DefaultSelector(), {}
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        for _ in range(count):
            reader = socket.create_connection(("127.0.0.1", router.port))
            reader.sendall(request)
            self.tails[reader] = b""
            self.selector.register(reader, selectors.EVENT_READ)

    def until_all_heard(self, mark):
        """Each of them has read `mark`, which nobody hears twice."""
        missing, end = set(self.tails), time.monotonic() + LIMIT
        while missing:
            ready = self.selector.select(1)
            assert time.monotonic() < end, f"{len(missing)} of {len(self.tails)} never heard {mark}"
            for key, _ in ready:
                data = key.fileobj.recv(65536)
                assert data, f"a stream ended before it heard {mark}"
                whole = self.tails[key.fileobj] + data
                self.tails[key.fileobj] = whole[-len(mark):]
                if mark in whole:
                    missing.discard(key.fileobj)

    def close(self):
        self.selector.close()
        for reader in self.tails:
            reader.close()


def descriptors_for(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 200:
        raise Skipped(f"only {hard} descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))


def ten_thousand_readers_and_one_that_stops():
    descriptors_for(READERS)
    with Router("--http", "--log-level", "error") as router, Peer(router.port) as desk, Api(router) as api:
        api.put("/state/crowd/a", 0)
        before, sessions_before = router.rss(), sessions(router)
        with contextlib.closing(Crowd(router, READERS, "/v1/subscribe/crowd/**")) as crowd:
            crowd.until_all_heard(b"event: live")
            assert sessions(router) == sessions_before + READERS
            each = (router.rss() - before) / READERS
            print(f"{each:.0f} bytes each", flush=True)
            assert each < BYTES_EACH
            with Events(router, "/v1/subscribe/**", receive_buffer=4096) as stopped:
                stopped.until_live()
                big = "x" * 30_000
                for n in range(1, 201):  # 6 MB that nobody but the stopped one is to hear
                    desk.send(native.set_param("/big", f"{n} {big}"))
                for n in range(1, 4):
                    began = time.monotonic()
                    assert api.put("/state/crowd/a", n)[1]["revision"] == n + 1
                    crowd.until_all_heard(f'"/crowd/a","value":{n},'.encode())
                    print(f"all heard within {time.monotonic() - began:.2f} s", flush=True)
                assert router.rss() - before < READERS * BYTES_EACH + 64 * MIB
                stopped.until(lambda: ("/crowd/a", 3) in stopped.values(), "the newest, as soon as it reads again")
            alive(router)
            assert params(router) == 2
        eventually(lambda: sessions(router) == sessions_before, "all sessions are gone", LIMIT)


run(ten_thousand_readers_and_one_that_stops)
