"""What somebody meets who has never run this: the wrong file, no router, another program on the port, a full disk, a folder without permission."""
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness.router import Router, Skipped, eventually, run

NOBODY = 65534
LIMIT = 60


def clasp(*arguments, url=None, **settings):
    environment = {**os.environ, **({"CLASP_URL": url} if url else {})}
    return subprocess.run([os.environ["CLASP_BINARY"], *arguments], text=True, timeout=LIMIT, env=environment,
                          **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings})


def refused(arguments, code, *said, **settings):
    done = clasp(*arguments, **settings)
    assert done.returncode == code and not done.stdout and all(part in done.stderr for part in said), (arguments, code, said, done)
    assert done.stderr.count("\n") == 1, done


def server(*arguments):
    return ["server", "--listen", "127.0.0.1:0", *arguments]


# ---- files ----

def a_folder_in_place_of_a_file():
    """It is named with the reason, nothing is started with the defaults instead, and it stays where it is."""
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/show"
        os.mkdir(place)
        open(f"{place}/kept", "w").close()
        for option in ("--config", "--rules"):
            refused(server(option, place), 2, f"cannot read {place}: Is a directory")
        refused(server("--persist", place), 1, f"cannot read {place}: Is a directory")
        refused(server("--journal", place), 1, f"cannot open {place}: it is a folder")
        assert os.listdir(place) == ["kept"] and not [name for name in os.listdir(folder) if "damaged" in name], os.listdir(folder)
        refused(server("--config", f"{folder}/none.toml"), 2, f"cannot open {folder}/none.toml: No such file")
        refused(server("--rules", f"{folder}/none.json"), 2, f"cannot open {folder}/none.json: No such file")


def a_configuration_that_became_a_folder():
    """SIGHUP: it is no empty configuration; what is in force stays."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/show.toml"
        with open(path, "w") as file:
            file.write('[[transform]]\naddress = "/lights/**"\ntransform = { type = "clamp", min = 0, max = 1 }\n')
        with open(f"{folder}/log", "w") as log, Router("--config", path, log=log) as router:
            os.remove(path)
            os.mkdir(path)
            router.signal(signal.SIGHUP)

            def logged():
                with open(f"{folder}/log") as lines:
                    return lines.read()
            eventually(lambda: "was not read again" in logged(), "it is told", LIMIT)
            assert f"everything stays in force as it was: cannot read {path}: Is a directory" in logged(), logged()
            router.clasp("set", "/lights/1", "5")
            assert router.clasp("get", "/lights/1") == "1.0"


def a_journal_in_a_folder_without_permission():
    """Whole, only not to be used by this user: it is neither called damaged nor moved."""
    if os.geteuid() != 0:
        raise Skipped("only root can be another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with Router("--journal", f"{folder}/show.db") as router:
            router.clasp("set", "/a", "1")
        for name in os.listdir(folder):
            os.chown(f"{folder}/{name}", NOBODY, NOBODY)
        refused(server("--journal", f"{folder}/show.db"), 1, f"cannot use {folder}/show.db: no permission to write into its folder {folder}", user=NOBODY,
                group=NOBODY, extra_groups=[])
        with Router("--journal", f"{folder}/show.db") as router:
            assert router.clasp("get", "/a") == "1"


def a_file_with_a_byte_order_mark():
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8-sig") as file, Router() as router:
        file.write('[{"set": ["/a", 1]}]\r\n')
        file.flush()
        router.clasp("bundle", file.name)
        assert router.clasp("get", "/a") == "1"


# ---- output ----

def results_that_cannot_be_written():
    """Help and versions as well: exit code 1 and the reason, never an exception."""
    for arguments in (["help"], ["--version"], ["version"], ["server", "--help"], ["server", "--check-config"], ["bench", "--help"], ["osc", "--help"]):
        with open("/dev/full", "w") as full:
            done = clasp(*arguments, stdout=full)
        assert done.returncode == 1 and "cannot write the result: No space left on device" in done.stderr, (arguments, done)


def a_monitor_is_no_traffic():
    """Somebody's `clasp monitor` asks every second; `clasp watch` does not show that, except to who watches /clasp."""
    with Router() as router:
        environment = {**os.environ, "CLASP_URL": router.url}
        monitor = subprocess.Popen([router.binary, "monitor", "--interval", "100ms"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watch = subprocess.Popen([router.binary, "watch", "--count", "1"], env=environment, stdout=subprocess.PIPE, text=True)
        asked = clasp("watch", "/clasp/**", "--count", "4", url=router.url).stdout
        assert "/clasp/sessions/ask" in asked, asked
        eventually(lambda: router.metrics()["clasp_sessions_active"] >= 3, "both are there", LIMIT)
        router.clasp("emit", "/go", "1")
        assert "/go = 1" in watch.communicate(timeout=LIMIT)[0]
    assert any("no connection" in line for line in iter(monitor.stdout.readline, "")), "what it shows without a router says so"
    monitor.kill()
    monitor.communicate()


# ---- who is there ----

@contextlib.contextmanager
def web_server():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass
    with tempfile.TemporaryDirectory() as folder, http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=folder)) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def another_program_on_the_port():
    with web_server() as place:
        refused(["get", "/a"], 3, f"cannot connect to {place}: server answered 200 OK, not 101; is that a CLASP router?", url=place)
        refused(["status"], 1, f"{place} is no CLASP router: it answers GET /healthz with 404", url=place)
        refused(["journal", "latest"], 1, f"{place} answers no questions about a journal", url=place)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        refused(["status", "--timeout", "200ms"], 3, f"cannot reach {place}: no answer in time", url=place)
    refused(["status"], 3, f"cannot reach {place}: Connection refused", url=place)


def a_router_without_a_journal():
    for options in ((), ("--http",)):
        with Router(*options) as router:
            for question in (["query"], ["since", "1"], ["latest"], ["snapshot"]):
                done = clasp("journal", *question, url=router.url)
                assert done.returncode == 1 and "--journal FILE or --journal-memory" in done.stderr, (options, question, done)


def a_journal_behind_a_token():
    with Router("--http", "--http-token", "sesame", "--journal-memory") as router:
        for wrong in ([], ["--token", "x"]):
            refused(["journal", "latest", *wrong], 4, f"127.0.0.1:{router.port} wants another --token", url=router.url)
        assert router.clasp("journal", "latest", "--token", "sesame") == "Latest seq: 0"


def questions_that_make_no_sense():
    with Router("--http", "--journal-memory") as router:
        refused(["journal", "query", "a"], 2, "address must start with '/'", url=router.url)
        refused(["journal", "query", "--types", "param,smoke"], 2, '"smoke" is no signal type', url=router.url)
        router.clasp("set", "/a", "1")
        router.clasp("emit", "/b", "1")
        assert "/a" in router.clasp("journal", "query", "--types", "param") and "/b" not in router.clasp("journal", "query", "--types", "param")


def a_bridge_whose_router_goes_and_returns():
    """It says so once for each reason, not with every attempt, whichever bridge it is; one that cannot start has no router to blame."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for protocol in ("osc", "websocket"):
        with tempfile.TemporaryFile("w+") as log:
            with Router(listen=f"127.0.0.1:{port}") as router:
                bridge = subprocess.Popen([router.binary, protocol, "--port", "0", "--router", router.url], stderr=log)

                def lines(part):
                    return [line for line in os.pread(log.fileno(), 65536, 0).decode().splitlines() if part in line]
                eventually(lambda: lines(f"{protocol}: connected to the router"), "it is connected", LIMIT)
            eventually(lambda: lines("router link down: cannot reach"), "the first attempt is told", LIMIT)
            time.sleep(3.5)  # more attempts: after 1 s, and 2 s later
            assert len(lines("router link down: cannot reach")) == 1, lines("")
            with Router(listen=f"127.0.0.1:{port}"):
                eventually(lambda: len(lines(f"{protocol}: connected to the router")) == 2, "it has come back", LIMIT)
                bridge.terminate()
                assert bridge.wait(LIMIT) == 0, lines("")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        refused(["osc", "--bind", f"127.0.0.1:{taken.getsockname()[1]}"], 1, "cannot listen on UDP", "in use")
    monitor = subprocess.Popen([os.environ["CLASP_BINARY"], "osc", "--port", "0", "--monitor"], stderr=subprocess.PIPE, text=True)
    assert "no router" in monitor.stderr.readline()
    monitor.terminate()
    assert "connected" not in monitor.communicate(timeout=LIMIT)[1]


def one_port_for_two_options():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(server("--listen", f"127.0.0.1:{port}"), 1, f"127.0.0.1:{port}", "in use", f"process {os.getpid()}")
    refused(server("--listen", f"127.0.0.1:{port}", "--mqtt", f"127.0.0.1:{port}"), 1, f"127.0.0.1:{port}", "two options name the same port")


def a_limit_of_the_file_size():
    """`ulimit -f`, LimitFSIZE of systemd: as a full disk, not the end of the router by SIGXFSZ."""
    limited = ("sh", "-c", 'ulimit -f 400; exec "$@"', "sh")  # 200 KiB
    for option, more in (("--persist", ("--persist-interval", "100ms")), ("--journal", ())):
        with tempfile.TemporaryDirectory() as folder, Router(option, f"{folder}/show", *more, wrapper=limited) as router:
            bundle = json.dumps([{"set": [f"/x/{number}", "x" * 3000]} for number in range(15)])
            for place in range(8):
                clasp("bundle", "-", url=router.url, input=bundle.replace("/x/", f"/x/{place}/"))
            eventually(lambda: router.alive() or "not ready: " in clasp("status", url=router.url).stdout, "it is told", LIMIT)
            router.alive()
            assert router.clasp("get", "/x/7/14") == '"' + "x" * 3000 + '"', "the show goes on"


def a_webhook_nobody_takes():
    """Counted each, told once a second at most: nobody floods the log by an address that a rule watches."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}/hook"
        with open(f"{folder}/rules.json", "w") as file:
            json.dump([{"id": "door", "trigger": {"type": "on_change", "pattern": "/door"}, "actions": [{"type": "webhook", "url": url}]}], file)
        with open(f"{folder}/log", "w") as log, Router("--rules", f"{folder}/rules.json", log=log) as router:
            assert clasp("bundle", "-", url=router.url, input=json.dumps([{"set": ["/door", number]} for number in range(100)])).returncode == 0
            eventually(lambda: router.metrics()['clasp_webhooks_total{what="failed"}'] == 100, "all are given up", LIMIT)
        with open(f"{folder}/log") as file:
            told = [line for line in file if "webhook failed" in line]
        assert 1 <= len(told) <= 5, told


def status_says_what_is_wrong():
    """Alive is not well: a state file that cannot be written is in `clasp status`, and in its exit code."""
    folder = tempfile.TemporaryDirectory()
    with Router("--persist", f"{folder.name}/state.json", "--persist-interval", "100ms") as router:
        status = json.loads(router.clasp("status", "--json"))
        assert status["ready"] and "not_ready" not in status, status
        folder.cleanup()
        router.clasp("set", "/a", "1")
        eventually(lambda: clasp("status", url=router.url).returncode == 1, "it is no longer ready", LIMIT)
        said = clasp("status", url=router.url)
        assert "not ready: " in said.stdout and "state.json" in said.stdout, said
        os.mkdir(folder.name)
        eventually(lambda: clasp("status", url=router.url).returncode == 0, "it is ready again", LIMIT)
    for name in os.listdir(folder.name):
        os.remove(f"{folder.name}/{name}")
    os.rmdir(folder.name)


if __name__ == "__main__":
    run(a_folder_in_place_of_a_file, a_configuration_that_became_a_folder, a_journal_in_a_folder_without_permission, a_file_with_a_byte_order_mark,
        results_that_cannot_be_written, a_monitor_is_no_traffic, another_program_on_the_port, a_router_without_a_journal, a_journal_behind_a_token,
        questions_that_make_no_sense, a_bridge_whose_router_goes_and_returns, one_port_for_two_options, a_limit_of_the_file_size,
        a_webhook_nobody_takes, status_says_what_is_wrong)
