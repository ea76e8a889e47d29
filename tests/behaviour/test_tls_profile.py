"""What a scanner that others wrote says of our TLS."""

import subprocess
import sys
from collections.abc import Callable

from authority import Authority
from gateways import Served


def test_tls_is_as_mozilla_s_intermediate_profile_wants_it(serve: Callable[..., Served], authority: Authority) -> None:
    ec, rsa = authority.issue("shop.test"), authority.issue("shop.test", algorithm="rsa")
    both = ec.as_ssl("shop.test") | {"certs": [rsa.certificate.read_text()], "keys": [rsa.key.read_text()]}
    tls = {"enable": True, "listen": [{"ip": "127.0.0.1", "port": 0}]}
    served = serve(ssls=[both], apisix__node_listen=[], apisix__ssl=tls)
    host, port = served.addresses[0]
    command = [sys.executable, "-m", "sslyze", "--mozilla_config=intermediate"]
    command += ["--certinfo_ca_file", str(authority.root.certificate), f"shop.test:{port}{{{host}}}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"shop.test:{port}: OK - Compliant." in done.stdout
