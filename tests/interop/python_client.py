"""The published Python client, unmodified. It sends QoS 0 everywhere; any ACK would end its receive loop for good."""
import asyncio
import json
import tempfile

from clasp import Clasp

from harness.router import Router


async def until(condition, what):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never happened: {what}")


async def main(router):
    heard, other_heard = [], []
    router.clasp("set", "/early", "7")
    client, other = Clasp(router.url), Clasp(router.url)
    await client.connect()
    await other.connect()
    assert client.session_id and client.session_id != other.session_id
    assert client.cached("/early") == 7, "the late joiner has the state at once"

    client.subscribe("/py/**", lambda value, address: heard.append((address, value)))
    other.subscribe("/py/**", lambda value, address: other_heard.append((address, value)))
    await asyncio.sleep(0.2)
    await client.set("/py/a", 1)
    await until(lambda: ("/py/a", 1) in heard and ("/py/a", 1) in other_heard, "SET reaches both")
    # Its receive loop is alive only if nothing it cannot decode was sent: hear something after a set and after a bundle.
    await client.bundle([{"set": ["/py/b", 2.5]}, {"set": ["/py/c", "x"]}])
    await until(lambda: ("/py/b", 2.5) in heard and ("/py/c", "x") in heard, "bundle (MessagePack under binary flags)")
    await other.set("/py/d", True)
    await until(lambda: ("/py/d", True) in heard, "alive after bundle")
    await client.emit("/py/event", {"k": [1, 2.5, "three"]})
    await until(lambda: ("/py/event", {"k": [1, 2.5, "three"]}) in other_heard, "event with a map")
    assert ("/py/event", {"k": [1, 2.5, "three"]}) not in heard, "no echo of a PUBLISH"
    router.clasp("set", "/py/e", "0.25")
    await until(lambda: ("/py/e", 0.25) in heard, "a set from the command line")
    assert await client.get("/early") == 7
    assert router.clasp("get", "/py/c") == '"x"'
    if hasattr(client, "query_signals"):  # not in 3.0.1
        assert await client.query_signals("/none/**") == []
    await client.set("no-slash", 1)  # refused with an ERROR the client survives
    await other.set("/py/last", 9)
    await until(lambda: ("/py/last", 9) in heard, "alive after an ERROR")
    await client.close()
    await other.close()


SHOW = {"/show/a": 1, "/show/b": 2.5, "/show/c": "Grüße", "/show/d": [1, "two", None], "/show/e": {"k": True}, "/show/f": False}


async def before_the_kill(router):
    client = Clasp(router.url)
    await client.connect()
    for address, value in SHOW.items():
        await client.set(address, value)
    await client.set("/show/a", 0)
    await client.set("/show/a", SHOW["/show/a"])
    await client.set("/show/end", 1)
    await until(lambda: router.clasp("get", "/show/end", check=False) == "1", "all have arrived")
    router.clasp("set", "/show/last", "1")  # confirmed: everything before it is on the disk
    return json.loads(router.clasp("get", "/show/a", "--json"))


async def after_the_kill(router, heard):
    """As if it had never stopped: what it knew, and what is new."""
    client = Clasp(router.url)
    await client.connect()
    await until(lambda: {address: client.cached(address) for address in SHOW} == SHOW, "the snapshot is what was set")
    again = json.loads(router.clasp("get", "/show/a", "--json"))
    assert again == heard, (again, heard)
    news = []
    client.subscribe("/show/**", lambda value, address: news.append((address, value)))
    await asyncio.sleep(0.2)
    router.clasp("set", "/show/a", "2")
    await until(lambda: ("/show/a", 2) in news, "a change after the restart")
    assert await client.get("/show/a") == 2
    await client.close()


with Router() as router:
    asyncio.run(main(router))

with tempfile.TemporaryDirectory() as folder:
    options = ("--journal", f"{folder}/show.db", "--durability", "sync")
    router = Router(*options)
    try:
        heard = asyncio.run(before_the_kill(router))
    finally:
        router.process.kill()
    router.dies()
    with Router(*options) as router:
        asyncio.run(after_the_kill(router, heard))
print("ok")
