import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.components import role_of
from ragkit.errors import LoadError
from ragkit.text.loaders import FileItem, Load, SkippedError
from ragkit.types import Document, Source

Read = Callable[..., list[Document | LoadError]]
ReadOne = Callable[..., Document]


def test_load_is_a_loader() -> None:
    role = role_of(Load)
    assert role is not None and role.name == "Loader"


def test_load_gives_the_documents_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.jsonl").write_text('{"text": "Two."}\n{"text": "Three."}\n')
    assert [document.text for document in Load().load(Source(str(tmp_path)))] == ["One.", "Two.", "Three."]


def test_load_raises_at_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "One."}\nnonsense\n')
    documents = Load().load(Source(str(tmp_path)))
    assert next(documents).text == "One."
    with pytest.raises(LoadError, match=r"a\.jsonl:2: it is not JSON"):
        next(documents)


def test_load_raises_when_there_is_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    for source in (tmp_path, tmp_path / "a.txt", tmp_path / "none"):
        with pytest.raises(LoadError, match=source.name):
            list(Load().load(Source(str(source))))


def test_a_text_can_be_given_directly(read_source: Read) -> None:
    source = Source("notes", "\ufeffOne.\r\nTwo.", metadata={"topic": "x"})
    assert read_source(source) == [Document("notes", "One.\nTwo.", "notes", "text/plain", {"topic": "x"})]


def test_a_text_given_directly_is_read_as_its_media_type_says(read_source: Read) -> None:
    [markdown] = read_source(Source("m", "# Head\nText.", "text/markdown"))
    [page] = read_source(Source("h", "<title>Page</title><p>Text.", "text/html"))
    rows = read_source(Source("j", '{"text": "One."}\n{"text": "Two."}', "application/jsonl"))
    assert isinstance(markdown, Document) and markdown.title == "Head" and markdown.media_type == "text/markdown"
    assert isinstance(page, Document) and (page.title, page.text) == ("Page", "Text.")
    assert [row.id for row in rows if isinstance(row, Document)] == ["j#1", "j#2"]


def test_binary_kinds_cannot_be_given_as_text(read_source: Read) -> None:
    [error] = read_source(Source("x", "%PDF-", "application/pdf"))
    assert isinstance(error, LoadError) and "give the file's path" in error.reason


def test_an_empty_text_is_skipped(read_source: Read) -> None:
    [error] = read_source(Source("notes", " \n"))
    assert isinstance(error, SkippedError) and error.reason == "it is empty"


@pytest.mark.parametrize("url", ["http://example.org/a.html", "https://x.org", "ftp://x.org/a", "file:///etc/hosts"])
def test_addresses_are_not_fetched(url: str, read_source: Read) -> None:
    [error] = read_source(Source(url))
    assert isinstance(error, LoadError) and error.source == url and "does not fetch" in error.reason


def test_a_path_with_a_nul_is_refused(read_source: Read) -> None:
    [error] = read_source(Source("a\0b"))
    assert isinstance(error, LoadError) and "NUL" in error.reason


def test_a_file_larger_than_the_limit_is_refused_and_the_message_says_how_to_allow_it(read: Read) -> None:
    [error] = read("a.txt", "x" * 2_000_000, loader=Load(max_mb=1.5))
    assert str(error) == "a.txt: 2.0 MB is more than the limit of 1.5 MB; raise it with load(max_mb=…)"


def test_the_digest_changes_with_the_bytes_and_with_nothing_else(read: Read, tmp_path: Path) -> None:
    def digest(content: str, **settings: object) -> str:
        read("a.txt", content)
        [item] = Load().discover(Source("a.txt", **settings))  # type: ignore[arg-type]
        assert isinstance(item, FileItem)
        return item.digest()

    assert digest("One.") == digest("One.")
    assert digest("One.") != digest("Two.")
    assert digest("One.") != digest("One.", metadata={"topic": "x"})
    assert digest("One.") != digest("One.", media_type="text/markdown")
    assert len({next(Load().discover(Source(n, "One."))).digest() for n in ("a", "b")}) == 1  # type: ignore[union-attr]


def test_items_can_be_sent_to_other_processes(read: Read) -> None:
    read("a.txt", "One.")
    [item] = Load().discover(Source("a.txt"))
    assert [document.text for document in pickle.loads(pickle.dumps(item)).documents()] == ["One."]


def test_nothing_but_the_first_bytes_is_read_before_documents_are_asked_for(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    read("a.pdf", b"%PDF-1.4 and nothing that could be parsed")
    [item] = Load().discover(Source("a.pdf"))
    assert isinstance(item, FileItem) and item.kind == "pdf"


def test_content_decides_where_it_is_unmistakable(read: Read) -> None:
    read("page", "<!DOCTYPE html><p>Hi.")
    read("paper.txt", b"%PDF-1.7 ...")
    read("notes", "Plain.")
    kinds = [item.kind for item in Load().discover(Source(".")) if isinstance(item, FileItem)]
    assert kinds == ["text", "html", "pdf"]


def test_the_media_type_of_the_source_decides_before_all(read_one: ReadOne) -> None:
    document = read_one("page.html", "<p>Hi.", media_type="text/plain")
    assert document.text == "<p>Hi."


def test_metadata_of_the_source_go_to_every_document_and_win(read: Read) -> None:
    [document] = read("a.md", "# Head\n", metadata={"title": "Mine", "topic": "x"})
    assert isinstance(document, Document) and document.metadata == {"title": "Mine", "topic": "x"}
