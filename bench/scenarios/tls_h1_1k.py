"""The bare request over TLS 1.3, handshakes amortised by keep-alive."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="tls-h1-1k",
    summary="GET 1 KiB over TLS 1.3 (ECDSA P-256, AES-256-GCM), 64 kept-alive connections",
    exchanges=(Exchange("/1k", BODY_1K),),
    tls=True,
    bar=0.70,
)
