"""A foreign WebSocket library, curl, plain TCP and hostile peers against the one port."""
import asyncio
import json
import socket
import struct
import subprocess
import time

import websockets

from harness.router import Router

HELLO = bytes.fromhex("53010008010180") + b"\x00\x01x\x00\x00"


def curl(router, path, *options):
    return subprocess.run(["curl", "-s", "-S", *options, f"http://127.0.0.1:{router.port}{path}"], capture_output=True, text=True, check=True).stdout


def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        assert piece, "closed early"
        data += piece
    return data


async def foreign_library(router):
    for offered in (["clasp"], ["clasp", "other"], None):
        async with websockets.connect(router.url + "/any/path?token=x", subprotocols=offered) as peer:
            assert peer.subprotocol == ("clasp" if offered else None)
            await peer.send("text is ignored")
            await peer.send(HELLO)
            assert (await peer.recv())[4] == 0x02, "WELCOME first"
            assert (await peer.recv())[4] == 0x23, "then a SNAPSHOT"
            await (await peer.ping())
            await peer.send(bytes.fromhex("5301000141"))
            assert await peer.recv() == bytes.fromhex("5301000142"), "PONG"
    async with websockets.connect(router.url) as garbage:
        await garbage.send(b"garbage")
        assert (await garbage.recv())[4] == 0x51, "ERROR"
        try:
            await garbage.recv()
            raise AssertionError("still open")
        except websockets.exceptions.ConnectionClosed as closed:
            assert closed.rcvd.code == 1002, closed


with Router("--handshake-timeout", "1s") as router:
    assert curl(router, "/healthz") == "ok\n" and curl(router, "/anything") == "ok\n" and curl(router, "/readyz") == "ready\n"
    assert curl(router, "/", "-I").startswith("HTTP/1.1 200")
    assert "clasp_sessions_active 1\n" in curl(router, "/metrics"), "the OSC bridge is a session"
    asyncio.run(foreign_library(router))

    with socket.create_connection(("127.0.0.1", router.port)) as tcp:  # as an Arduino: u32 length, i32 and f32 values
        tcp.sendall(struct.pack(">I", len(HELLO)) + HELLO)
        frame = exactly(tcp, struct.unpack(">I", exactly(tcp, 4))[0])
        assert frame[4] == 0x02
        tcp.sendall(bytes.fromhex("000000105301000c210400042f732f6efffffff9"))
        time.sleep(0.1)
        assert router.clasp("get", "/s/n") == "-7"
    with socket.create_connection(("127.0.0.1", router.port)) as bare:
        bare.sendall(HELLO)
        assert exactly(bare, 5)[4] == 0x02

    # Silence, half a request, half a length, an unknown protocol: none delays a newcomer, all end by themselves.
    hostile = []
    for start in (b"", b"GET / HT", b"\x00\x00", b"\x53\x01", b"\xff", b"\x16\x03\x01", b"\x10\x0e"):
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", router.port))
            connection.sendall(start)
            hostile.append(connection)
    assert router.clasp("get", "/s/n") == "-7"
    for connection in hostile:
        connection.settimeout(15)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
        connection.close()
    watched = subprocess.run([router.binary, "watch", "/s/**", "--count", "1", "--json", "-s", router.url], capture_output=True, text=True, timeout=10)
    assert json.loads(watched.stdout)["value"] == -7, watched
print("ok")
