import errno
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.errors import LoadError
from ragkit.text.loaders import FileItem, Load, SkippedError
from ragkit.text.loaders.walk import name_of
from ragkit.types import Source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = Path("docs")
    for name in ("b.txt", "a/2.md", "a/1.md", "c.txt"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"Text of {name}.")
    return made


def found(source: str | Path, loader: Load | None = None) -> list[str]:
    """The sources of the files found, and after a `!` what was said instead of one."""
    items = (loader or Load()).discover(Source(str(source)))
    return [item.source if isinstance(item, FileItem) else f"!{item}" for item in items]


def test_files_come_in_the_order_of_their_names_with_their_paths_as_given(folder: Path) -> None:
    assert found("docs") == found("./docs/") == ["docs/a/1.md", "docs/a/2.md", "docs/b.txt", "docs/c.txt"]
    assert found(folder.absolute())[0] == (folder.absolute() / "a/1.md").as_posix()


def test_a_file_can_be_given_itself_whatever_its_name(folder: Path) -> None:
    (folder / ".notes").write_text("hidden")
    assert found("docs/.notes") == ["docs/.notes"]


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    [item] = Load().discover(Source(str(tmp_path)))
    assert isinstance(item, SkippedError) and item.reason == "the folder holds no files"


def test_a_missing_path_is_reported(folder: Path) -> None:
    assert found("nowhere") == ["!nowhere: there is no such file or folder"]


def test_empty_and_binary_files_are_skipped_with_the_reason(folder: Path) -> None:
    (folder / "d.txt").write_bytes(b"")
    (folder / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "f.txt").write_bytes(b"text\0more text")
    (folder / "g").write_bytes(b"SQLite format 3\0" + bytes(100))
    assert found("docs")[4:] == [
        "!docs/d.txt: it is empty",
        "!docs/e.png: it is a PNG image, which ragkit does not read",
        "!docs/f.txt: it holds NUL bytes, so it is binary, not text",
        "!docs/g: it is an SQLite database, which ragkit does not read",
    ]
    assert all(isinstance(item, FileItem | SkippedError) for item in Load().discover(Source("docs")))


def test_hidden_files_and_folders_are_left_out_unless_asked_for(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden/x.txt").write_text("x")
    (folder / ".y.txt").write_text("y")
    assert len(found("docs")) == 4
    assert found("docs", Load(hidden=True))[:2] == ["docs/.hidden/x.txt", "docs/.y.txt"]


def test_folders_of_tools_are_left_out_always(folder: Path) -> None:
    for name in (".git", "node_modules", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text("x")
    for name, marker in (("env", "pyvenv.cfg"), ("cache", "CACHEDIR.TAG")):
        (folder / name).mkdir()
        (folder / name / marker).write_text("x")
        (folder / name / "y.txt").write_text("y")
    assert len(found("docs", Load(hidden=True))) == 4


def test_patterns_choose_files_by_name_or_by_path(folder: Path) -> None:
    assert found("docs", Load(pattern="*.md")) == ["docs/a/1.md", "docs/a/2.md"]
    assert found("docs", Load(pattern="b.*, c.*")) == ["docs/b.txt", "docs/c.txt"]
    assert found("docs", Load(pattern="a/*", exclude="2.*")) == ["docs/a/1.md"]
    assert found("docs", Load(pattern="*.pdf")) == ["!docs: no file in it fits pattern='*.pdf'"]


def test_files_can_be_passed_over_in_silence(folder: Path) -> None:
    items = list(Load().discover(Source("docs"), leave_out=[Path("docs/b.txt"), folder.absolute() / "c.txt"]))
    assert [item.source for item in items] == ["docs/a/1.md", "docs/a/2.md"]


def test_a_link_back_to_a_folder_around_it_is_followed_once_and_reported(folder: Path) -> None:
    (folder / "a/loop").symlink_to("..")
    assert found("docs") == [
        *("docs/a/1.md", "docs/a/2.md", "docs/b.txt", "docs/c.txt"),
        "!docs/a/loop: a link that leads back to a folder around it; followed once",
    ]


def test_a_link_to_itself_and_a_broken_one_are_reported(folder: Path) -> None:
    (folder / "self").symlink_to("self")
    (folder / "gone").symlink_to("nowhere")
    reports = [item for item in found("docs") if item.startswith("!")]
    assert reports[0] == "!docs/gone: a broken link: 'nowhere' does not exist"
    assert reports[1].startswith("!docs/self: a link that cannot be followed")


def test_what_links_lead_to_is_read_once_and_files_inside_keep_their_own_names(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "x.txt").write_text("x")
    (outside / "sub/y.txt").write_text("y")
    (folder / "0-same").symlink_to("b.txt")
    (folder / "1-sub").symlink_to(outside / "sub")
    (folder / "2-all").symlink_to(outside)
    assert found("docs") == [
        *("docs/a/1.md", "docs/a/2.md", "docs/b.txt", "docs/c.txt"),
        *("docs/1-sub/y.txt", "docs/2-all/x.txt"),
    ]


def test_pipes_and_sockets_are_reported_and_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("docs/sock")
        assert [item for item in found("docs") if item.startswith("!")] == [
            "!docs/pipe: not a regular file (a device, a pipe or a socket)",
            "!docs/sock: not a regular file (a device, a pipe or a socket)",
        ]


def test_a_file_without_permission_is_reported_and_the_others_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = open

    def forbidding(path: object, *arguments: object, **settings: object) -> object:
        if str(path).endswith("b.txt"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **settings)

    monkeypatch.setattr("builtins.open", forbidding)
    assert found("docs") == ["docs/a/1.md", "docs/a/2.md", "!docs/b.txt: no permission to read it", "docs/c.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_files_and_folders_that_are_really_closed_are_reported(folder: Path, root: Path) -> None:
    """As root nothing is closed, so the reading is done by a process that gives its rights up."""
    (folder / "b.txt").chmod(0)
    (folder / "a").chmod(0)
    for parent in (folder, *folder.absolute().parents):
        if os.stat(parent).st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    script = textwrap.dedent("""
        import os, sys
        from ragkit.text.loaders import FileItem, Load
        from ragkit.types import Source
        import ragkit.text.loaders.readers
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        for item in Load().discover(Source("docs")):
            print(item.source if isinstance(item, FileItem) else item)
    """)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60
        )
    finally:
        (folder / "a").chmod(0o755)
    assert done.stdout.splitlines() == [
        "docs/a: no permission to read it",
        "docs/b.txt: no permission to read it",
        "docs/c.txt",
    ], done.stderr


def test_a_file_that_vanishes_is_an_error_of_its_own(folder: Path) -> None:
    items = [item for item in Load().discover(Source("docs")) if isinstance(item, FileItem)]
    (folder / "b.txt").unlink()
    results = [[str(result) for result in item.documents() if isinstance(result, LoadError)] for item in items]
    assert results == [[], [], ["docs/b.txt: there is no such file or folder"], []]
    with pytest.raises(LoadError, match="no such file"):
        items[2].digest()


def test_a_name_that_is_not_utf_8_is_written_so_that_it_can_be_stored(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    try:
        path.write_text("A text.")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    [item] = Load().discover(Source(str(tmp_path)))
    assert isinstance(item, FileItem) and item.source.endswith("/caf\\xe9.txt")
    assert [document.id for document in item.documents()] == [name_of(path)]


def test_a_deep_folder_is_walked(tmp_path: Path, read_source: Callable[..., list[object]]) -> None:
    deep = tmp_path.joinpath(*["d"] * 500)
    deep.mkdir(parents=True)
    (deep / "x.txt").write_text("Deep.")
    assert len(read_source(Source(str(tmp_path)))) == 1
