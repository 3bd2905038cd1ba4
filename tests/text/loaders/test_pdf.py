import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import FileItem, Load
from ragkit.types import Document, Source

pypdf = pytest.importorskip("pypdf")

Read = Callable[..., list[Document | LoadError]]
ReadOne = Callable[..., Document]


def pdf(pages: Sequence[str], *, title: str = "", password: str | None = None, user: str = "") -> bytes:
    """A PDF that shows these texts, written by hand as far as the contents of its pages go."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    fonts = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    for text in pages:
        page = writer.add_blank_page(300, 300)
        page[NameObject("/Resources")] = fonts
        shown = "".join(f"({line}) Tj T* " for line in text.split("\n") if line)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 14 TL 20 280 Td {shown}ET".encode("cp1252"))
        page[NameObject("/Contents")] = writer._add_object(content)
    if title:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(user, password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pages_are_read_and_noted(read_one: ReadOne) -> None:
    document = read_one("a.pdf", pdf(["One page.", "Two pages.", "", "Four."], title="A study"))
    assert document.text == "One page.\n\nTwo pages.\n\nFour."
    assert document.metadata == {"title": "A study", "pages": [0, 11, 21, 23]}
    assert document.media_type == "application/pdf"


def test_a_sentence_that_runs_on_to_the_next_page_stays_one(read_one: ReadOne) -> None:
    assert read_one("a.pdf", pdf(["It goes on", "and ends. Next"])).text == "It goes on\nand ends. Next"


def test_words_hyphenated_at_the_end_of_a_line_are_joined(read_one: ReadOne) -> None:
    assert read_one("a.pdf", pdf(["An exam-\nple of North-\nSouth"])).text == "An example of North-\nSouth"


@pytest.mark.parametrize("title", ["Microsoft Word - draft.doc", "untitled", "paper.pdf", "..."])
def test_a_title_that_is_none_is_not_believed(title: str, read_one: ReadOne) -> None:
    assert "title" not in read_one("a.pdf", pdf(["Text."], title=title)).metadata


def test_a_pdf_without_text_is_reported_as_a_likely_scan(read: Read) -> None:
    [error] = read("a.pdf", pdf(["", ""]))
    assert str(error) == "a.pdf: the PDF holds no text (2 pages); it may be a scan and need OCR first"


def test_a_pdf_encrypted_with_a_password_is_reported(read: Read) -> None:
    [error] = read("a.pdf", pdf(["Secret."], password="owner", user="user"))
    assert isinstance(error, LoadError) and "encrypted with a password" in error.reason


def test_a_pdf_encrypted_without_a_password_is_read(read_one: ReadOne) -> None:
    assert read_one("a.pdf", pdf(["Open."], password="owner")).text == "Open."


@pytest.mark.parametrize("keep", [9, 100, 300])
def test_a_truncated_pdf_is_reported(keep: int, read: Read) -> None:
    [error] = read("a.pdf", pdf(["Some text."])[:keep])
    assert isinstance(error, LoadError) and ("damaged" in error.reason or "no text" in error.reason)


def test_a_file_that_only_bears_the_name_is_reported(read: Read) -> None:
    [error] = read("a.pdf", b"not a PDF at all")
    assert isinstance(error, LoadError) and "damaged" in error.reason


def test_flipped_bytes_are_reported_or_read(read: Read) -> None:
    whole = pdf(["Some text.", "More text."])
    for place in range(0, len(whole), 97):
        found = read("a.pdf", whole[:place] + b"\xff" + whole[place + 1 :])
        assert len(found) == 1, place


def test_a_broken_pdf_writes_nothing_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"junk " + pdf(["Some text."])[:-40])
    script = "import sys; from ragkit.text.loaders import Load; from ragkit.types import Source;"
    script += "[list(item.documents()) for item in Load().discover(Source(sys.argv[1]))]"
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == done.stderr == ""


def test_without_pypdf_the_command_that_installs_it_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    read("a.pdf", pdf(["Text."]))
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    monkeypatch.delitem(sys.modules, "pypdf")
    [item] = Load().discover(Source("a.pdf"))
    assert isinstance(item, FileItem)
    [error] = item.documents()
    assert str(error) == "a.pdf: reading PDF needs the package pypdf: pip install 'ragkit[pdf]'"
