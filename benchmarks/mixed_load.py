"""Fifty people on the portal at once, while a hundred answers are under way: on PostgreSQL with
Redis, and on the embedded default.

A server that takes no processor time stands in for a large model on a GPU. Everything else runs on
this machine: web, worker, the embedding server, the database, and the people themselves.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.backing import EMBEDDED, Services, apart
from benchmarks.home import fresh_home
from benchmarks.ingest import write_tree
from benchmarks.load import BASE, HELD_QUESTION, HELD_SECONDS, PORT, held_open
from benchmarks.slow_llm import slow_llm
from benchmarks.swarm import Noted, Run, Swarm, running_swarm
from benchmarks.tables import Row
from benchmarks.web import DOCUMENTS, PASSWORD, running, signed_in

PROCESSES = {"web": "uvicorn", "worker": "--queues celery "}
HOLDER = "reader-0"


@dataclass(frozen=True, slots=True)
class Plan:
    users: int
    streams: int
    documents: int
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """`memory` by the process: bytes when all had arrived, and at the end."""

    noted: Noted
    seconds: float
    memory: dict[str, tuple[int, int]]
    held: int
    """Answers that were under way all the time, and ended well."""

    def rate(self) -> float:
        return self.noted.requests() / self.seconds

    def growth(self, process: str) -> float:
        before, after = self.memory[process]
        return after / before - 1


def rows(services: Services, plan: Plan) -> Iterator[Row]:
    embedded = apart(EMBEDDED, measured, plan)
    if missing := services.missing():
        yield Row(f"{plan.users} people on PostgreSQL and Redis", f"not measured: {missing}")
        return
    with services.fresh() as environment:
        production = apart(environment, measured, plan)
    yield from comparison(production, embedded, plan)


def measured(plan: Plan) -> Measured:
    """On the services of the environment. In a process of its own."""
    with fresh_home() as home:
        populate(home, plan)
        settings = {
            "ANSWERS_AT_ONCE": str(plan.streams + plan.users),
            "STREAMS_A_PERSON": "0",
            "LLM_TIMEOUT": str(HELD_SECONDS),
            "TRUSTED_PROXIES": "1",
        }
        swarm = Swarm(BASE, ("Reader", "Writer"), plan.users, plan.warm_up, plan.seconds)
        with (
            slow_llm(HELD_QUESTION) as server,
            running(PORT, LLM_URL=server.url, **settings) as supervisor,
        ):
            cookies = signed_in(BASE, HOLDER).cookies
            with (
                held_open(plan.streams, server, cookies) as ended,
                running_swarm(swarm, home / "locust") as run,
            ):
                noted, memory = watched(run, supervisor)
    held = sum(not one.failure for one in ended)
    return Measured(noted, plan.seconds, memory, held)


def populate(home: Path, plan: Plan) -> None:
    """Accounts and documents, some of them with answers to what is asked."""
    from django.core.management import call_command

    accounts = {f"reader-{number}": "engineer" for number in range(plan.users)}
    for name, role in {**accounts, "writer": "writer"}.items():
        call_command("createuser", name, role=role, password=PASSWORD, stdout=sys.stderr)
    tree = home / "tree"
    tree.mkdir()
    write_tree(tree, plan.documents)
    call_command("ingest", DOCUMENTS, tree, collection="bench", stdout=sys.stderr)


def watched(run: Run, supervisor: psutil.Process) -> tuple[Noted, dict[str, tuple[int, int]]]:
    found = {name: process_with(supervisor, words) for name, words in PROCESSES.items()}
    run.wait_until_warm()
    before = {name: process.memory_info().rss for name, process in found.items()}
    noted = run.noted()
    after = {name: process.memory_info().rss for name, process in found.items()}
    return noted, {name: (before[name], after[name]) for name in found}


def process_with(supervisor: psutil.Process, words: str) -> psutil.Process:
    """That one whose command holds these words."""
    return next(
        process
        for process in supervisor.children(recursive=True)
        if words in f"{' '.join(process.cmdline())} "
    )


# --- What came of it ---------------------------------------------------------------------------
def comparison(production: Measured, embedded: Measured, plan: Plan) -> Iterator[Row]:
    ours, theirs = production.noted, embedded.noted
    yield Row("", "PostgreSQL, Redis", "embedded")
    yield Row(
        f"requests/s of {plan.users} people",
        f"{production.rate():.1f}",
        f"{embedded.rate():.1f}",
        f"{production.rate() / embedded.rate():.2f}",
        "≥ 20",
    )
    yield Row(
        f"pages beside {plan.streams} answers",
        ours.pages().told(95),
        theirs.pages().told(95),
        ours.pages().beside(theirs.pages(), 95),
        "p95 ≤ 300 ms",
    )
    names = ("page: search", "page: library", "page: document", "upload", "answer")
    for name in names:
        here, there = ours.of(name), theirs.of(name)
        yield Row(name, here.told(95), there.told(95), here.beside(there, 95))
    yield Row("5xx", str(ours.server_errors()), str(theirs.server_errors()), aim="0")
    yield Row("other failures", str(ours.other_failures()), str(theirs.other_failures()), aim="0")
    yield Row(
        "held answers that ended well",
        f"{production.held} of {plan.streams}",
        f"{embedded.held} of {plan.streams}",
    )
    for process in PROCESSES:
        yield Row(
            f"memory of {process} after the warm-up",
            grown(production, process),
            grown(embedded, process),
            aim="≤ +5 %",
        )
    for where, noted in (("PostgreSQL, Redis", ours), ("embedded", theirs)):
        for text, count in noted.failures.items():
            print(f"Failed {count} times on {where}: {text}", file=sys.stderr)


def grown(measured: Measured, process: str) -> str:
    before, after = (size / 1024**2 for size in measured.memory[process])
    return f"{before:.0f} → {after:.0f} MB, {measured.growth(process):+.1%}"
