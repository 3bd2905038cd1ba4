from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ragkit.errors import MissingExtraError, ModelError
from ragkit.models import packaged


def test_a_file_of_the_right_hash_passes(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"numbers")
    assert packaged.verified(path, hashlib.sha256(b"numbers").hexdigest()) == path


def test_a_changed_file_is_refused_with_its_name_and_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"tampered")
    with pytest.raises(ModelError) as caught:
        packaged.verified(path, "0" * 64)
    for part in (str(path), hashlib.sha256(b"tampered").hexdigest(), "0" * 64):
        assert part in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights is missing"):
        packaged.verified(tmp_path / "weights", "0" * 64)


def test_the_digest_of_a_folder_changes_with_any_model_file_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "model.safetensors").write_bytes(b"1")
    (tmp_path / "inner" / "config.json").write_bytes(b"2")
    before = packaged.folder_digest(tmp_path)
    (tmp_path / "README.md").write_bytes(b"words")
    assert packaged.folder_digest(tmp_path) == before
    (tmp_path / "inner" / "config.json").write_bytes(b"3")
    assert packaged.folder_digest(tmp_path) != before


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "STATIC_PACKAGE", "no_such_package_here")
    with pytest.raises(MissingExtraError, match=r"pip install 'ragkit\[static\]'"):
        packaged.static_files()
