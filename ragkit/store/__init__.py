"""Where documents and everything derived from them are kept."""

from ragkit.store.sqlite import SourceInfo, SQLiteStore

__all__ = ["SQLiteStore", "SourceInfo"]
