"""The checks of all packages together, and the repair of what they find."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from docportal import integrity_deliveries as deliveries
from docportal.integrity import REPAIRED
from ingestion import integrity as documents
from ingestion.audit import Actor, record
from ingestion.problems import Problem, Repair
from ingestion.sources import integrity as sources
from router import integrity as models
from router.retrieval import integrity as retrieval
from training import integrity as training

# In this order: vectors are of passages, the index is of vectors, pairs and models rest on both.
CHECKS = (
    *documents.CHECKS,
    *sources.CHECKS,
    *retrieval.CHECKS,
    *models.CHECKS,
    *training.CHECKS,
    *deliveries.CHECKS,
)
# Passages, their vectors, the index, and what only then can be seen.
LOOKS = 5


@dataclass(frozen=True, slots=True)
class Report:
    """How many things were looked at, and by kind and what: whether each problem is mended."""

    checked: int
    problems: dict[tuple[str, str], bool]

    @property
    def is_clean(self) -> bool:
        return all(self.problems.values())

    def as_json(self) -> dict[str, Any]:
        return {"checked": self.checked, "problems": self.problems_as_json()}

    def problems_as_json(self) -> list[dict[str, Any]]:
        return [
            {"kind": kind, "what": what, "repaired": repaired}
            for (kind, what), repaired in self.problems.items()
        ]


def check(*, repair: bool = False, by: Actor = None) -> Report:
    """Look at everything; with `repair` mend what can be, and look again until nothing new comes
    up, since what is mended may lack something else: a passage its vector, the index both.

    A repair is recorded as done by `by`. What a second look still finds was not mended.
    """
    found: dict[tuple[str, str], bool] = {}
    checked = sum(one.things() for one in CHECKS)
    for repairs_left in reversed(range(LOOKS)):
        problems = [problem for one in CHECKS for problem in one.problems()]
        new = [problem for problem in problems if (problem.kind, problem.what) not in found]
        found |= {(problem.kind, problem.what): False for problem in problems}
        mended = list(_mended(new, by)) if repair and repairs_left else []
        if not mended:
            break
        found |= {(problem.kind, problem.what): True for problem in mended}
    return Report(checked, found)


def _mended(problems: Iterable[Problem], by: Actor) -> Iterable[Problem]:
    done: dict[Repair, bool] = {}
    for problem in problems:
        if problem.repair is None:
            continue
        if problem.repair not in done:
            done[problem.repair] = problem.repair()
        if done[problem.repair]:
            record(by, REPAIRED, detail=f"{problem.kind}: {problem.what}")
            yield problem
