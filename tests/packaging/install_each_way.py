"""Install this package in each way that ``docs/install.md`` names, in environments of their own; exit 1 on a failure.

    python tests/packaging/install_each_way.py FOLDER        (``nox -s installing``; needs pip's index, git and uv)

1. A wheel with its hash, dependencies pinned by hash too; a wheel with one more byte is refused.
2. A tag of a git repository.
3. A private index, on this machine, where 2.0.0 is an upgrade of the vendor's 1.2.1.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDOR = "inventpay==1.2.1"


def run(*command: str | Path, fails: bool = False, folder: Path | None = None) -> str:
    """Run a command and return its output; exit with it where it ends otherwise than expected."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def environment(folder: Path) -> Path:
    """Make a virtual environment and return its Python."""
    run(sys.executable, "-m", "venv", "--clear", folder)
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def version(python: Path, folder: Path) -> str:
    """Return the version that is installed, after the package was imported and used."""
    run(python, "-I", "-W", "error", ROOT / "tests" / "packaging" / "with_extras.py", folder=folder)
    return run(python, "-c", "import inventpay; print(inventpay.__version__)", folder=folder).strip()


def from_wheel(folder: Path, wheel: Path, expected: str) -> None:
    """Install the wheel and every dependency by hash."""
    pins = folder / "requirements.txt"
    compiling = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--output-file", pins)
    run(*compiling, "--python-version", f"{sys.version_info.major}.{sys.version_info.minor}", ROOT / "pyproject.toml")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pins.write_text(f"{pins.read_text()}\n{wheel} --hash=sha256:{digest}\n")
    python = environment(folder / "wheel")
    install = (python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", pins)
    run(*install)
    assert version(python, folder) == expected
    genuine = wheel.read_bytes()
    wheel.write_bytes(genuine + b"\0")
    refused = run(*install, "--force-reinstall", fails=True)
    assert "DO NOT MATCH THE HASHES" in refused, refused
    wheel.write_bytes(genuine)
    print("from a wheel, by hash: installed; a changed wheel was refused")


def from_tag(folder: Path, expected: str) -> None:
    """Install a tag of a repository."""
    repository = folder / "repository"
    run("git", "clone", "--quiet", ROOT, repository)
    run("git", "-C", repository, "tag", f"v{expected}")
    python = environment(folder / "tag")
    # A URL of a requirement needs a host.
    address = repository.as_uri().replace("file:///", "file://localhost/")
    run(python, "-m", "pip", "install", "--quiet", f"inventpay @ git+{address}@v{expected}")
    assert version(python, folder) == expected
    print("from a tag: installed")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *parts: object) -> None:
        pass


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve a folder of distributions as a package index, and yield its URL."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def from_index(folder: Path, wheel: Path, expected: str) -> None:
    """Upgrade the vendor's version from a private index that holds both."""
    packages = folder / "index" / "simple" / "inventpay"
    packages.mkdir(parents=True)
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", packages, VENDOR)
    shutil.copy(wheel, packages)
    python = environment(folder / "private")
    # The index of this machine has no dependencies, so they come first, from the usual one.
    run(python, "-m", "pip", "install", "--quiet", wheel, VENDOR.partition("=")[0], "requests")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", VENDOR)
    with index(folder / "index") as url:
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--index-url", url, "inventpay")
    assert version(python, folder) == expected
    print("from a private index: an upgrade of 1.2.1")


def main(arguments: list[str]) -> int:
    """Run all ways; return the exit code."""
    folder = Path(arguments[0]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("inventpay-*.whl")
    expected = wheel.name.split("-")[1]
    from_wheel(folder, wheel, expected)
    from_tag(folder, expected)
    from_index(folder, wheel, expected)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
