"""Trino's jars: only those of the lock file, byte by byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tools.trino.jars import PARTS, VERSION, Jar, UnlockedError, check, locked


def jar(content: bytes, artifact: str = "guava", classifier: str = "") -> Jar:
    """A jar of the lock file."""
    return Jar(hashlib.sha256(content).hexdigest(), "server", "com.example", artifact, "1.0", classifier)


class TestLock:
    def test_every_jar_has_its_hash(self) -> None:
        """Both parts are there, each file of a part once; Trino's own are of the version that is started."""
        jars = locked()
        assert set(PARTS) == {one.part for one in jars}
        assert len(jars) == len({(one.part, one.name) for one in jars})
        assert all(len(bytes.fromhex(one.sha256)) == 32 for one in jars)
        versions = {one.artifact: one.version for one in jars if one.group == "io.trino"}
        assert [VERSION] * 3 == [versions[name] for name in ("trino-main", "trino-hive", "trino-parquet")]


class TestCheck:
    def test_as_locked(self, tmp_path: Path) -> None:
        """Files with these bytes pass, one with a classifier as well."""
        (tmp_path / "guava-1.0.jar").write_bytes(b"a")
        (tmp_path / "guice-1.0-classes.jar").write_bytes(b"b")
        check([jar(b"a"), jar(b"b", "guice", "classes")], tmp_path)

    @pytest.mark.parametrize(
        "files", [{"guava-1.0.jar": b"b"}, {}, {"guava-1.0.jar": b"a", "evil-1.0.jar": b"a"}]
    )
    def test_otherwise(self, tmp_path: Path, files: dict[str, bytes]) -> None:
        """Other bytes, a missing file, and one that nobody named are refused."""
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UnlockedError, match=r"-1\.0\.jar"):
            check([jar(b"a")], tmp_path)
