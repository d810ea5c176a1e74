"""Reading a corpus: one module a format, each a stream of documents in bounded memory. `open_documents` finds it."""

from .opening import check_source, open_documents
from .source import Counts, Source

__all__ = ["Counts", "Source", "check_source", "open_documents"]
