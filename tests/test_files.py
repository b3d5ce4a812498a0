"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import lossmith as lm
from lossmith.files import write_whole


def test_it_replaces_and_keeps_mode_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "r.html", tmp_path / "link.html"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lm.DataError, match="is a directory"):
        write_whole(tmp_path, "x")
    with pytest.raises(lm.DataError, match=r"cannot be written: the directory .* does not exist"):
        write_whole(tmp_path / "no" / "r.html", "x")
    path = tmp_path / "r.html"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(lm.DataError, match="cannot be written: No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_devices_are_written_to_and_not_replaced() -> None:
    write_whole(os.devnull, "x")
    assert not Path(os.devnull).is_file()
