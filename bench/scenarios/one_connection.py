"""One client that waits for each answer: no batching can hide a wake-up."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="one-connection",
    summary="GET 1 KiB, one connection, one request at a time",
    exchanges=(Exchange("/1k", BODY_1K),),
    connections=1,
)
