"""The scripted models that real engines load."""

from tests.engine_fixtures import scripted_gguf

__all__ = ["scripted_gguf"]
