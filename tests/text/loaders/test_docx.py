import io
import zipfile
from collections.abc import Callable

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import Load
from ragkit.types import Document

docx = pytest.importorskip("docx")

Read = Callable[..., list[Document | LoadError]]
ReadOne = Callable[..., Document]


def saved(file: object) -> bytes:
    out = io.BytesIO()
    file.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def sample(title: str = "") -> bytes:
    file = docx.Document()
    file.core_properties.title = title
    file.add_heading("Report", 0)
    file.add_paragraph("An  opening.")
    file.add_heading("Parts", 1)
    file.add_paragraph("one", style="List Bullet")
    file.add_paragraph("two", style="List Bullet")
    table = file.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    table.cell(1, 0).merge(table.cell(1, 1)).text = "both"
    file.add_paragraph("")
    file.add_heading("Details", 2)
    file.add_paragraph("The end.")
    return saved(file)


def test_paragraphs_lists_and_tables_keep_their_order(read_one: ReadOne) -> None:
    document = read_one("a.docx", sample())
    assert document.text == ("Report\n\nAn opening.\n\nParts\n\n- one\n- two\n\na | b\nboth\n\nDetails\n\nThe end.")


def test_headings_are_noted_and_the_first_is_the_title(read_one: ReadOne) -> None:
    document = read_one("a.docx", sample())
    places = [document.text.index(title) for title in ("Report", "Parts", "Details")]
    assert document.metadata["outline"] == [
        [places[0], 1, "Report"],
        [places[1], 1, "Parts"],
        [places[2], 2, "Details"],
    ]
    assert document.title == "Report"


def test_the_title_of_the_properties_comes_first(read_one: ReadOne) -> None:
    assert read_one("a.docx", sample("Annual report")).title == "Annual report"


def test_tables_inside_tables_are_read(read_one: ReadOne) -> None:
    file = docx.Document()
    cell = file.add_table(1, 1).cell(0, 0)
    cell.text = "outer"
    cell.add_table(1, 2).cell(0, 1).text = "inner"
    assert "inner" in read_one("a.docx", saved(file)).text


def test_a_docx_is_known_without_its_name(read_one: ReadOne) -> None:
    assert read_one("report", sample()).title == "Report"


def test_an_empty_docx_is_skipped(read: Read) -> None:
    [error] = read("a.docx", saved(docx.Document()))
    assert str(error) == "a.docx: it is empty"


def bomb(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("word/document.xml", "w") as part:
            for _ in range(size // 1_000_000):
                part.write(bytes(1_000_000))
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bomb(150_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("something was unpacked"))
    [error] = read("a.docx", data)
    assert isinstance(error, LoadError) and "would unpack to 150.0 MB" in error.reason


def test_what_packs_suspiciously_well_is_refused_below_the_limit(read: Read) -> None:
    [error] = read("a.docx", bomb(30_000_000))
    assert isinstance(error, LoadError) and "zip bomb" in error.reason


def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_said(read: Read) -> None:
    data = bomb(25_000_000).replace((25_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    [error] = read("a.docx", data)
    assert isinstance(error, LoadError) and "damaged" in error.reason


def test_many_parts_are_refused(read: Read) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}", "")
    [error] = read("a.docx", out.getvalue())
    assert isinstance(error, LoadError) and "20001 parts" in error.reason


@pytest.mark.parametrize("keep", [4, 200, 5000])
def test_a_truncated_docx_is_reported(keep: int, read: Read) -> None:
    [error] = read("a.docx", sample()[:keep])
    assert isinstance(error, LoadError) and "not a DOCX file, or damaged" in error.reason


def test_an_archive_of_other_things_is_reported(read: Read) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    [error] = read("a.docx", out.getvalue())
    assert isinstance(error, LoadError) and "damaged" in error.reason
    [error] = read("a.zip", out.getvalue())
    assert isinstance(error, LoadError) and "a zip archive" in error.reason


def test_an_encrypted_or_old_document_is_reported(read: Read) -> None:
    [error] = read("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert isinstance(error, LoadError) and "encrypted" in error.reason


def test_the_limit_on_size_counts_what_is_unpacked(read: Read) -> None:
    [error] = read("a.docx", sample(), loader=Load(max_mb=0.045))
    assert isinstance(error, LoadError) and "would unpack" in error.reason


def test_no_entity_of_a_docx_is_expanded(read: Read) -> None:
    parts = io.BytesIO(sample())
    out = io.BytesIO()
    with zipfile.ZipFile(parts) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "word/document.xml":
                head, _, body = data.partition(b"?>")
                entity = b'?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                data = head + entity + body.replace(b"The end.", b"The end &x;.")
            new.writestr(name, data)
    [result] = read("a.docx", out.getvalue())
    assert isinstance(result, LoadError) or "root:" not in result.text
