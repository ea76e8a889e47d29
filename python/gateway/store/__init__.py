"""Where resources are kept. In this release: one file."""

from gateway.store.file import Contents, FileStore

__all__ = ["Contents", "FileStore"]
