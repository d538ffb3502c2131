"""The published Python client, unmodified. It sends QoS 0 everywhere; any ACK would end its receive loop for good."""
import asyncio

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


with Router() as router:
    asyncio.run(main(router))
print("ok")
