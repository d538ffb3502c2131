"""What tests look at again and again: is the router alive, what does it hold, what did it answer."""
import contextlib
import socket

from harness import native
from harness.native import ERROR, Peer

MIB = 1 << 20


def alive(router):
    with Peer(router.port) as fresh:
        fresh.answer(native.get("/any"))


def params(router):
    return router.metrics()["clasp_state_params_active"]


def sessions(router):
    return router.metrics()["clasp_sessions_active"]


def codes(messages):
    return [message.code for message in messages if message.kind == ERROR]


def read_to_the_end(connection):
    """Everything the router sends until it closes; a reset is an end as well."""
    data = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while piece := connection.recv(65536):
            data += piece
    return data


def connected(router):
    connection = socket.create_connection(("127.0.0.1", router.port), timeout=native.LIMIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
