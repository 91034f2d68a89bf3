#!/usr/bin/env python3
"""Packs the functions: `dist/python.zip` and `dist/node.zip`, and `dist/packages.tfvars.json` about them.

Each holds its own AWS SDK, so that a function runs with the version it was tested with, on AWS as here: for
Python the boto3 of the interpreter that runs this, without the models of services that are not called; for
Node what package-lock.json says. The same sources give the same bytes.

    python3 package.py [folder]
"""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable

FOLDER = pathlib.Path(__file__).resolve().parent
DIST = FOLDER / "dist"
PYTHON_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
PYTHON_SERVICES = ("dynamodb", "s3")
# What Node.js does not load: sources for bundlers, types, maps, tests.
NODE_UNUSED = re.compile(r"/dist-(es|types)/|\.d\.[cm]?ts$|\.map$|\.md$|/\.bin/|\.test\.js$|\.installed-lock\.json$")
EARLIEST = (1980, 1, 1, 0, 0, 0)

Entry = tuple[str, pathlib.Path]


def build(folder: pathlib.Path = DIST) -> dict[str, str]:
    """Packs everything into a folder; the runtimes that the packages are for."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "python.zip", [*python_sources(), *python_sdk()])
    write(folder / "node.zip", node_files())
    return {"python": f"python3.{sys.version_info.minor}", "node": f"nodejs{node_major()}.x"}


def python_sources() -> Iterable[Entry]:
    """The functions themselves."""
    return ((path.name, path) for path in (FOLDER / "functions/python").glob("*.py"))


def python_sdk() -> Iterable[Entry]:
    """boto3 and what it needs, as this interpreter has them."""
    for distribution in PYTHON_SDK:
        for file in importlib.metadata.files(distribution) or ():
            name = file.as_posix()
            if not name.startswith("..") and "__pycache__" not in name and is_needed(name):
                yield name, pathlib.Path(str(file.locate()))


def is_needed(name: str) -> bool:
    """Whether a function can come to read a file of the SDK."""
    parts = name.split("/")
    if parts[1:2] == ["data"] and len(parts) > 3:
        return parts[2] in PYTHON_SERVICES and not parts[-1].startswith("examples")
    return parts[1:2] != ["examples"] and not parts[0].endswith(".dist-info")


def node_files() -> Iterable[Entry]:
    """The function and the packages that its lock file names."""
    folder = FOLDER / "functions/node"
    install(folder)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not NODE_UNUSED.search(f"/{name}") and name != "package-lock.json":
            yield name, path


def install(folder: pathlib.Path) -> None:
    """`npm ci`, unless what is installed is what the lock file says."""
    lock, installed = folder / "package-lock.json", folder / "node_modules/.installed-lock.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    # Standard output is the answer of whoever packages: npm speaks on standard error.
    subprocess.run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True,
                   stdout=sys.stderr)
    shutil.copy(lock, installed)


def node_major() -> int:
    """The major version of this machine's Node.js."""
    answer = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    return int(answer.strip().lstrip("v").split(".")[0])


def write(path: pathlib.Path, entries: Iterable[Entry]) -> None:
    """A zip without times and in a fixed order."""
    files = dict(sorted(entries))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, source.read_bytes())


def main() -> None:
    """Packs, and notes for Terraform what was packed."""
    folder = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else DIST
    variables = {"packages": str(folder), "runtimes": build(folder)}
    (folder / "packages.tfvars.json").write_text(json.dumps(variables, indent=2) + "\n")
    for package in sorted(folder.glob("*.zip")):
        print(f"{package}  {package.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
