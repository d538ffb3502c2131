"""`clasp monitor` on a real terminal (tmux): who wrote last, slow sessions and what they lost, bridges and their peers, another order, its end."""
import os
import re
import socket
import struct
import subprocess
import tempfile

from harness.native import Peer, set_param, subscribe
from harness.router import Router, eventually, run


class Terminal:
    """A terminal of 120 by 30 that runs one command; on a server of its own, so that nobody else's tmux is touched."""

    def __init__(self, command, **environment):
        self.folder = tempfile.TemporaryDirectory()
        settings = [f"{name}={value}" for name, value in environment.items()]
        self.tmux("new-session", "-d", "-x", "120", "-y", "30", "env", *settings, *command)

    def tmux(self, *arguments, check=True):
        return subprocess.run(["tmux", "-S", os.path.join(self.folder.name, "socket"), "-f", "/dev/null", *arguments], capture_output=True, text=True, check=check)

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout

    def ended(self):
        return self.tmux("has-session", check=False).returncode != 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)
        self.folder.cleanup()


def shows(terminal, *patterns):
    eventually(lambda: all(re.search(pattern, terminal.screen(), re.M) for pattern in patterns), f"the screen shows {patterns}; it is\n{terminal.screen()}", 60)


def who_is_away():
    with Router() as router:
        watch = subprocess.Popen([router.binary, "watch", "/**", "--name", "tablet"], env={**os.environ, "CLASP_URL": router.url}, stdout=subprocess.DEVNULL)
        eventually(lambda: router.metrics()["clasp_sessions_active"] >= 1, "it watches", 60)
        with Terminal([router.binary, "monitor", "--interval", "300ms"], CLASP_URL=router.url) as terminal:
            shows(terminal, r"sessions, 0 slow;")
            watch.kill()
            watch.wait()
            shows(terminal, r"sessions, 0 slow, 1 away;", r"^SESSION AWAY +FOR +MAY COME BACK WITHIN", r"^tablet +[\d.]+m?s +\S+")


def the_live_screen():
    with Router("--slow-backlog", "64k") as router, Peer(router.port, name="desk") as desk, Peer(router.port, name="phone", receive_buffer=4096) as phone:
        phone.send(subscribe(1, "/big/**"))
        phone.flush()
        device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        device.sendto(b"/fader\0\0,i\0\0" + struct.pack(">i", 7), ("127.0.0.1", router.osc_port))
        desk.answer(set_param("/desk/a", 0.5, qos=1), what="the desk has written")
        with Terminal([router.binary, "monitor", "--interval", "300ms"], CLASP_URL=router.url) as terminal:
            shows(terminal, r"^/desk/a +0\.0 +0 +desk +0\.5", r"^/osc/fader .* osc \S+ +7$", r"^BRIDGE +PROTOCOL", r"osc/udp port \d+ +/osc +running .* 1$")
            def device_shown():  # once the bridge has been asked it remembers who writes
                device.sendto(b"/fader\0\0,i\0\0" + struct.pack(">i", 8), ("127.0.0.1", router.osc_port))
                return re.search(rf"^/osc/fader .* osc \S+ 127\.0\.0\.1:{device.getsockname()[1]} +8$", terminal.screen(), re.M)
            eventually(device_shown, "the device behind the bridge is named", 60)
            content = "x" * 30_000

            def slow():  # it reads nothing; what it would hear is too much for its link
                desk.answer(*[set_param(f"/big/{n}", content) for n in range(20)], what="the router goes on")
                return re.search(r"^phone +\d+ [kM]?B +[\d.]+s +[1-9]\d* older values", terminal.screen(), re.M)
            eventually(slow, "the slow session and what it has lost are shown", 60)
            shows(terminal, r", 1 slow", r"^SLOW SESSION +WAITING +BEHIND +LOST")
            terminal.tmux("send-keys", "s")
            shows(terminal, r"; by total \(s: another order")
            terminal.tmux("send-keys", "q")
            eventually(terminal.ended, "q ends it", 60)
        device.close()


run(who_is_away, the_live_screen)
