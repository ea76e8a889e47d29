"""Clients that send HTTP/2 to harm: each is ended, soon and cheaply, while an honest one is served beside it."""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count, islice

import pytest
from dialogue import Upstream
from frames import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    NO_ERROR,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Answer,
    Http2,
    frame,
    head,
    settings,
)
from gateways import Process, patiently, route

Run = Callable[..., Process]
Frames = Iterator[bytes]

MOST_FRAMES = 1_000
MOST_GROWTH = 16 << 20
ASKED = range(1, 201, 2)


def empty_settings(_: Http2) -> Frames:
    while True:
        yield frame(SETTINGS)


def changing_settings(_: Http2) -> Frames:
    while True:
        yield settings(*((INITIAL_WINDOW_SIZE, 1 << 14 | n) for n in range(1_000)))


def pings(_: Http2) -> Frames:
    while True:
        yield frame(PING, payload=bytes(8))


def acknowledged_pings(_: Http2) -> Frames:
    while True:
        yield frame(PING, ACK, payload=bytes(8))


def priorities(_: Http2) -> Frames:
    while True:
        yield frame(PRIORITY, stream=1, payload=struct.pack(">IB", 3, 1))


def empty_data(client: Http2) -> Frames:
    yield client.headers(1, head(method="POST"), end=False)
    while True:
        yield frame(DATA, stream=1)


def padding(client: Http2) -> Frames:
    yield client.headers(1, head(method="POST"), end=False)
    while True:
        yield frame(DATA, 0x8, stream=1, payload=bytes([255]) + bytes(255))


def window_updates(_: Http2) -> Frames:
    while True:
        yield frame(WINDOW_UPDATE, payload=struct.pack(">I", 1))


def window_updates_of_a_stream(client: Http2) -> Frames:
    yield client.headers(1, head(method="POST"), end=False)
    while True:
        yield frame(WINDOW_UPDATE, stream=1, payload=struct.pack(">I", 1))


def unknown_frames(_: Http2) -> Frames:
    while True:
        yield frame(0x7F, payload=bytes(100))


def rapid_resets(client: Http2) -> Frames:
    for stream in range(1, 1 << 20, 2):
        yield client.headers(stream, head())
        yield frame(RST_STREAM, stream=stream, payload=struct.pack(">I", CANCEL))


def made_resets(client: Http2) -> Frames:
    """The gateway is made to reset streams, by window updates that are none."""
    for stream in range(1, 1 << 20, 2):
        yield client.headers(stream, head(method="POST"), end=False)
        yield frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", 0))


def overflown_windows(client: Http2) -> Frames:
    for stream in range(1, 1 << 20, 2):
        yield client.headers(stream, head(method="POST"), end=False)
        yield frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", 0x7FFFFFFF))


def malformed_requests(client: Http2) -> Frames:
    for stream in range(1, 1 << 20, 2):
        yield client.headers(stream, [*head(), ("connection", "close")])


def continuations(client: Http2) -> Frames:
    yield frame(HEADERS, 0, 1, client.block(head()))
    while True:
        yield frame(CONTINUATION, 0, 1, client.block([("x-a", "b" * 1_000)]))


def empty_continuations(client: Http2) -> Frames:
    yield frame(HEADERS, 0, 1, client.block(head()))
    while True:
        yield frame(CONTINUATION, 0, 1)


def hpack_bombs(client: Http2) -> Frames:
    """A large field, then thousands of references to it."""
    yield client.headers(1, [*head(), ("x-bomb", "b" * 4_000)])
    reference = client.block([("x-bomb", "b" * 4_000)])
    assert len(reference) == 1
    for stream in range(3, 1 << 20, 2):
        yield frame(HEADERS, END_HEADERS | 1, stream, client.block(head()) + reference * 16_000)


def cookie_bombs(client: Http2) -> Frames:
    """The same with a cookie, whose crumbs are joined."""
    yield client.headers(1, [*head(), ("cookie", "b" * 4_000)])
    reference = client.block([("cookie", "b" * 4_000)])
    for stream in range(3, 1 << 20, 2):
        yield frame(HEADERS, END_HEADERS | 1, stream, client.block(head()) + reference * 16_000)


FLOODS = [
    empty_settings,
    changing_settings,
    pings,
    acknowledged_pings,
    priorities,
    empty_data,
    padding,
    window_updates,
    window_updates_of_a_stream,
    unknown_frames,
    rapid_resets,
    made_resets,
    overflown_windows,
    malformed_requests,
    continuations,
    empty_continuations,
    hpack_bombs,
    cookie_bombs,
]


@pytest.fixture
def running(run: Run, upstream: Upstream) -> Process:
    """A process whose upstream takes connections and answers when the test does."""
    return run(route(upstream.node, upstream__timeout={"connect": 60, "send": 60, "read": 60}))


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_a_flood_ends(running: Process, upstream: Upstream, flood: Callable[[Http2], Frames]) -> None:
    honest = Http2(running.connect()).open().ask(1, "/honest")
    server = upstream.accept()
    assert server.head().line == "GET /honest HTTP/1.1"
    before = running.memory()
    flooding = Http2(running.connect()).open()
    assert ended(flooding, islice(flood(flooding), MOST_FRAMES))
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert honest.answer(1).status == 200
    assert running.memory() - before < MOST_GROWTH


def test_a_flood_is_told_to_calm_down(running: Process) -> None:
    client = Http2(running.connect()).open()
    client.send(*(frame(PING, payload=bytes(8)) for _ in range(MOST_FRAMES)))
    assert client.until(GOAWAY).code == ENHANCE_YOUR_CALM


def test_windows_that_stay_shut_hold_little(run: Run, upstream: Upstream) -> None:
    """A hundred answers that a client asks for and does not take."""
    running = run(route(upstream.node), http__send_timeout=1)
    before = running.memory()
    client = Http2(running.connect()).open((INITIAL_WINDOW_SIZE, 0))
    client.send(*(client.headers(stream, head()) for stream in range(1, 201, 2)))
    body = "x" * (60 << 10)
    for _ in range(100):
        server = upstream.accept()
        server.head()
        server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {60 << 10}\r\n\r\n{body}")
    assert all(client.answer(stream).reset is not None for stream in range(1, 201, 2))
    assert running.memory() - before < MOST_GROWTH
    assert {running.log.next().split(" ")[0] for _ in range(100)} == {"CS"}


def test_answers_that_are_over_hold_no_memory_for_good(run: Run, upstream: Upstream) -> None:
    """A hundred answers wait behind a client that does not read; then it shuts its windows, and goes on asking."""
    running = run(route(upstream.node), http__send_timeout=1)
    client = Http2(running.connect()).open().opened()
    client.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 1 << 30)))
    client.send(*(client.headers(stream, head()) for stream in ASKED))
    for _ in ASKED:
        server = upstream.accept()
        server.head()
        server.send(f"HTTP/1.1 200 OK\r\nContent-Length: {60 << 10}\r\n\r\n", "x" * (60 << 10))
    assert {running.log.next().split(" ")[1] for _ in ASKED} == {"200"}
    client.send(settings((INITIAL_WINDOW_SIZE, 0)))
    for stream, _ in zip(count(201, 2), patiently(), strict=False):
        client.send(client.headers(stream, head("/../..", "HEAD")))
        while not (client.goaway or client.answers.get(stream, Answer()).ended):
            client.next()
        if client.goaway:
            break
    assert [one.code for one in client.goaway] == [NO_ERROR]
    assert not all(client.answers.get(stream, Answer()).ended for stream in ASKED)


def test_a_client_that_reads_may_send_many_window_updates(running: Process, upstream: Upstream) -> None:
    client = Http2(running.connect()).open().ask(1)
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.until(HEADERS, 1)
    for _ in range(2_000):
        server.send("64\r\n", "e" * 100, "\r\n")
        client.until(DATA, 1)
        more = struct.pack(">I", 100)
        client.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, 1, more))
    server.send("0\r\n\r\n")
    assert len(client.answer(1).body) == 200_000


def ended(client: Http2, frames: Frames) -> bool:
    """Send, and wait for the end of the connection."""
    with suppress(BrokenPipeError, ConnectionResetError):
        for one in frames:
            client.send(one)
        return bool(client.peer.rest())
    return True
