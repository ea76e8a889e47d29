"""A service to put behind the gateway: `python upstream.py [PORT]`, by default 8000 on the loopback.

    /             a greeting
    /echo         what arrived, as JSON: method, target, headers, length of the body
    /events       three server-sent events, half a second apart
    /slow         an answer after five seconds
    /status/503   that status
    /chat         a WebSocket that says hello and closes

Only the standard library, so that it runs wherever Python does.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Service(BaseHTTPRequestHandler):
    """Answers one connection, a request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart

    def respond(self) -> None:
        """Answer any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        match path.strip("/").split("/"):
            case [""]:
                self.send(200, "text/plain", f"Hello from the upstream on port {self.connection.getsockname()[1]}.\n")
            case ["echo"]:
                self.send(200, "application/json", self.arrived(body))
            case ["events"]:
                self.stream()
            case ["slow"]:
                time.sleep(5)
                self.send(200, "text/plain", "Sorry that it took so long.\n")
            case ["status", code] if code.isdecimal() and 200 <= int(code) <= 599:
                self.send(int(code), "text/plain", f"{code}\n")
            case ["chat"] if self.headers.get("Upgrade", "").lower() == "websocket":
                self.websocket()
            case _:
                self.send(404, "text/plain", "The upstream has nothing here.\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond

    def arrived(self, body: bytes) -> str:
        """Tell what the gateway sent."""
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        seen = {"method": self.command, "target": self.path, "headers": headers, "body_bytes": len(body)}
        return json.dumps(seen, indent=2) + "\n"

    def send(self, status: int, media_type: str, text: str) -> None:
        """Answer with a text whose length is known."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def stream(self) -> None:
        """Answer event by event, in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(1, 4):
            event = f"data: event {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def websocket(self) -> None:
        """Switch protocols, say hello, close."""
        key = self.headers.get("Sec-WebSocket-Key", "").encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())  # noqa: S324 (RFC 6455 asks for SHA-1)
        self.send_header("Sec-WebSocket-Accept", accept.decode())
        self.end_headers()
        greeting = b"hello"
        self.wfile.write(bytes([0x81, len(greeting)]) + greeting)  # one text frame, whole
        self.wfile.write(b"\x88\x02\x03\xe8")  # close, status 1000
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet: the gateway has the access log."""


def main() -> None:
    """Serve until interrupted."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    server = ThreadingHTTPServer(("127.0.0.1", port), Service)
    server.daemon_threads = True
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
