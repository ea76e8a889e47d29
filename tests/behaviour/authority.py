"""A certificate authority for tests, made with the `openssl` command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_ALGORITHMS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}

_SIGNS = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files in PEM."""

    certificate: Path
    key: Path

    def as_ssl(self, *names: str) -> dict[str, object]:
        """The `ssls` resource that shows it for these server names."""
        return {
            "id": self.certificate.stem,
            "snis": list(names),
            "cert": self.certificate.read_text(),
            "key": self.key.read_text(),
        }

    def as_client_ssl(self, name: str) -> dict[str, object]:
        """The `ssls` resource `name` for upstreams to be shown."""
        return {"id": name, "type": "client", "cert": self.certificate.read_text(), "key": self.key.read_text()}

    def as_tls(self) -> dict[str, str]:
        """The `tls` of an upstream that is shown it."""
        return {"client_cert": self.certificate.read_text(), "client_key": self.key.read_text()}

    def server(self) -> ssl.SSLContext:
        """The context of a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def der(self) -> bytes:
        """The certificate as peers see it."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())


class Authority:
    """Signs certificates; its own is `root`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._signed = 0
        self.root = self._request("root", "/CN=Test Root", "ec", ["-x509", "-days", "30", *_SIGNS])

    def issue(self, *names: str, algorithm: str = "ec") -> Certificate:
        """Sign a certificate for these names; an address is written as `IP:127.0.0.1`."""
        self._signed += 1
        stem = f"{self._signed}"
        alternatives = ",".join(name if name.startswith("IP:") else f"DNS:{name}" for name in names)
        signed_by = ["-x509", "-days", "30", "-CA", str(self.root.certificate), "-CAkey", str(self.root.key)]
        extensions = ["-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE"]
        return self._request(stem, f"/CN=test {stem}", algorithm, [*signed_by, *extensions])

    def client(self) -> ssl.SSLContext:
        """The context of a client that trusts it."""
        return ssl.create_default_context(cafile=str(self.root.certificate))

    def _request(self, stem: str, subject: str, algorithm: str, more: list[str]) -> Certificate:
        made = Certificate(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        command = ["openssl", "req", "-new", "-nodes", "-subj", subject, "-newkey", *_ALGORITHMS[algorithm], *more]
        command += ["-keyout", str(made.key), "-out", str(made.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        return made
