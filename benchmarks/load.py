"""Ten people who ask at once beside one alone, and pages while a hundred answers are under way.

The portal runs as `make dev` runs it; people log in, ask and read the stream of their answer over
HTTP, each the next question as soon as the last one is answered. A tuned model of the size of the
embedded reader answers (`benchmarks.untrained`). The hundred answers are of a server that writes a
word a second, and as many are let in at once as are opened.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx

from benchmarks.home import fresh_home
from benchmarks.slow_llm import SlowLLM, slow_llm
from benchmarks.tables import Row, print_table
from benchmarks.times import Times
from benchmarks.untrained import serve_untrained, wait_until_loaded
from benchmarks.web import DOCUMENTS, PASSWORD, read_pages, running, signed_in

PORT = 8766
BASE = f"http://127.0.0.1:{PORT}"
LIBRARY = "/docs/"
HELD_QUESTION = "How long is a hold kept?"
OPENED_SECONDS = 120.0
# Longer than any stream is held, so that none is cut off.
HELD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that one person asked: its row, seconds until its answer, and what went wrong."""

    query: UUID | None
    seconds: float
    failure: str = ""


# --- One question ------------------------------------------------------------------------------
def start(client: httpx.Client, question: str) -> UUID:
    """Send a question as the page does. Raises `httpx.HTTPError`."""
    headers = {"HX-Request": "true", "X-CSRFToken": client.cookies["csrftoken"]}
    reply = client.post("/ask/", data={"q": question}, headers=headers).raise_for_status()
    return UUID(reply.headers["HX-Push-Url"].strip("/").rpartition("/")[2])


def events(client: httpx.Client, query: UUID) -> Iterator[str]:
    """The names of the events of an answer, as they come. Raises `httpx.HTTPError`."""
    with client.stream("GET", f"/questions/{query}/stream/") as stream:
        stream.raise_for_status()
        for line in stream.iter_lines():
            if line.startswith("event: "):
                yield line.removeprefix("event: ")


def ask(client: httpx.Client, question: str) -> Asked:
    started = time.perf_counter()
    query = None
    try:
        query = start(client, question)
        last = list(events(client, query))[-1:]
    except httpx.HTTPError as error:
        return Asked(query, time.perf_counter() - started, repr(error))
    seconds = time.perf_counter() - started
    return Asked(query, seconds, "" if last == ["finished"] else f"It ended with {last}.")


# --- People who ask ----------------------------------------------------------------------------
def ask_at_once(
    people: Sequence[httpx.Client], questions: list[str], seconds: float
) -> list[Asked]:
    """What all of them asked, who go on with the next question until `seconds` have passed."""
    until = time.monotonic() + seconds

    def ask_on(number: int) -> list[Asked]:
        mine = itertools.cycle(questions[number:] + questions[:number])
        asked = []
        while time.monotonic() < until:
            asked.append(ask(people[number], next(mine)))
        return asked

    with ThreadPoolExecutor(len(people)) as pool:
        return [one for run in pool.map(ask_on, range(len(people))) for one in run]


def answered_by_tuned(asked: Sequence[Asked]) -> Times:
    """Those whose answer came from the tuned model."""
    from router.models import Answer

    tuned = set(
        Answer.objects.filter(
            query__in=[one.query for one in asked if one.query], route=Answer.Route.TUNED
        ).values_list("query_id", flat=True)
    )
    return Times([one.seconds for one in asked if not one.failure and one.query in tuned])


def asking_rows(home: Path, users: int, seconds: float) -> Iterator[Row]:
    questions = serve_untrained(home)
    with running(PORT):
        wait_until_loaded()
        people = [signed_in(BASE, f"reader-{number}") for number in range(users)]
        # With the first answers, the portal imports what it needs.
        for person in people:
            ask(person, questions[0])
        alone = ask_at_once(people[:1], questions, seconds)
        together = ask_at_once(people, questions, seconds)
    yield from comparison(alone, together, users, seconds)


def comparison(
    alone: list[Asked], together: list[Asked], users: int, seconds: float
) -> Iterator[Row]:
    one, many = answered_by_tuned(alone), answered_by_tuned(together)
    yield Row(
        f"tuned answers, {users} people at once",
        many.told(99),
        f"{one.told(99)} (one alone)",
        many.beside(one, 99),
        "p99 ≤ 2 s",
    )
    rates = [len(times.seconds) / seconds for times in (many, one)]
    yield Row(
        "tuned answers a second",
        f"{rates[0]:.2f}",
        f"{rates[1]:.2f} (one alone)",
        f"{rates[0] / rates[1]:.2f}" if rates[1] else "",
    )
    yield Row(
        "answered by the tuned model",
        f"{len(many.seconds)} of {len(together)}",
        f"{len(one.seconds)} of {len(alone)} (one alone)",
    )
    failures = [asked.failure for asked in together if asked.failure]
    yield Row(
        "failed requests",
        f"{len(failures)} of {len(together)}",
        f"{sum(bool(asked.failure) for asked in alone)} of {len(alone)} (one alone)",
        aim="0",
    )
    for failure in sorted(set(failures)):
        print(f"Failed: {failure}", file=sys.stderr)


# --- Streams that stay open ----------------------------------------------------------------------
@contextmanager
def held_open(streams: int, server: SlowLLM, cookies: httpx.Cookies) -> Iterator[list[Asked]]:
    """While inside, so many answers are under way; afterwards the list holds how each ended."""

    def hold(_: int) -> Asked:
        with httpx.Client(base_url=BASE, cookies=cookies, timeout=HELD_SECONDS) as client:
            return ask(client, HELD_QUESTION)

    ended: list[Asked] = []
    with ThreadPoolExecutor(streams) as pool:
        holding = pool.map(hold, range(streams))
        try:
            for _ in range(streams):
                if not server.asked.acquire(timeout=OPENED_SECONDS):
                    raise RuntimeError("Not all streams were opened.")
            yield ended
        finally:
            server.come_to_an_end.set()
        ended.extend(holding)


def stream_rows(streams: int, pages: int) -> Iterator[Row]:
    settings = {
        "ANSWERS_AT_ONCE": str(streams),
        "STREAMS_A_PERSON": "0",
        "LLM_TIMEOUT": str(HELD_SECONDS),
    }
    with slow_llm() as server, running(PORT, LLM_URL=server.url, **settings):
        cookies = signed_in(BASE, "reader-0").cookies
        read_pages(BASE, [LIBRARY], cookies)
        without = Times(read_pages(BASE, [LIBRARY], cookies, pages))
        with held_open(streams, server, cookies) as ended:
            beside = Times(read_pages(BASE, [LIBRARY], cookies, pages))
    yield Row(
        f"{LIBRARY} beside {streams} open answers",
        beside.told(95),
        f"{without.told(95)} (without)",
        beside.beside(without, 95),
    )
    failed = sum(bool(one.failure) for one in ended)
    yield Row("failed answers among them", f"{failed} of {len(ended)}", aim="0")


def main() -> None:
    from django.core.management import call_command

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--pages", type=int, default=200)
    arguments = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    with fresh_home() as home:
        for number in range(arguments.users):
            named = [f"reader-{number}", "--role", "engineer", "--password", PASSWORD]
            call_command("createuser", *named, stdout=sys.stderr)
        call_command("ingest", DOCUMENTS, collection="bench", stdout=sys.stderr)
        rows = [
            *stream_rows(arguments.streams, arguments.pages),
            *asking_rows(home, arguments.users, arguments.seconds),
        ]
    print_table("Load", rows)


if __name__ == "__main__":
    main()
