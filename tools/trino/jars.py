"""Brings Trino's jars from Maven Central, each by the lock file's version and hash: `make trino`.

    python -m tools.trino.jars install   # into tools/trino/lib, unless they are there
    python -m tools.trino.jars lock      # resolve server.xml and plugin.xml anew, and write jars.lock

Maven Central has all parts of the server: `trino-main` with what it needs, and the connector that reads
lakes, `trino-hive` with what it needs, in a folder of plug-ins.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
LIB: Final = HERE / "lib"
LOCK: Final = HERE / "jars.lock"
PARTS: Final = ("server", "plugin")
VERSION: Final = "483"
"""Of Trino."""
JAVA: Final = 25
"""The oldest Java that this version runs on."""

_MAVEN: Final = ("mvn", "--batch-mode", "--quiet", "--strict-checksums")
_DEPENDENCIES: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
_RESOLVED: Final = re.compile(
    r"^ +(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):jar:(?:(?P<classifier>[\w.-]+):)?"
    r"(?P<version>[\w.-]+):(?:compile|runtime):(?P<path>[^ ]+\.jar)\b",
    re.MULTILINE,
)
_SERVICE: Final = ("META-INF/services/io.trino.spi.Plugin", "io.trino.plugin.hive.HivePlugin\n")
"""By this the server finds the plug-in's class; the file is not in the jar."""


class Jar(NamedTuple):
    """A file of Maven Central: the hash of its bytes, and where it belongs."""

    sha256: str
    part: str
    group: str
    artifact: str
    version: str
    classifier: str

    @property
    def name(self) -> str:
        """As Maven names the file."""
        return "-".join(filter(None, [self.artifact, self.version, self.classifier])) + ".jar"

    def dependency(self) -> str:
        """As a POM names it: this file, and nothing that it needs."""
        classifier = f"<classifier>{self.classifier}</classifier>" if self.classifier else ""
        return (
            f"<dependency><groupId>{self.group}</groupId><artifactId>{self.artifact}</artifactId>"
            f"<version>{self.version}</version>{classifier}<exclusions><exclusion><groupId>*</groupId>"
            "<artifactId>*</artifactId></exclusion></exclusions></dependency>"
        )


class UnlockedError(Exception):
    """What was downloaded is not what the lock file names."""


def locked() -> list[Jar]:
    """The jars of the lock file."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [Jar(*(line + " ").split(" ")[:6]) for line in lines]


def install() -> None:
    """Download what the lock file names into the folder, unless the folder is of this lock file.

    Raises:
        UnlockedError: a file has other bytes, or is missing.
    """
    stamp = LIB / "jars.lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    print("Bringing Trino from Maven Central, 240 MB ...", flush=True)
    shutil.rmtree(LIB, ignore_errors=True)
    for part in PARTS:
        jars = [jar for jar in locked() if jar.part == part]
        _download(jars, LIB / part)
        check(jars, LIB / part)
    with zipfile.ZipFile(LIB / "plugin" / "service.jar", "w") as service:
        service.writestr(*_SERVICE)
    shutil.copy(LOCK, stamp)


def _download(jars: Sequence[Jar], folder: Path) -> None:
    pom = (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>usage-meter</groupId><artifactId>jars</artifactId><version>1</version>"
        "<packaging>pom</packaging><dependencies>"
        + "".join(jar.dependency() for jar in jars)
        + "</dependencies></project>"
    )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "pom.xml")
        path.write_text(pom, encoding="utf-8")
        _maven(path, "copy-dependencies", f"-DoutputDirectory={folder}")


def _maven(pom: Path, goal: str, *options: str) -> None:
    subprocess.run([*_MAVEN, "-f", pom, f"{_DEPENDENCIES}:{goal}", *options], check=True)  # noqa: S603 - our own words


def check(jars: Sequence[Jar], folder: Path) -> None:
    """Compare a folder with the lock file.

    Raises:
        UnlockedError: a file is missing or has other bytes, or one is there that the lock file does not name.
    """
    found = {path.name: _sha256(path) for path in folder.glob("*.jar")}
    expected = {jar.name: jar.sha256 for jar in jars}
    wrong = {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
    if wrong:
        raise UnlockedError(f"not as {LOCK.name} has it, in {folder}: {', '.join(sorted(wrong))}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock() -> None:
    """Resolve both POMs, and write down each file with its hash."""
    jars = sorted((jar for part in PARTS for jar in _resolved(part)), key=itemgetter(slice(1, None)))
    LOCK.write_text("".join(" ".join(filter(None, jar)) + "\n" for jar in jars), encoding="utf-8")


def _resolved(part: str) -> Iterator[Jar]:
    with tempfile.TemporaryDirectory() as scratch:
        listing = Path(scratch, "list")
        options = (
            "-DincludeScope=runtime",
            "-DoutputAbsoluteArtifactFilename=true",
            f"-DoutputFile={listing}",
        )
        _maven(HERE / f"{part}.xml", "list", *options)
        for one in _RESOLVED.finditer(listing.read_text(encoding="utf-8")):
            names = [one[name] or "" for name in ("group", "artifact", "version", "classifier")]
            yield Jar(_sha256(Path(one["path"])), part, *names)


def missing() -> str | None:
    """Why Trino cannot be brought here and run; None if it can."""
    if shutil.which("mvn") is None and not LIB.exists():
        return "Maven is missing (Debian: maven)"
    if java() is None:
        return f"a JDK of Java {JAVA} or newer is missing, on the path or in /usr/lib/jvm"
    return None


def java() -> Path | None:
    """The program `java` of a JDK that is new enough: of the path, or where Linux keeps them."""
    on_path = [Path(program).resolve()] if (program := shutil.which("java")) else []
    kept = sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    return next((one for one in (*on_path, *kept) if _is_new_jdk(one)), None)


def _is_new_jdk(program: Path) -> bool:
    return program.with_name("javac").exists() and _release(program) >= JAVA


def _release(program: Path) -> int:
    """The number of a Java's release; 0 if it is none."""
    try:
        shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - a Java
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; 1 if it cannot be done here, with the reason."""
    if arguments == ["lock"]:
        lock()
        return 0
    if (reason := missing()) is not None:
        print(f"Trino is not run: {reason}.", file=sys.stderr)
        return 1
    if arguments == ["install"]:
        install()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
