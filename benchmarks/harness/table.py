"""RESULTS.md: the rows as a table, with what they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from harness.bench import Row


class Failure(NamedTuple):
    """A script that could not measure its rows."""

    script: str
    reason: str


def table(
    rows: Sequence[Row],
    failures: Sequence[Failure],
    floods: str,
    versions: Mapping[str, str],
    *,
    seconds: float,
    quick: bool,
) -> str:
    """The whole page."""
    judged = [row for row in rows if row.target is not None]
    missed = [row for row in judged if row.verdict == "MISSED"]
    lines = [
        "# Results",
        "",
        f"Made by `nox -s bench{' -- --quick' if quick else ''}` on {datetime.now(UTC):%Y-%m-%d}, in "
        f"{seconds / 60:.0f} minutes; [README.md](README.md) says how. Every figure is the median of several runs,",
        "taken in turn with those it is compared with; a ratio is this package's figure divided by the other's.",
        "Compare ratios, and rows of one page: seconds belong to the machine.",
        "",
        f"{len(judged) - len(missed)} of {len(judged)} targets met."
        + (" Missed: " + "; ".join(row.what for row in missed) + "." if missed else ""),
        "",
        "| what | this package | beside | ratio | target | |",
        "|---|---:|---:|---:|---|---|",
    ]
    lines += [_line(row) for row in rows]
    lines += [f"| `{script}`: not measured | | | | | {_cell(reason)} |" for script, reason in failures]
    lines += ["", "## The others", "", "Figures of all contenders, and how many times this package's that is.", ""]
    lines += ["| what | " + " | ".join(names) + " |" for names in [_names(rows)]]
    lines += ["|---|" + "---:|" * len(_names(rows))]
    lines += [_others(row, _names(rows)) for row in rows if len(row.others) > 1]
    if floods:
        lines += ["", "## Refusals by the policy of the server", "", "```text", floods, "```"]
    lines += ["", "## Measured on", "", f"{_machine()}. {_python()}.", ""]
    lines += ["Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + "."]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    ours = f"{row.shown.format(row.ours)} {row.unit}"
    beside = ratio = ""
    if row.against is not None:
        beside = f"{row.shown.format(row.others[row.against])} ({row.against})"
        ratio = f"{row.judged:.2f}"
    elif row.others:
        beside = ", ".join(f"{row.shown.format(value)} ({name})" for name, value in row.others.items())
    verdict = f"**{row.verdict}**" if row.verdict == "MISSED" else row.verdict
    return f"| {_cell(row.what)} | {ours} | {beside} | {ratio} | {row.wanted} | {verdict} |"


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows if len(row.others) > 1 for name in row.others))


def _others(row: Row, names: Sequence[str]) -> str:
    cells = [
        f"{row.shown.format(row.others[name])} ({row.others[name] / row.ours:.1f})" if name in row.others else ""
        for name in names
    ]
    return f"| {_cell(row.what)}, {row.unit} | " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.machine()}"


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
