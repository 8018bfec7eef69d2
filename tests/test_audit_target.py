"""`make audit`: what could not be asked is never called passed."""

import json
import sys
from typing import Any

import pytest

from tests.audit import UNKNOWN, main, verdict

GOOD: dict[str, Any] = {"name": "django", "version": "5.2.19", "vulns": []}
BAD = GOOD | {"vulns": [{"id": "PYSEC-1", "fix_versions": ["5.2.20"]}]}
SKIPPED = {"name": "nh3", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([GOOD], 0, "No vulnerability is known of 1 packages."),
        ([GOOD, BAD], 1, "django 5.2.19: PYSEC-1, mended in 5.2.20"),
        ([BAD, SKIPPED], 1, "VULNERABLE"),
        ([GOOD, SKIPPED], UNKNOWN, "NOT AUDITED"),
        ([], UNKNOWN, "NOT AUDITED"),
    ],
)
def test_verdict(dependencies: list[dict[str, Any]], code: int, words: str) -> None:
    told = verdict(json.dumps({"dependencies": dependencies}))
    assert told[0] == code
    assert words in told[1]


@pytest.mark.parametrize("printed", ["", "Traceback", "{}"])
def test_service_that_does_not_answer_is_no_pass(printed: str) -> None:
    assert verdict(printed)[0] == UNKNOWN


@pytest.mark.parametrize(("ci", "code"), [("true", 0), ("", UNKNOWN)])
def test_in_ci_it_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    silent = [sys.executable, "-c", "raise SystemExit('no route to host')"]
    assert main(silent) == code
    assert "NOT AUDITED" in capsys.readouterr().out
