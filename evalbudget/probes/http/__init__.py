"""What each engine's pages tell: one file an engine, and one line in `registry.py`."""
