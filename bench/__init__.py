"""A load harness: Gatewright beside nginx, HAProxy and Envoy on one machine.

Run it from the top of the checkout::

    python -m bench --quick                      # a smoke run
    python -m bench --scenarios h1-1k,tls-h1-1k  # two scenarios, eight rounds each
    python -m bench.drills                       # what happens when things break

``bench/README.md`` says what is measured and what the numbers can and cannot tell.
"""
