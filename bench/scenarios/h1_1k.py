"""The bare cost of a proxied request: 1 KiB over kept-alive HTTP/1.1, no access log."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="h1-1k",
    summary="GET 1 KiB, 64 kept-alive connections, access logs off",
    exchanges=(Exchange("/1k", BODY_1K),),
    bar=0.90,
)
