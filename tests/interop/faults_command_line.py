"""Command lines, variables and files that make no sense: how `clasp` refuses them."""
import os
import subprocess
import tempfile

from harness.router import run


def words_the_program_does_not_know():
    """One line on stderr that names what is wrong and what was expected, nothing on stdout, exit code 2."""
    server = [
        (["--max-parms", "3"], "--max-parms", "--max-params"), (["--max-params", "many"], "--max-params", "whole number"),
        (["--max-params", "-1"], "--max-params", "whole number"), (["--max-params"], "--max-params", "value"),
        (["--max-params", "1", "--max-params", "2"], "--max-params", "twice"), (["--eviction", "sometimes"], "--eviction", "oldest-first"),
        (["--listen", "127.0.0.1:port"], "--listen", "number from 0 to 65535"), (["--osc", "99999"], "--osc", "number from 0 to 65535"),
        (["--strategy", "/a=best"], "--strategy", "merge"), (["--strategy", "best"], "--strategy", "expected"),
        (["--osc-kind", "/a/**=noise"], "--osc-kind", "expected"), (["--osc-namespace", "osc"], "osc-namespace", "address"),
        (["--osc-target", "nowhere"], "--osc-target", ""), (["--handshake-timeout", "soon"], "--handshake-timeout", "250ms"),
        (["--slow-backlog", "huge"], "--slow-backlog", "64k"), (["--ack", "maybe"], "--ack", "always"),
        (["--log-level", "loud"], "--log-level", "warn"), (["stray"], "stray", ""), (["-z"], "-z", ""),
        (["--gesture-coalescing", "perhaps"], "--gesture-coalescing", "true or false"),
        (["--config", "/nonexistent.toml"], "/nonexistent.toml", ""), (["--strategy", "a\nb=lww"], "--strategy", ""),
        (["--max-params", "1\n2"], "--max-params", "whole number"), (["--max\nparams", "1"], "max", "")]
    toml = [
        ("max-parms = 3", "max-parms", "max-params"), ('max-params = "x"', "max-params", "whole number"),
        ("max-params = [1]", "max-params", "single"), ("max-params = 1.5", "max-params", "whole number"),
        ("name = 'x'\n\nack = true", ":3: ack", "by-qos"), ("max-params =\n", ":1:", "expected"),
        ("listen = [1, [2]]", "listen", "list"), ("[router]\nname = 'x'", "router", ""), ("param-ttl = -1", "param-ttl", "250ms"),
        ("a = 1\na = 2", ":2:", ""), ("config = 'other.toml'", "config", ""), ('max-params = """1\n2"""', "max-params", "whole number"),
        ("name = 'unfinished\n", ":1:", ""), ('"max\\nparams" = 1', "params", "")]
    commands = [
        ("frobnicate", [], "frobnicate", ""), ("get", [], "ADDRESS", ""), ("get", ["--tmeout", "1s", "/a"], "--tmeout", "--timeout"),
        ("get", ["--timeout", "soon", "/a"], "--timeout", "250ms"), ("get", ["no-slash"], "no-slash", "'/'"), ("get", ["/a", "/b"], "/b", ""),
        ("set", ["/a"], "VALUE", ""), ("set", ["/a/*", "1"], "/a/*", ""), ("watch", ["--count", "x"], "--count", "whole number"),
        ("ping", ["--count", "-1"], "--count", "whole number"), ("gesture", ["/a", "1", "sideways"], "PHASE", "start"),
        ("gesture", ["/a", "x", "start"], "ID", ""), ("emit", ["/a", "--signal", "smoke"], "--signal", "stream"),
        ("stream", ["/a", "1", "--rate", "fast"], "--rate", "number"), ("lock", ["/a", "--duration", "never"], "--duration", "250ms"),
        ("get", ["--server", "http://x", "/a"], "http://x", ""), ("osc", ["--listen", "x"], "--listen", ""), ("get", ["/a\nb"], "/a", "")]
    faults = [judge(["server", *arguments], named, expected) for arguments, named, expected in server]
    faults += [judge([command, *arguments], named, expected) for command, arguments, named, expected in commands]
    for variable, content, expected in (("CLASP_MAX_PARAMS", "lots", "whole number"), ("CLASP_ACK", "maybe", "always")):
        faults.append(judge(["server"], variable, expected, {variable: content}))
    for content, named, expected in toml:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(content)
            file.flush()
            faults.append(judge(["server", "--config", file.name], named, expected))
    faults = [fault for fault in faults if fault]
    assert not faults, "\n" + "\n".join(faults)


def judge(arguments, named, expected, environment=None):
    """What is wrong with how `clasp` refuses these arguments, if anything is."""
    limit = 20  # it must not start anything; one that does is ended and told
    try:
        done = subprocess.run([os.environ["CLASP_BINARY"], *arguments], capture_output=True, text=True, timeout=limit,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return f"clasp {arguments} {environment or ''}: not refused"
    said = f"clasp {arguments} {environment or ''}: exit {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}"
    if done.returncode != 2 or done.stdout:
        return f"not exit code 2 without output: {said}"
    if done.stderr.count("\n") != 1 or not done.stderr.endswith("\n"):
        return f"not one line: {said}"
    if named not in done.stderr or expected not in done.stderr:
        return f"{named!r} and {expected!r} are not named: {said}"
    return None


if __name__ == "__main__":
    run(words_the_program_does_not_know)
