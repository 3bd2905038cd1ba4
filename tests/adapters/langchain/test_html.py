"""The HTML extractor as LangChain's loader and compressor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from langchain_core.documents import Document

from ragkit.adapters.langchain import HtmlCompressor, HtmlLoader
from ragkit.errors import LoadError

PAGE = (
    "<html lang=en><head><title>Bees</title></head><body><nav><a href=/>Home</a> <a href=/x>Shop</a></nav><main>"
    "<h1>Bees</h1><p>The honey bee has six legs and two pairs of wings, and lives in a hive with others.</p>"
    "<h2>Food</h2><p>Bees drink nectar, which they carry home in a stomach of its own and turn into honey.</p></main>"
    "<footer>Copyright</footer></body></html>"
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "bees.html"
    file.write_text(PAGE)
    return file


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/bees"
    server.shutdown()
    server.server_close()


def test_a_file_is_loaded_as_its_main_content(page: Path) -> None:
    (document,) = HtmlLoader(page).load()
    assert "honey bee" in document.page_content and "Shop" not in document.page_content
    assert document.metadata["title"] == "Bees" and document.metadata["source"] == str(page)
    assert document.metadata["language"] == "en" and document.metadata["indices"]


def test_with_a_query_only_what_answers_it_is_loaded(page: Path) -> None:
    (document,) = HtmlLoader([page], query="What do bees drink?").load()
    assert "nectar" in document.page_content and "six legs" not in document.page_content


def test_an_address_is_fetched_but_not_from_a_private_network_unasked(address: str) -> None:
    with pytest.raises(LoadError, match="private"):
        HtmlLoader(address).load()
    assert "honey bee" in HtmlLoader(address, allow_private=True).load()[0].page_content


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"none\.html: No such file"):
        HtmlLoader(tmp_path / "none.html").load()


def test_a_file_that_is_no_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"%PDF-1.7 ...")
    with pytest.raises(LoadError, match=r"a\.html: it is a PDF file"):
        HtmlLoader(tmp_path / "a.html").load()
    with pytest.raises(LoadError, match="null"):
        HtmlLoader("a\0b").load()
    with pytest.raises(LoadError, match="only http and https"):
        HtmlLoader("ftp://example.org/a").load()


def test_the_compressor_keeps_of_a_page_what_helps_and_other_documents_whole() -> None:
    plain = Document(page_content="Bees sting.")
    found = HtmlCompressor().compress_documents([Document(id="p", page_content=PAGE), plain], "What do bees drink?")
    assert [document.id for document in found] == ["p", None] and found[1] is plain
    assert "nectar" in found[0].page_content and "six legs" not in found[0].page_content
    assert 0 < found[0].metadata["kept"] < 1


def test_the_compressor_drops_a_page_where_nothing_helps_and_keeps_to_its_budget() -> None:
    page = Document(page_content=PAGE)
    assert HtmlCompressor().compress_documents([page], "Who won the world cup in 1954?") == []
    (kept,) = HtmlCompressor(main=True, budget_words=25).compress_documents([page], "anything")
    assert len(kept.page_content.split()) <= 25


async def test_the_compressor_works_asynchronously() -> None:
    assert await HtmlCompressor().acompress_documents([Document(page_content=PAGE)], "What do bees drink?")
