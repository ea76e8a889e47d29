"""Bodies of many clients at once: each upstream request carries its own client's bytes, wherever they were read."""

import asyncio
import random
from collections.abc import Callable

import pytest
from gateways import Served

ROUNDS = 12
CLIENTS = 40
SIZES = (1, 100, 4_000, 16_384, 65_535, 65_536, 81_920, 150_000)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with its body; close now and then, so that some attempts wait for a new connection."""
    served = 0
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = 0
            for line in head.decode().splitlines():
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            body = await reader.readexactly(length)
            served += 1
            last = served % 5 == 0
            close = "Connection: close\r\n" if last else ""
            writer.write(f"HTTP/1.1 200 OK\r\n{close}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            if last:
                return
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


async def client(port: int, seed: int) -> None:
    """Send requests on one connection, some of them in pieces, some two at a time, and compare what comes back."""
    dice = random.Random(seed)  # noqa: S311 (a seed makes the run repeatable)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(ROUNDS):
        bodies = [dice.randbytes(dice.choice(SIZES)) for _ in range(dice.choice((1, 1, 2)))]
        method = dice.choice(("POST", "PUT"))
        message = b"".join(
            f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies
        )
        cut = dice.randrange(len(message))
        for piece in (message[:cut], message[cut:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        for body in bodies:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            assert await reader.readexactly(len(body)) == body
    writer.close()


@pytest.mark.parametrize("seed", range(3))
def test_no_body_reaches_another_clients_upstream_request(serve: Callable[..., Served], seed: int) -> None:
    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            node = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            route = {"id": "1", "uri": "/*", "upstream": {"nodes": {node: 1}}}
            gateway = await asyncio.to_thread(serve, route)
            await asyncio.gather(*(client(gateway.addresses[0][1], seed * CLIENTS + n) for n in range(CLIENTS)))

    asyncio.run(main())
