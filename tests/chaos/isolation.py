"""Mounts, networks and limits of a test's own. All of it ends with the process that asked for it, however that ends."""
import contextlib
import ctypes
import os
import subprocess
import tempfile

from harness.router import Skipped

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def leave(namespace, what):
    """Moves this process into a fresh namespace; only root can."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(namespace) != 0:
        raise Skipped(f"{what} of its own: {os.strerror(ctypes.get_errno())} (needs root)")


@contextlib.contextmanager
def small_disk(kib):
    """A folder on a disk of that size."""
    leave(CLONE_NEWNS, "a disk")
    with tempfile.TemporaryDirectory() as folder:
        command("mount", "--make-rprivate", "/")
        command("mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder)
        try:
            yield folder
        finally:
            command("umount", "--lazy", folder)


class MemoryGroup:
    """A control group with a memory limit, of either version. `wrapper` starts a program in it."""

    def __init__(self, limit):
        with open("/proc/self/cgroup") as lines:
            mine = dict(line.strip().split(":", 2)[1:] for line in lines)
        self.legacy = os.path.isdir("/sys/fs/cgroup/memory")
        root = "/sys/fs/cgroup/memory" + mine.get("memory", "/") if self.legacy else "/sys/fs/cgroup" + mine.get("", "/")
        self.folder = f"{root.rstrip('/')}/clasp-chaos-{os.getpid()}"
        try:
            os.mkdir(self.folder)
            self.write("memory.limit_in_bytes" if self.legacy else "memory.max", limit)
            if not self.legacy:
                with contextlib.suppress(OSError):
                    self.write("memory.swap.max", 0)
        except OSError as error:
            self.close()
            raise Skipped(f"a control group with a memory limit: {error}")
        self.wrapper = ("sh", "-c", f'echo $$ > "{self.folder}/cgroup.procs"; exec "$@"', "sh")

    def write(self, name, content):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(str(content))

    def kills(self):
        """How many processes the system has killed in it."""
        with open(f"{self.folder}/{'memory.oom_control' if self.legacy else 'memory.events'}") as lines:
            return int(dict(line.split() for line in lines)["oom_kill"])

    def close(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Network:
    """This process gets a network of its own. A router started with `wrapper` gets one as well, and two lines between them once plug() has been
    called: `line`, on which everything goes wrong, and `desk`, on which nothing does. Each is an address of the router."""
    line, desk = "10.77.0.1", "10.78.0.1"
    wrapper = ("unshare", "--net")

    def __init__(self):
        leave(CLONE_NEWNET, "a network")
        command("ip", "link", "set", "lo", "up")

    def plug(self, router):
        self.router = router
        self.there("ip", "link", "set", "lo", "up")
        for name, address in (("line", self.line), ("desk", self.desk)):
            command("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", str(router.process.pid))
            command("ip", "address", "add", f"{address[:-1]}2/24", "dev", name)
            command("ip", "link", "set", name, "up")
            self.there("ip", "address", "add", f"{address}/24", "dev", name)
            self.there("ip", "link", "set", name, "up")

    def there(self, *words):
        """Runs a command in the router's network."""
        return command("nsenter", "--net", "--target", str(self.router.process.pid), *words)

    def drop(self, percent):
        """On the line so many packets in a hundred are lost, in either direction; 0 mends it."""
        rules = "flush ruleset\n"
        if percent:
            lose = "counter drop" if percent == 100 else f"numgen random mod 100 < {percent} counter drop"
            rules += ("table inet chaos {\n"
                      f"  chain in {{ type filter hook input priority 0; iifname line {lose}; }}\n"
                      f"  chain out {{ type filter hook output priority 0; oifname line {lose}; }}\n}}\n")
        self.there("sh", "-c", f"nft -f - <<'END'\n{rules}END")

    def dropped(self):
        """How many packets have been lost since drop()."""
        return sum(int(words.split("packets ")[1].split()[0]) for words in self.there("nft", "list", "ruleset").splitlines() if "packets " in words)

    def limit(self, rate):
        """The router's side of the line sends at most so fast ("1mbit"); None: as it can."""
        if rate:
            self.there("tc", "qdisc", "add", "dev", "line", "root", "tbf", "rate", rate, "burst", "16kb", "latency", "200ms")
        else:
            self.there("tc", "qdisc", "del", "dev", "line", "root")

    def line_down(self):
        self.there("ip", "link", "set", "line", "down")

    def line_up(self):
        self.there("ip", "link", "set", "line", "up")
