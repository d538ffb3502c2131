"""permessage-deflate (RFC 7692) with `clasp server --deflate`: the library `websockets`, and raw bytes."""
import asyncio
import functools
import os
import zlib

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from harness import native
import raw_websocket
from raw_websocket import BINARY, PING, PING_FRAME, PONG, TEXT, frame, request
from harness.router import Router, eventually, run

COMPRESSED = 0x4  # the reserved bit of a compressed message
TAIL = b"\x00\x00\xff\xff"
LONG = " ".join(f"/stage/{i}/dim" for i in range(2_000))
SHARED = {}


def deflated(message, window_bits=15):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -window_bits)
    payload = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return payload[:-len(TAIL)]


def inflated(payload, window_bits=15):
    return zlib.decompressobj(-window_bits).decompress(payload + TAIL)


class Raw(raw_websocket.Raw):
    def __init__(self, offer="permessage-deflate"):
        super().__init__(SHARED["router"].port, request(f"Sec-WebSocket-Extensions: {offer}"))

    def unpack(self, reserved, payload):
        self.compressed = reserved == COMPRESSED
        assert reserved in (0, COMPRESSED), reserved
        return inflated(payload) if self.compressed else payload

    def works(self):
        self.send(frame(BINARY, deflated(PING), reserved=COMPRESSED))
        assert self.frame() == (BINARY, PONG)


def foreign_library_with_every_window():
    async def everything():
        metrics = SHARED["router"].metrics()
        for bits in (None, 9, 10, 12, 15):
            offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits, client_max_window_bits=True)
            async with websockets.connect(SHARED["router"].url, subprotocols=["clasp"], extensions=[offer], compression=None) as peer:
                (extension,) = peer.protocol.extensions
                assert isinstance(extension, PerMessageDeflate), extension
                assert extension.remote_no_context_takeover and extension.local_no_context_takeover, extension
                assert extension.remote_max_window_bits == (bits or 15), extension
                await peer.send(native.hello())
                assert [(await peer.recv())[4] for _ in range(2)] == [native.WELCOME, native.SNAPSHOT]
                await peer.send(native.set_param("/deflate", LONG))
                for _ in range(3):
                    await peer.send(native.get("/deflate"))
                    assert LONG.encode() in await peer.recv()
                await peer.send([PING[:2], PING[2:]])
                assert await peer.recv() == PONG
                await (await peer.ping(os.urandom(125)))
        after = SHARED["router"].metrics()
        assert after["clasp_messages_deflated_total"] >= metrics["clasp_messages_deflated_total"] + 15
        assert after["clasp_messages_inflated_total"] >= metrics["clasp_messages_inflated_total"] + 5
        assert after["clasp_deflate_bytes_saved_total"] > metrics["clasp_deflate_bytes_saved_total"] + 15 * len(LONG) // 2

    asyncio.run(everything())


def a_library_that_offers_by_default():
    async def everything():
        async with websockets.connect(SHARED["router"].url) as peer:
            assert isinstance(peer.protocol.extensions[0], PerMessageDeflate)
            await peer.send(native.hello())
            assert (await peer.recv())[4] == native.WELCOME

    asyncio.run(everything())


def only_what_pays_is_compressed():
    with Raw() as peer:
        assert "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" in peer.head
        peer.welcomed().works()
        noise = bytes(os.urandom(30_000))
        for content, compressed in (("short", False), (noise, False), (LONG, True)):
            peer.send(frame(BINARY, native.set_param("/pays", native.value(content))) + frame(BINARY, native.get("/pays")))
            opcode, message = peer.frame()
            assert opcode == BINARY and (content if isinstance(content, bytes) else content.encode()) in message
            assert peer.compressed == compressed, content[:10]
        peer.works()


def compressed_in_every_cut():
    payload = deflated(native.set_param("/cut", LONG[:300]))
    for cut in range(0, len(payload) + 1, 5):
        with Raw() as peer:
            peer.welcomed().send(frame(BINARY, payload[:cut], fin=False, reserved=COMPRESSED) + frame(PING_FRAME, b"between") +
                                 frame(raw_websocket.CONTINUATION, payload[cut:]))
            assert peer.frame() == (raw_websocket.PONG_FRAME, b"between")
            peer.works()


def what_is_wrong_ends_the_connection():
    good = deflated(PING)
    text = deflated(b"t\xff")
    for data, code in ((frame(BINARY, b"garbage\xff", reserved=COMPRESSED), 1007), (frame(BINARY, good[:-1], reserved=COMPRESSED), 1007),
                       (frame(TEXT, text, reserved=COMPRESSED), 1007), (frame(PING_FRAME, b"", reserved=COMPRESSED), 1002),
                       (frame(BINARY, good, reserved=COMPRESSED | 1), 1002), (frame(BINARY, good, reserved=2), 1002),
                       (frame(BINARY, good[:3], fin=False, reserved=COMPRESSED) +
                        frame(raw_websocket.CONTINUATION, good[3:], reserved=COMPRESSED), 1002)):
        with Raw() as peer:
            peer.welcomed().send(data)
            assert (found := peer.closed_with()) == code, (data.hex(), found, code)


def bombs_cost_no_memory():
    """128 KiB that would become 130 MB, from 50 connections."""
    bomb = frame(BINARY, deflated(bytes(130 << 20)), reserved=COMPRESSED)
    assert len(bomb) < 134_000, len(bomb)

    def throw():
        with Raw() as peer:
            peer.welcomed().send(bomb)
            assert peer.closed_with() == 1009

    throw()
    before = SHARED["router"].rss()
    for _ in range(50):
        throw()
    assert SHARED["router"].rss() - before < 2 << 20, f"{SHARED['router'].rss() - before} bytes more"


def sessions_keep_nothing_for_it():
    """200 sessions that have compressed both ways cost about what they cost without."""
    def cost(offer):
        before = SHARED["router"].rss()
        peers = [Raw(offer) for _ in range(200)]
        for peer in peers:
            peer.welcomed()
            peer.send(frame(BINARY, native.set_param("/cost", LONG)) + frame(BINARY, native.get("/cost")))
            peer.frame()
            assert peer.compressed == ("permessage" in offer)
        after = SHARED["router"].rss()
        for peer in peers:
            peer.socket.close()
        sessions = SHARED["router"].metrics
        eventually(lambda: sessions()["clasp_sessions_active"] <= 1, "the sessions end", 60)
        return (after - before) / 200

    cost("x-none")  # what the router keeps ready for so many
    plain, with_deflate = cost("x-none"), cost("permessage-deflate")
    print(f"a session: {plain:.0f} bytes more, with deflate {with_deflate:.0f}")
    assert with_deflate < plain + 4_096, "a window of its own would be 40,000 and more"


def fresh(test):
    @functools.wraps(test)
    def with_router():
        with Router("--deflate") as SHARED["router"]:
            test()

    return with_router


run(*map(fresh, (foreign_library_with_every_window, a_library_that_offers_by_default, only_what_pays_is_compressed, compressed_in_every_cut,
                 what_is_wrong_ends_the_connection, bombs_cost_no_memory, sessions_keep_nothing_for_it)))
