"""How long a test waits for what must happen; only what is broken lets it wait that long."""

PATIENCE = 600
"""Seconds: everything a test waits for is done by then, however busy the machine is."""
