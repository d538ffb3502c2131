"""A real mosquitto on a free port, with what a test wants of it."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.router import Skipped, eventually


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def can_connect(port):
    with socket.socket() as made:
        return made.connect_ex(("127.0.0.1", port)) == 0


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


class Certificates:
    """An authority and what it issues, in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder, self.ca, self.key = folder, f"{folder}/{name}.pem", f"{folder}/{name}.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=Test {name}", "-keyout", self.key, "-out", self.ca)

    def issue(self, name, names):
        key, request, certificate, extra = (f"{self.folder}/{name}.{end}" for end in ("key", "csr", "pem", "ext"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        with open(extra, "w") as file:
            file.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days", "2", "-extfile", extra, "-out", certificate)
        return certificate, key


class Mosquitto:
    """`lines` go into its configuration behind the listener. stop() and start() are a restart that forgets all sessions and retained messages."""

    def __init__(self, *lines, anonymous=True):
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if not binary:
            raise Skipped("mosquitto is not installed")
        self.binary, self.port, self.process = binary, free_port(), None
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)  # started by root it becomes the user mosquitto
        self.config = f"{self.folder.name}/mosquitto.conf"
        with open(self.config, "w") as file:
            file.write("\n".join([f"listener {self.port} 127.0.0.1", f"allow_anonymous {str(anonymous).lower()}", "persistence false", "user root", *lines, ""]))
        self.log = open(f"{self.folder.name}/log", "w+")

    def start(self):
        self.process = subprocess.Popen([self.binary, "-v", "-c", self.config], stdout=self.log, stderr=self.log)
        eventually(lambda: can_connect(self.port) or self.process.poll() is not None, "mosquitto listens", 30)
        assert self.process.poll() is None, self.text()
        return self

    def stop(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)

    def text(self):
        with open(self.log.name) as file:
            return file.read()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop(signal.SIGTERM)
        if kind is not None:
            print(f"mosquitto said:\n{self.text()[-4000:]}", flush=True)
        self.log.close()
        self.folder.cleanup()
