"""Gatewright: an API and AI gateway."""
