"""The tests of the suite that take too long, or need too much, for ``make test``: those marked ``prove``.

Bursts of alerts, every form of the log against planted secrets, and Home Assistant itself. What the other stages run
in full (wire faults, crash windows) is left to them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.conftest import REPO
from tests.prove.stages import Judged

_FOLDER = REPO / "tests" / "scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The marked tests of one file, by its path from the root."""

    file: str

    @property
    def command(self) -> str:
        """What shows it again."""
        return f".venv/bin/pytest -m prove {self.file}"


def cases(part: float) -> list[Case]:
    """Return every file that has such tests, or so large a part of them."""
    found = sorted(p for p in _FOLDER.glob("test_*.py") if "pytest.mark.prove" in p.read_text())
    return [Case(file=str(p.relative_to(REPO))) for p in found][:: max(1, round(1 / part))]


def judged(case: Case) -> Judged:
    """Run them in a process of their own; what was skipped counts for nothing."""
    with tempfile.TemporaryDirectory(prefix="counterpoise-prove-") as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-m", "prove", case.file, "-q"),
                *("-p", "no:cacheprovider", f"--junitxml={report}"),
            ],
            cwd=REPO,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            return Judged(complaints=(done.stdout[-500:] + done.stderr[-500:],), runs=0)
        tests = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it
    complaints = [
        f"{test.get('name')}: {(wrong.get('message') or 'failed').splitlines()[0]}"
        for test in tests
        for wrong in (*test.findall("failure"), *test.findall("error"))
    ]
    skipped = sum(test.find("skipped") is not None for test in tests)
    if done.returncode and not complaints:
        complaints.append(f"pytest ended with {done.returncode}: {done.stdout[-300:]}")
    return Judged(
        complaints=tuple(complaints),
        runs=len(tests) - skipped,
        facts=(("skipped", skipped),) if skipped else (),
    )
