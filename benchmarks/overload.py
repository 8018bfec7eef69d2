"""Three times as many people who ask at once as are let in, beside only as many as are.

Whoever is turned away asks again after a second, sooner than they are told to.
"""

import sys
from collections.abc import Iterator

from benchmarks.backing import Services, apart
from benchmarks.home import fresh_home
from benchmarks.load import BASE, PORT
from benchmarks.mixed_load import Plan, populate
from benchmarks.slow_llm import slow_llm
from benchmarks.swarm import Noted, Swarm, running_swarm
from benchmarks.tables import Row
from benchmarks.web import running

AT_ONCE, WAITING = 4, 4
ADMITTED = AT_ONCE + WAITING
TIMES_OVER = 3
ASKERS = ADMITTED * TIMES_OVER
DOCUMENTS = 50
WARM_UP_SECONDS = 15.0
# No question has these words, so none is held.
NEVER = "\0"


def rows(services: Services, seconds: float) -> Iterator[Row]:
    if missing := services.missing():
        yield Row("overload", f"not measured: {missing}")
        return
    with services.fresh() as environment:
        alone, over = apart(environment, measured, seconds)
    yield from comparison(alone, over, seconds)


def measured(seconds: float) -> tuple[Noted, Noted]:
    """As many as are let in, and three times as many. In a process of its own."""
    settings = {
        "ANSWERS_AT_ONCE": str(AT_ONCE),
        "ANSWERS_WAITING": str(WAITING),
        "TRUSTED_PROXIES": "1",
    }
    with fresh_home() as home:
        populate(home, Plan(ASKERS, 0, DOCUMENTS, WARM_UP_SECONDS, seconds))
        with slow_llm(NEVER) as server, running(PORT, LLM_URL=server.url, **settings):
            found = []
            for users in (ADMITTED, ASKERS):
                swarm = Swarm(BASE, ("Asker",), users, WARM_UP_SECONDS, seconds)
                with running_swarm(swarm, home / f"locust-{users}") as run:
                    found.append(run.noted())
    return found[0], found[1]


def comparison(alone: Noted, over: Noted, seconds: float) -> Iterator[Row]:
    yield Row(
        f"answers to {ASKERS} askers, {ADMITTED} let in",
        over.of("answer").told(99),
        f"{alone.of('answer').told(99)} ({ADMITTED} askers)",
        over.of("answer").beside(alone.of("answer"), 99),
        "ratio of p99 ≤ 1.1",
    )
    rates = [len(noted.of("answer").seconds) / seconds for noted in (over, alone)]
    yield Row(
        "answers a second", f"{rates[0]:.2f}", f"{rates[1]:.2f}", f"{rates[0] / rates[1]:.2f}"
    )
    refused = over.of("turned away")
    yield Row("turned away with 429", refused.told(95), aim="p95 ≤ 100 ms")
    yield Row(
        "how many were",
        f"{len(refused.seconds)} of {len(refused.seconds) + len(over.of('ask').seconds)}",
        f"{len(alone.of('turned away').seconds)}",
    )
    yield Row(
        "let in and not answered",
        str(over.other_failures()),
        str(alone.other_failures()),
        aim="0",
    )
    yield Row("5xx", str(over.server_errors()), str(alone.server_errors()), aim="0")
    for text, count in over.failures.items():
        print(f"Failed {count} times: {text}", file=sys.stderr)
