"""A chapter runs wherever the book lies, from any account, and without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Every address that is not this machine's own is refused; the kernel is reached through 127.0.0.1.
NO_NETWORK = """
import socket, sys

def refuse(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "", "localhost", "127.0.0.1"):
        raise OSError(f"no network in this test: {arguments[0]}")
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in ("127.0.0.1", "::1"):
        raise OSError(f"no network in this test: {arguments[1]}")

sys.addaudithook(refuse)
"""


def test_a_chapter_runs_from_a_path_with_spaces_and_umlauts_without_a_network(tmp_path, monkeypatch):
    folder = tmp_path / "Bücher & Hefte, 本 1"
    (folder / "book").mkdir(parents=True)
    shutil.copytree(ROOT / "sclib", folder / "sclib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "book" / "intro.ipynb", folder / "book")
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(NO_NETWORK)  # imported by every Python, the kernel's too
    monkeypatch.setenv("PYTHONPATH", f"{hook}:{folder}")
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path / "cache"))  # nothing was ever trained here
    blocked = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    refused = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True)
    assert "no network in this test" in refused.stderr
    where = subprocess.run(
        [sys.executable, "-c", "import sclib; print(sclib.__file__)"], cwd=tmp_path, capture_output=True
    )
    assert "本 1".encode() in where.stdout
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, str(folder / "book")], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_chapter_runs_from_a_bare_account(monkeypatch):
    """No folder of the user's can be written, no font was ever listed, others may read nothing, asserts are off."""
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")  # below which not even root can make a folder
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", "book/template.ipynb"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, umask=0o077)
    assert done.returncode == 0, done.stdout + done.stderr
