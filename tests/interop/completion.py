"""`clasp completion` in the shells themselves: commands, options of a command, shells."""
import os
import subprocess
import tempfile

BINARY = os.environ["CLASP_BINARY"]

BASH = """source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _clasp; printf '%s\\n' "${{COMPREPLY[@]}}" """
# compadd and compdef exist only while zsh completes: here they are stood in for, and what is offered is filtered as zsh would.
ZSH = """compdef() {{ }}; compadd() {{ [[ $1 == -a ]] && print -l -- ${{(P)2}} || print -l -- $@ }}; _files() {{ print files }}
source {script}; words=({words}); CURRENT=${{#words}}; _clasp"""
FISH = """set -x PATH {folder} $PATH; source {script}; complete -C '{line}'"""


def run(shell, text):
    done = subprocess.run([shell, *(["-f"] if shell == "zsh" else ["--norc"] if shell == "bash" else ["--no-config"]), "-c", text],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, f"{shell}: {done.returncode}: {done.stderr}"
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


def complete(shell, script, *words):
    if shell == "fish":
        return run(shell, FISH.format(folder=os.path.dirname(BINARY), script=script, line=" ".join(["clasp", *words])))
    quoted = " ".join([BINARY, *(word or "''" for word in words)])
    offered = run(shell, (BASH if shell == "bash" else ZSH).format(script=script, words=quoted))
    return {word for word in offered if word.startswith(words[-1])}


with tempfile.TemporaryDirectory() as folder:
    for shell in ("bash", "zsh", "fish"):
        script = os.path.join(folder, shell)
        with open(script, "w") as file:
            subprocess.run([BINARY, "completion", shell], stdout=file, check=True)
        commands = complete(shell, script, "")
        assert {"server", "set", "watch", "completion", "help"} <= commands, f"{shell}: {commands}"
        assert complete(shell, script, "wat") == {"watch"}, shell
        assert complete(shell, script, "help", "tim") == {"timeline"}, shell
        assert complete(shell, script, "watch", "--no-s") == {"--no-snapshot"}, shell
        assert {"--osc", "--osc-tcp", "--osc-target"} <= complete(shell, script, "server", "--osc"), shell
        assert complete(shell, script, "completion", "f") == {"fish"}, shell
    refused = subprocess.run([BINARY, "completion", "tcsh"], capture_output=True, text=True)
    assert refused.returncode == 2 and "expected bash, zsh or fish" in refused.stderr, refused.stderr
print("ok")
