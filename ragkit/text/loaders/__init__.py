"""Reading documents from files and folders: text, Markdown, HTML, PDF, DOCX, JSONL and CSV."""

from ragkit.text.loaders.items import FileItem, SkippedError
from ragkit.text.loaders.load import Load

__all__ = ["FileItem", "Load", "SkippedError"]
