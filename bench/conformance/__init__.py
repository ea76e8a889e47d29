"""Suites of others that say whether a protocol is kept, run against the gateway."""
