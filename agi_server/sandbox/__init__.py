"""A small OTRS in our own process, for the demo and for tests."""
