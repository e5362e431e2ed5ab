"""The parts that every row of the comparison needs: environments, child processes that take turns, and the row.

Needs nothing but the standard library, so that it runs in every peer's environment too.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent

OURS = "inventpay"
VENDOR = "vendor"
"""The vendor's own SDK, which has the same name as this package: each has an environment of its own."""

PACKAGES: Mapping[str, Sequence[str]] = {
    OURS: (".[aiohttp]",),
    VENDOR: ("inventpay==1.2.1",),
    "stripe": ("stripe", "httpx"),  # its async half needs httpx
    "anthropic": ("anthropic",),
    "openai": ("openai",),
    "httpx": ("httpx",),
    "httpx2": ("httpx2",),
    "requests": ("requests",),
    "aiohttp": ("aiohttp",),
    # Those that are measured inside of one process.
    "webhooks": (".", "stripe", "standardwebhooks"),
    "limiters": (".[aiohttp]", "aiolimiter", "pyrate-limiter", "limits", "throttled-py"),
}
"""The packages in each environment, in their newest versions except the vendor's, by the first word of a contender."""


# --- rows ---


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, beside whom, and where it must land."""

    what: str
    unit: str
    ours: float
    against: str | None = None
    """The contender for the ratio; ``None`` if the target is a number."""
    others: Mapping[str, float] = field(default_factory=dict[str, float])
    """The figures of the other contenders, including ``against``."""
    target: float | None = None
    """The target for the ratio, or for the figure without ``against``; ``None``: shown for orientation."""
    at_least: bool = False
    """Whether more is better."""
    shown: str = "{:,.0f}"
    picture: bool = False
    """Whether it is a bar of the picture."""

    @property
    def judged(self) -> float:
        """The number that the target applies to."""
        return self.ours if self.against is None else self.ours / self.others[self.against]

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing."""
        if self.target is None:
            return ""
        met = self.judged >= self.target if self.at_least else self.judged <= self.target
        return "met" if met else "MISSED"

    @property
    def wanted(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"at {'least' if self.at_least else 'most'} {self.target:g}"


# --- environments and child processes ---


class Bench:
    """The number of repetitions, and the place of the peers' environments."""

    def __init__(self, environments: Path, *, quick: bool) -> None:
        self.environments = environments
        self.quick = quick

    def rounds(self, many: int, few: int) -> int:
        """Return the number of repetitions: ``many``, or ``few`` in a quick run."""
        return few if self.quick else many

    def python(self, contender: str) -> Path:
        """The interpreter of a contender; its environment is made, or brought up to date, when it has to be."""
        name = contender.split()[0]
        folder = self.environments / name
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        stamp = folder / "installed.txt"
        packages = [str(ROOT) + package[1:] if package.startswith(".") else package for package in PACKAGES[name]]
        wanted = f"{sys.version}\n{' '.join(packages)}\n{_source_state() if str(ROOT) in packages[0] else ''}"
        if not stamp.exists() or stamp.read_text() != wanted:
            say(f"making the environment of {name}")
            venv.create(folder, with_pip=True, clear=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
            subprocess.run(pip, check=True, env=clean_environment(), stderr=subprocess.PIPE, text=True)
            stamp.write_text(wanted)
        return python

    def turns(self, script: str, contenders: Iterable[str], count: int, *arguments: object) -> dict[str, Figures]:
        """Medians of what ``script`` says of each contender, run ``count`` times in a child process."""
        said = [str(argument) for argument in arguments]
        return self._turns({name: [script, "--contender", name, *said] for name in contenders}, count)

    def code_turns(self, codes: Mapping[str, str], count: int) -> dict[str, Figures]:
        """Run code that needs a fresh interpreter without imports; return medians as ``turns`` does.

        ``-P``: the folder this is run from may hold a package of the same name as the one that is meant.
        """
        return self._turns({contender: ["-P", "-c", code] for contender, code in codes.items()}, count)

    def _turns(self, commands: Mapping[str, Sequence[str]], count: int) -> dict[str, Figures]:
        # In turn, so that a busy spell of the machine meets all of them.
        seen: dict[str, list[Figures]] = {contender: [] for contender in commands}
        pythons = {contender: self.python(contender) for contender in commands}
        for number in range(count):
            for contender in commands if number % 2 == 0 else reversed(commands):
                say(f"{contender}, {number + 1} of {count}")
                seen[contender].append(child(pythons[contender], contender, commands[contender]))
        say("")
        return {
            contender: {name: median(figures[name] for figures in rounds) for name in rounds[0]}
            for contender, rounds in seen.items()
        }

    def versions(self) -> dict[str, str]:
        """Return the versions of the measured packages and of their dependencies."""
        asked = {package for packages in PACKAGES.values() for package in packages}
        found: dict[str, str] = {}
        code = "import json; from importlib.metadata import distributions as all"
        code += "; print(json.dumps({each.name: each.version for each in all()}))"
        for name in PACKAGES:
            command = [self.python(name), "-P", "-c", code]
            listed = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
            installed: dict[str, str] = json.loads(listed.stdout)
            if name == VENDOR:
                found["vendor's inventpay"] = installed["inventpay"]
            else:
                found |= {package: installed[package] for package in installed if package in asked | _OURS_STAND_ON}
        return found


Figures = dict[str, float]

_OURS_STAND_ON = {OURS, "attrs", "cattrs", "msgspec", "anyio", "httpx-aiohttp"}


def _source_state() -> str:
    files = [ROOT / "pyproject.toml", *sorted((ROOT / "inventpay").rglob("*.py"))]
    return str(max(path.stat().st_mtime_ns for path in files)) + str(len(files))


def clean_environment() -> dict[str, str]:
    """Return the environment of a child process.

    Hashes are the same each time; switches of Python, proxies, places of certificates and our keys are left out.
    """
    dropped = ("PYTHON", "INVENTPAY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # Machines that set the last two have trust read from elsewhere than where a user's machine has it.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        kept.pop(name, None)
        kept.pop(name.lower(), None)
    return kept | {"PYTHONHASHSEED": "0"}


class NotMeasured(Exception):
    """A contender failed; the message says how."""


def child(python: Path, contender: str, arguments: Sequence[str]) -> Figures:
    """The figures that a contender's child process prints."""
    command = [str(python), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=300)
    if ran.returncode:
        raise NotMeasured(f"{contender}: {ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else 'no reason'}")
    figures: Figures = json.loads(ran.stdout.splitlines()[-1])
    return figures


@functools.cache
def certificate() -> Path:
    """Return a key and a certificate for localhost, in one file. Needs the openssl command."""
    folder = Path(tempfile.mkdtemp(prefix="inventpay-bench-"))
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def trust(file: str) -> None:
    """Have certifi name its own certificates and those of this file, so that clients trust a server as installed."""
    if not file or importlib.util.find_spec("certifi") is None:
        return
    import certifi

    bundle = Path(file).with_name("bundle.pem")
    if not bundle.exists():
        bundle.write_text(Path(certifi.where()).read_text(encoding="utf-8") + Path(file).read_text(), encoding="utf-8")
    certifi.where = lambda: str(bundle)


@contextlib.contextmanager
def server(latency: float = 0.0, *, secured: bool = False) -> Generator[str]:
    """Yield the base URL of a loopback server, in a process of its own, that answers what every contender asks."""
    command = [sys.executable, str(HERE / "harness" / "server.py"), str(latency)]
    if secured:
        command.append(str(certificate()))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise NotMeasured("the loopback server did not start")
        # Leaving the block closes its standard input, on which it ends.
        yield f"https://localhost:{port}" if secured else f"http://127.0.0.1:{port}"


# --- in a contender's process ---


def microseconds(call: Callable[[], object], size: int, chunks: int) -> float:
    """Return the processor time of one call: the median of ``chunks`` chunks of ``size`` calls, after a warm-up."""
    for _ in range(size // 4):
        call()
    seen: list[float] = []
    for _ in range(chunks):
        gc.collect()
        begun = time.process_time()
        for _ in range(size):
            call()
        seen.append((time.process_time() - begun) / size * 1e6)
    return median(seen)


async def async_microseconds(call: Callable[[], Awaitable[object]], size: int, chunks: int) -> float:
    """Return the processor time of one call of a coroutine function, as ``microseconds`` does."""
    for _ in range(size // 4):
        await call()
    seen: list[float] = []
    for _ in range(chunks):
        gc.collect()
        begun = time.process_time()
        for _ in range(size):
            await call()
        seen.append((time.process_time() - begun) / size * 1e6)
    return median(seen)


def peak_memory() -> float:
    """The most memory this process ever had, in MiB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


# --- running one row by itself ---


def say(progress: str) -> None:
    """Where the run is, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{progress:70}\r", end="", file=sys.stderr, flush=True)


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options every script of a row has."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="fewer repetitions: a first impression")
    made.add_argument(
        "--environments", type=Path, default=ROOT / ".bench", help="where the peers' environments are kept (.bench)"
    )
    return made


def report(rows: Sequence[Row]) -> str:
    """The rows as plain text."""
    lines: list[str] = []
    for row in rows:
        figure = f"{row.shown.format(row.ours)} {row.unit}"
        beside = "" if row.against is None else f", {row.judged:.2f} of {row.against}'s"
        target = "" if row.target is None else f" (target: {row.wanted}: {row.verdict})"
        lines.append(f"{row.what}: {figure}{beside}{target}")
        lines += [f"    {name}: {row.shown.format(value)} {row.unit}" for name, value in row.others.items()]
    return "\n".join(lines)


def run_alone(about: str | None, measure: Callable[[Bench], Sequence[Row]]) -> None:
    """Run the script of a row by itself."""
    options = parser(about).parse_args()
    print(f"{(about or '').strip()}\n", flush=True)
    print(report(measure(Bench(options.environments, quick=options.quick))))


def contender_of(arguments: Sequence[str]) -> list[str] | None:
    """In a contender's process: its name and the arguments that follow; ``None`` in the script's own."""
    if arguments[:1] != ["--contender"]:
        return None
    return list(arguments[1:])


def answer(figures: Mapping[str, Any]) -> None:
    """Print the figures of a contender's process."""
    print(json.dumps(figures))
