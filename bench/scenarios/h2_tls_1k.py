"""The bare request over HTTP/2 and TLS 1.3, several at a time on each connection."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="h2-tls-1k",
    summary="GET 1 KiB over HTTP/2 and TLS 1.3, 16 connections with 4 streams each",
    exchanges=(Exchange("/1k", BODY_1K),),
    connections=16,
    streams=4,
    tls=True,
    baseline="haproxy",
    bar=1.10,
)
