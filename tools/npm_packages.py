"""Packages that the browser tests use, one version each, fetched with npm into .cache/npm."""

import base64
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "npm"
# The hashes that `npm view NAME@VERSION dist.integrity` shows.
INTEGRITY = {
    "axe-core@4.14.1": (
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
    ),
}


def integrity(data, algorithm):
    """The hash of bytes as `integrity="..."` writes it, e.g. sha384-oqVu..."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def folder(package):
    """Folder with the files of a package, e.g. "axe-core@4.14.1", fetched once.

    Raises ValueError if no hash is known for the package, or if the one that npm brings has another.
    """
    if package not in INTEGRITY:
        raise ValueError(f"package = {package!r} has no hash here; those that have are {', '.join(INTEGRITY)}")
    unpacked = CACHE / package
    if not unpacked.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--json", package, "--pack-destination", str(CACHE)]
        name = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)[0]["filename"]
        archive = CACHE / name.replace("@", "").replace("/", "-")
        found = integrity(archive.read_bytes(), "sha512")
        if found != INTEGRITY[package]:
            raise ValueError(f"package = {package!r} arrived as {found}; allowed is {INTEGRITY[package]}")
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        archive.unlink()
    return unpacked / "package"
