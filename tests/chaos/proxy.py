"""TCP proxies. One is late: each connection keeps its order, as TCP does, but every piece waits for a while of its own, so that what was sent on one
connection arrives before what had been sent earlier on another. Runs in a process of its own."""
import asyncio
import os
import random
import signal
import socket

PIECE = 4096  # small, so that frames are cut anywhere


class Proxy:
    def __init__(self, port, late, seed=1):
        """`late`: seconds, the least and the most a piece waits."""
        self.target, self.late, self.chance = port, late, random.Random(seed)
        listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port = listening.getsockname()[1]
        self.child = os.fork()
        if self.child == 0:
            os.closerange(3, listening.fileno())  # what belongs to the test must end when the test closes it
            os.closerange(listening.fileno() + 1, 65536)
            asyncio.run(self.serve(listening))
        listening.close()

    async def serve(self, listening):
        server = await asyncio.start_server(self.connect, sock=listening)
        async with server:
            await server.serve_forever()

    async def connect(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self.carry(reader, far_writer), self.carry(far_reader, writer))

    async def carry(self, reader, writer):
        """Pieces of one direction, each at its time, never before the one ahead of it."""
        pieces = asyncio.Queue(1000)  # then reading waits

        async def deliver():
            while (due := await pieces.get()) is not None:
                at, piece = due
                await asyncio.sleep(at - asyncio.get_running_loop().time())
                writer.write(piece)
                await writer.drain()
        delivering = asyncio.create_task(deliver())
        try:
            while piece := await reader.read(PIECE):
                await pieces.put((asyncio.get_running_loop().time() + self.chance.uniform(*self.late), piece))
            await pieces.put(None)
            await delivering
        except OSError:
            delivering.cancel()
        finally:
            writer.close()

    def close(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class CuttingProxy(Proxy):
    """Cuts every connection after some number of bytes, both ways together, wherever in a frame that is."""

    def __init__(self, port, least, most, seed=1):
        self.least, self.most = least, most
        super().__init__(port, (0, 0), seed)

    async def connect(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # the router is not there
            return writer.transport.abort()
        room = [self.chance.randint(self.least, self.most)]

        async def carry_some(source, sink):
            try:
                while piece := await source.read(PIECE):
                    some, room[0] = piece[:room[0]], room[0] - len(piece)
                    sink.write(some)
                    await sink.drain()
                    if room[0] <= 0:
                        break
            except OSError:
                pass
            for end in (writer, far_writer):  # sends what it has, and no more is read
                end.close()

        await asyncio.gather(carry_some(reader, far_writer), carry_some(far_reader, writer))
