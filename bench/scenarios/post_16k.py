"""Moving bytes the other way: an upload of 16 KiB, a small answer.

The upstream answers with the length it read, after it read it all; the checking client also has
the body sent back whole, which proves that it arrived as it was sent.
"""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_64K

UPLOAD = BODY_64K[: 16 * 1024]

SCENARIO = Scenario(
    name="post-16k",
    summary="POST 16 KiB, answered with its length, 64 kept-alive connections",
    exchanges=(Exchange("/length", b"16384", method="POST", body=UPLOAD),),
    probes=(Exchange("/echo", UPLOAD, method="POST", body=UPLOAD),),
    bar=0.80,
)
