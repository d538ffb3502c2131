"""The real `clasp` binary: starts a router on free ports, ends it, fails loudly."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request


class Router:
    def __init__(self, *arguments, log=None, listen="127.0.0.1:0", host="127.0.0.1", wrapper=(), prepare=None, environment=None):
        """`log`: a file for its stderr, else it is kept for last_words(). `host`: where it is reached. `wrapper`: a program, with its arguments, that becomes it.
        `prepare`: called with it as soon as it listens."""
        self.binary = os.environ["CLASP_BINARY"]
        self.host = host
        self.said = tempfile.TemporaryFile() if log is None else None
        self.process = subprocess.Popen(
            [*wrapper, self.binary, "server", "--listen", listen, "--osc", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=self.said or log, text=True, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        found = re.search(r"ws://\S+:(\d+).*osc/udp port (\d+)", line)
        if not found:
            code = self.process.wait(timeout=60) if not line else self.process.poll()
            raise AssertionError(f"no ready line: {line!r}, exit code {code}{self.last_words()}")
        self.port, self.osc_port = int(found[1]), int(found[2])
        self.ready_line = line
        self.url = f"ws://{host}:{self.port}"
        if prepare:
            prepare(self)

    def metrics(self):
        """Everything in /metrics as {"name{labels}": number}."""
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/metrics", timeout=60) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(number) for name, _, number in lines}

    def bridge(self, what):
        """One counter of the OSC bridge."""
        return sum(number for name, number in self.metrics().items() if name.startswith("clasp_bridge_total") and f'what="{what}"' in name)

    def rss(self):
        """Resident memory of the router in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def descriptors(self):
        """How many the router has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        """Processor time the router has used."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def clasp(self, *arguments, check=True):
        """Runs one `clasp` command against this router; returns its stdout."""
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, "CLASP_URL": self.url})
        assert not check or done.returncode == 0, f"clasp {arguments}: exit {done.returncode}: {done.stderr}"
        return done.stdout.strip()

    def last_words(self, lines=30):
        """The end of its log, for messages about what went wrong."""
        if self.said is None:
            return ""
        size = os.fstat(self.said.fileno()).st_size
        begin = max(0, size - 200 * lines)
        words = os.pread(self.said.fileno(), size - begin, begin).decode(errors="replace").splitlines()[-lines:]
        return "; its last words:\n  " + "\n  ".join(words) if words else "; it has logged nothing"

    def alive(self):
        """Fails with what is known if the router has ended by itself."""
        code = self.process.poll()
        assert code is None, f"the router has ended by itself with {code}{self.last_words()}"

    def killed(self):
        """Kills it (-9), and fails if it had ended by itself before."""
        self.alive()
        self.process.kill()
        code = self.dies()
        assert code == -signal.SIGKILL, f"the router ended by itself with {code} just before it was killed{self.last_words()}"

    def signal(self, number):
        self.process.send_signal(number)

    def dies(self):
        """Waits until it has ended by itself; returns its exit code, negative for a signal. Nothing is left to end then."""
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        alive = self.process.poll() is None
        if kind is not None:  # the test has failed already: its reason is what counts
            if not alive:
                print(f"the router had ended with {self.process.returncode}{self.last_words()}", flush=True)
            self.process.kill()
            self.process.wait()
            return
        self.process.terminate()
        code = self.process.wait(timeout=60)
        assert alive and code == 0, f"the router ended with {code}, alive before: {alive}{self.last_words()}"


class Skipped(Exception):
    """What a test needs is not here: says what."""


SKIP_CODE = 77  # of a program whose tests were all skipped


def eventually(condition, what, seconds=5.0):
    """Waits for a condition of the outside world; the limit only bounds a failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"never happened: {what}")


def run(*tests, beside=()):
    """Runs the test functions, or those named on the command line, each to its end: one failure hides no other. Those `beside` mostly wait; they run
    in processes of their own meanwhile."""
    names = [word for word in sys.argv[1:] if not word.startswith("--")]

    def wanted(functions):
        return [function for function in functions if not names or function.__name__ in names]

    children = {}
    for test in wanted(beside):
        child = os.fork()
        if child == 0:
            os._exit(outcome(test))
        children[child] = test.__name__
    outcomes = {test.__name__: outcome(test) for test in wanted(tests)}
    for child, name in children.items():
        outcomes[name] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    failed = [name for name, code in outcomes.items() if code not in (0, SKIP_CODE)]
    assert outcomes, f"no test is called {names}"
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    sys.exit(SKIP_CODE if SKIP_CODE in outcomes.values() and 0 not in outcomes.values() else 0)


def outcome(test):
    """0: passed, 1: failed, SKIP_CODE: skipped; and says so."""
    began = time.monotonic()
    try:
        test()
    except Skipped as skipped:
        print(f"{test.__name__}: skipped, {skipped}", flush=True)
        return SKIP_CODE
    except Exception:
        print(f"{test.__name__}: FAILED\n{traceback.format_exc()}", flush=True)
        return 1
    print(f"{test.__name__}: ok, {time.monotonic() - began:.1f} s", flush=True)
    return 0
