"""The gateway as a process: signals, files, limits."""

import contextlib
import resource
import signal
import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from dialogue import Peer, Upstream
from gateways import Process, Served, patiently, route, secured

Run = Callable[..., Process]
Serve = Callable[..., Served]

GET = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
TERM, HUP, USR1 = signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1


def refused(process: Process) -> None:
    """Wait until new connections are refused."""
    for _ in patiently():
        try:
            socket.create_connection(process.addresses[0]).close()
        except ConnectionRefusedError:
            return
    raise AssertionError("connections are accepted on")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_stop_lets_requests_finish(run: Run, upstream: Upstream, number: signal.Signals) -> None:
    process = run(route(upstream.node))
    waiting = process.connect().send(GET)
    server = upstream.accept()
    server.head()
    amid = process.connect().send(GET)
    other = upstream.accept()
    other.head()
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
    amid.head()
    process.signal(number)
    refused(process)
    server.send(OK)
    answer = waiting.answer()
    assert (answer.body, answer["Connection"]) == (b"hi", "close")
    other.send(" half")
    assert amid.exactly(10) == b"first half"
    assert waiting.ended()
    assert amid.ended()
    assert process.ended() == 0


def test_a_stop_ends_idle_connections(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    client = process.connect().send(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    client.answer()
    process.signal(TERM)
    assert client.ended()
    assert process.ended() == 0


def test_a_stop_refuses_no_connection_that_was_accepted(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    clients = [process.connect() for _ in range(20)]
    process.process.send_signal(signal.SIGSTOP)
    late = [process.connect() for _ in range(20)]
    for client in clients + late:
        client.send(GET)
    process.signal(TERM)
    process.signal(signal.SIGCONT)
    for _ in clients + late:
        server = upstream.accept()
        server.head()
        server.send(OK)
    assert [client.answer().body for client in clients + late] == [b"hi"] * 40
    assert process.ended() == 0


def test_a_stop_lets_tls_handshakes_finish(run: Run, upstream: Upstream, authority: Any) -> None:
    tls = {"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]}
    process = run(
        route(upstream.node), ssls=[authority.issue("shop").as_ssl("shop")], apisix__node_listen=[], apisix__ssl=tls
    )
    plain = process.connect()
    process.signal(TERM)
    refused(process)
    client = secured(plain, authority.client(), "shop").send(GET)
    server = upstream.accept()
    server.head()
    server.send(OK)
    assert client.answer().body == b"hi"
    assert process.ended() == 0


def test_a_stop_waits_no_longer_than_it_is_told_to(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node), nginx__worker_shutdown_timeout="200ms")
    client = process.connect().send(GET)
    server = upstream.accept()
    server.head()
    process.signal(TERM)
    assert client.answer().status == 503
    assert process.ended() != 0
    assert process.log.next().startswith("SD 503 ")


def test_a_stop_right_after_the_start_is_heard(serve: Serve) -> None:
    for _ in range(20):
        assert serve().stop()


def test_a_second_signal_ends_it_at_once(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node))
    client = process.connect().send(GET)
    upstream.accept().head()
    process.signal(TERM)
    refused(process)
    process.signal(TERM)
    assert client.rest().partition(b"\r\n")[0] in (b"", b"HTTP/1.1 503 Service Unavailable")
    assert process.ended() != 0


def test_changes_under_load_lose_nothing(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node, uri="/a"), nginx__worker_processes=2)
        stop, errors = Event(), list[str]()
        loads = [Thread(target=_load, args=(process, stop, errors)) for _ in range(4)]
        for load in loads:
            load.start()
        for turn in range(20):
            process.write({"routes": [route(upstream.node, uri="/a"), route(upstream.node, id="n", uri=f"/n{turn}")]})
            process.errors.with_text("serving a new configuration")
            assert process.connect().send(GET.replace("/", f"/n{turn}", 1)).answer().status == 200
        stop.set()
        for load in loads:
            load.join()
        assert errors == []


def test_a_bad_file_leaves_the_last_good_one_in_force(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node, uri="/a"))
        process.settle()
        for bad in ("routes: [", "routes:\n  - uri: 5\n", "routes:\n  - uri: /b\n    upstrem: {}\n"):
            process.write(bad)
            process.errors.with_text("the last good one is served on")
            assert process.connect().send(GET.replace("/", "/a", 1)).answer().status == 200
        process.resources.unlink()
        process.errors.with_text("the last good one is served on")
        assert process.connect().send(GET.replace("/", "/a", 1)).answer().status == 200
        process.write({"routes": [route(upstream.node, uri="/b")]})
        process.errors.with_text("serving a new configuration")
        assert process.connect().send(GET.replace("/", "/b", 1)).answer().status == 200
        assert process.connect().send(GET.replace("/", "/a", 1)).answer().status == 404


def test_hangup_reads_the_file_again(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node, uri="/a"))
        client = process.connect()
        process.settle()
        assert client.send(GET.replace("/", "/a", 1)).answer().status == 200


def test_the_logs_are_opened_anew_when_told_to(run: Run) -> None:
    process = run()
    process.connect().send(GET).answer()
    assert process.log.next().startswith("NR 404 ")
    moved = process.log.path.rename(process.folder / "access.log.1")
    process.signal(USR1)
    for _ in patiently():
        process.connect().send(GET).answer()
        if process.log.path.exists() and process.log.path.stat().st_size:
            break
    assert process.log.path.read_text().startswith("NR 404 ")
    assert moved.read_text().startswith("NR 404 ")


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def test_256_descriptors_are_enough_to_stay_alive(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node), preexec=_few_files)
        process.settle()
        clients = [process.connect() for _ in range(600)]
        for client in clients:
            client.socket.setblocking(False)
            with contextlib.suppress(OSError):
                client.send(GET)
        assert process.process.poll() is None
        for client in clients:
            client.close()
        for _ in patiently():
            try:
                if process.connect().send(GET).answer().status == 200:
                    break
            except (OSError, AssertionError):
                pass
        assert process.connect().send(GET).answer().body == b"hi"


def test_a_port_in_use_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run(apisix__node_listen=[{"ip": "127.0.0.1", "port": port}])
        assert process.ended() == 4
        assert f"cannot listen on 127.0.0.1:{port}: it is in use" in str(process.told)


def test_a_disk_that_is_full_costs_no_request(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node), http__access_log="/dev/full")
        client = process.connect()
        for _ in range(50):
            assert client.send(GET).answer().status == 200


def test_a_tunnel_does_not_keep_a_stop_from_ending(run: Run, upstream: Upstream) -> None:
    process = run(route(upstream.node, enable_websocket=True), nginx__worker_shutdown_timeout="300ms")
    client = process.connect()
    client.send(GET.replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
    server = upstream.accept()
    server.head()
    server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    client.head()
    process.signal(TERM)
    refused(process)
    client.send("still")
    assert server.exactly(5) == b"still"
    assert client.ended()
    assert server.ended()
    process.ended()


def test_a_bad_settings_file_is_not_taken_at_a_hangup(run: Run) -> None:
    with Echo() as upstream:
        process = run(route(upstream.node))
        process.settle()
        (process.folder / "config.yaml").write_text("apisix: {node_lisen: 1}\n")
        process.signal(HUP)
        process.errors.with_text("node_lisen")
        assert process.connect().send(GET).answer().status == 200


class Echo:
    """An upstream that answers every request with `hi`, on threads of its own."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.node = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def __enter__(self) -> "Echo":
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.socket.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(OSError):  # the gateway leaves with a client that does
            unread = b""
            while part := accepted.recv(1 << 16):
                unread += part
                while b"\r\n\r\n" in unread:
                    _, unread = unread.split(b"\r\n\r\n", 1)
                    accepted.sendall(OK.encode())


def _load(process: Process, stop: Event, errors: list[str]) -> None:
    """Ask over one connection, and over new ones when it is closed in order, and note what fails."""
    try:
        client = Peer(socket.create_connection(process.addresses[0], 15))
        while not stop.is_set():
            if client.send(GET.replace("/", "/a", 1)).answer().status != 200:
                errors.append("not 200")
        client.close()
    except (OSError, AssertionError) as error:
        errors.append(repr(error))
