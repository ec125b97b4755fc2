"""Makes the package of the Lambda functions: the project's code and its locked wheels, as a folder and a zip.

    python -m tools.build_lambda [--platform arm64|x86_64] [--python 3.13] [--output build/lambda] [--layer]

The same sources and lock file give the same bytes, on any machine: files are sorted, their times and modes
are set, and nothing is compiled. So the zip's SHA-256, printed in the form of Lambda's `CodeSha256`, shows
whether a deployed function is this code. Wheels are downloaded once, with the hashes of the lock file, into
build/wheels; after that no network is needed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / "build" / "wheels"
LOCK = "requirements-lambda.lock"

PACKAGES = (
    "metering",
    "adapters",
    "stream_processor",
    "firehose_transform",
    "quota_authorizer",
    "usage_api",
    "reconciliation",
    "watch",
)

SERVICES = frozenset(
    {
        *("apigateway", "apigatewayv2", "athena", "cloudwatch", "dynamodb", "events", "glue", "kinesis"),
        *("lambda", "logs", "s3", "sns", "sqs", "sts"),
    }
)
"""Of the 400 services that botocore describes in 27 MB: those that the functions' roles name."""

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
GLIBCS = ("manylinux2014", "manylinux_2_28")
"""What wheels may ask of the C library. Lambda's python3.13 runs on Amazon Linux 2023, with glibc 2.34.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

LIMIT_BYTES = 50 * 1024 * 1024
"""Our own limit, of 250 MB that Lambda takes: what is loaded at a cold start should stay small.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

LAYER_FOLDER = Path("python")
"""Where Python looks in a layer.
https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold."""
_MODE = 0o100644
_NOT_DEPLOYED = ("__pycache__", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "py.typed")


class BuildError(Exception):
    """The package cannot be made; the text says why."""


def main(arguments: list[str]) -> None:
    """Build the package, and print what it is."""
    options = _options(arguments)
    output = options.output.resolve()
    build(output, download(options.platform, options.python), options.platform, options.python)
    archive = zip_folder(output, LAYER_FOLDER) if options.layer else zip_folder(output)
    size = sum(path.stat().st_size for path in files(output))
    if size > LIMIT_BYTES:
        raise BuildError(
            f"The package has {_megabytes(size)} unzipped; the limit is {_megabytes(LIMIT_BYTES)}."
        )
    print(f"{archive}: {_megabytes(archive.stat().st_size)}, {_megabytes(size)} unzipped, {options.platform}")
    print(f"CodeSha256 {code_sha256(archive)}")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.build_lambda", description=__doc__.splitlines()[0])
    parser.add_argument("--platform", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--python", default="3.13", help="the runtime's Python version")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "lambda", help="the folder to make")
    parser.add_argument("--layer", action="store_true", help="make a layer of it, for functions of your own")
    return parser.parse_args(arguments)


def download(platform: str, python: str, lock: str = LOCK) -> Path:
    """The folder with the wheels of a lock file, downloaded unless they are there."""
    content = (ROOT / lock).read_bytes()
    name = f"{Path(lock).stem}-{platform}-{python}-{hashlib.sha256(content).hexdigest()[:12]}"
    folder = WHEELS / name
    if not folder.exists():
        unfinished = WHEELS / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        _pip("download", "--dest", unfinished, *_target(platform, python), "-r", ROOT / lock)
        unfinished.rename(folder)
    return folder


def build(output: Path, wheels: Path, platform: str, python: str, lock: str = LOCK) -> None:
    """Make the folder anew, from wheels that are there."""
    shutil.rmtree(output, ignore_errors=True)
    install(output, wheels, platform, python, lock)
    for package in PACKAGES:
        if (ROOT / package).is_dir():
            shutil.copytree(ROOT / package, output / package, ignore=shutil.ignore_patterns(*_NOT_DEPLOYED))
    shutil.copy(ROOT / "LICENSE", output / "LICENSE")
    _prune(output)


def install(output: Path, wheels: Path, platform: str, python: str, lock: str) -> None:
    """Unpack the wheels of a lock file into a folder, without the network."""
    where = ("--target", output, "--no-compile", "--no-index", "-f", wheels)
    _pip("install", *where, *_target(platform, python), "-r", ROOT / lock)


def _target(platform: str, python: str) -> list[str]:
    tags = [f"--platform={glibc}_{MACHINES[platform]}" for glibc in GLIBCS]
    return [
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"),
        f"--python-version={python}",
        *tags,
    ]


def _pip(command: str, *arguments: object) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, "--quiet"]
    done = subprocess.run([*pip, *map(str, arguments)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"pip {command} failed:\n{done.stderr}")


def _prune(output: Path) -> None:
    """Remove what no function needs: scripts, stubs, sources of extensions, other services' descriptions."""
    shutil.rmtree(output / "bin", ignore_errors=True)
    for pattern in _NOT_DEPLOYED:
        for path in sorted(output.rglob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for folder in sorted((output / "botocore" / "data").iterdir()):
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)


def files(folder: Path) -> Iterator[Path]:
    """All files of a folder, in one order on every machine."""
    yield from sorted(
        (path for path in folder.rglob("*") if path.is_file()),
        key=lambda path: path.relative_to(folder).parts,
    )


def zip_folder(folder: Path, inside: Path = Path()) -> Path:
    """Zip a folder, next to it, so that the same files give the same bytes. `inside` is the folder that they
    are in there.
    """
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in files(folder):
            entry = zipfile.ZipInfo((inside / path.relative_to(folder)).as_posix(), _EPOCH)
            entry.external_attr = _MODE << 16
            entry.create_system = 3  # Unix, whatever made it
            package.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return archive


def code_sha256(archive: Path) -> str:
    """The hash of a package, as `aws lambda get-function` shows it."""
    return base64.b64encode(hashlib.sha256(archive.read_bytes()).digest()).decode()


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BuildError as error:
        sys.exit(str(error))
