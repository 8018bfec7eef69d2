"""The web process, the asker or the model server goes away in the middle of an answer."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from router.models import Answer, Query
from tests.drill.faults import Fault
from tests.drill.portal import QUESTION, SENTENCE, Portal
from tests.drill.table import Breakage, Drill
from tests.scripted_llm import Reply, says
from tests.waiting import until

pytestmark = pytest.mark.timeout(1800)

WEB = "uvicorn"
WHOLE = says(f"{SENTENCE} [1]")
PIECES = ("The Aurora carries ", "48 passengers. [1]")
UPLOADS = {
    "Web process killed before it keeps a file": Fault(
        WEB, [r"os.rename .*files/originals/\.new-"]
    ),
    "Web process killed while it keeps a version": Fault(
        WEB, [r'sql INSERT INTO "ingestion_documentversion"']
    ),
    "Web process killed before it commits a version": Fault(
        WEB, [r'sql INSERT INTO "ingestion_auditevent".*uploaded']
    ),
}
# What the model server does instead of answering.
FAILURES = {
    "Model server killed in mid-answer": Reply(PIECES, breaks=True),
    "Model server hangs": Reply((), hangs=True),
    "Model server hangs in mid-answer": Reply(PIECES, release=threading.Event()),
    "Model server's answer cut short": Reply((PIECES[0],)),
    "Model server sends garbage": Reply((), raw=bytes(range(256)) * 64),
    "Model server overloaded": Reply((), status=503),
}


@pytest.mark.parametrize("kind", UPLOADS)
def test_web_process_is_killed_in_an_upload(
    victim: Portal, drill: Drill, kind: str, nth: int
) -> None:
    """Whoever sent it gets no answer, and sends it again."""
    file = victim.a_file()
    victim.arm(UPLOADS[kind])
    with pytest.raises(httpx.HTTPError):
        victim.send(*file)
    with drill(kind, since=victim.struck().at) as breakage:
        accepted = [victim.accepted(*file)]
        victim.recovers(accepted)
        breakage.recovered()
        breakage.lost += victim.lost(accepted)
        breakage.doubled += victim.doubled(accepted)


@contextmanager
def half_an_answer(victim: Portal) -> Iterator[Query]:
    """While the model writes the rest of it."""
    victim.llm.left.clear()
    victim.llm.will_say(Reply(PIECES, release=threading.Event()), WHOLE)
    with victim.client() as client:
        asked = client.stream("POST", "/ask", params={"stream": True}, json={"question": QUESTION})
        # Cut off it ends in an error, which is what is looked for here.
        with contextlib.suppress(httpx.HTTPError), asked as answer:
            # A reader of lines that is given up closes the connection.
            lines = answer.iter_lines()
            while "passages" not in next(lines):
                pass
            assert victim.llm.asked.acquire(timeout=60)
            yield Query.objects.latest("pk")


def judge(victim: Portal, query: Query, breakage: Breakage) -> None:
    """The question is kept; it has one answer at most, and the next one has its own."""
    until(victim.answers)
    breakage.recovered()
    if not Query.objects.filter(pk=query.pk).exists():
        breakage.lost.append(f"question {query.pk}")
    if Answer.objects.filter(query=query).count() > 1:
        breakage.doubled.append(f"answer to {query.pk}")
    breakage.lost += victim.lost([])
    breakage.doubled += victim.doubled([])


def quiet(victim: Portal) -> None:
    """No question of before is counted among the next ones."""
    while victim.llm.asked.acquire(blocking=False):
        pass


def test_web_process_is_killed_while_it_streams(victim: Portal, drill: Drill, nth: int) -> None:
    quiet(victim)
    with half_an_answer(victim) as query:
        at = victim.kill(WEB)
    with drill("Web process killed while an answer streams", since=at) as breakage:
        assert victim.llm.left.wait(30)
        judge(victim, query, breakage)


def test_asker_goes_away_in_the_middle(victim: Portal, drill: Drill, nth: int) -> None:
    quiet(victim)
    with half_an_answer(victim) as query:
        pass
    with drill("Asker gone in mid-answer") as breakage:
        assert victim.llm.left.wait(30)
        judge(victim, query, breakage)


@pytest.mark.parametrize("kind", FAILURES)
def test_model_server_fails(victim: Portal, drill: Drill, kind: str, nth: int) -> None:
    """The asker gets the passages, and after a pause questions are answered again."""
    quiet(victim)
    victim.llm.will_say(FAILURES[kind], WHOLE)
    with drill(kind) as breakage:
        answer = victim.ask()
        assert victim.llm.asked.acquire(blocking=False)
        query = Query.objects.get(pk=answer["id"])
        if not answer["citations"]:
            breakage.lost.append(f"passages of {query.pk}")
        judge(victim, query, breakage)


def test_model_server_is_slow(victim: Portal, drill: Drill, nth: int) -> None:
    """A word at a time, each within the limit of time, is an answer all the same."""
    quiet(victim)
    rest = threading.Event()
    victim.llm.will_say(Reply(PIECES, release=rest), WHOLE)
    threading.Timer(3.0, rest.set).start()
    with drill("Model server slow") as breakage:
        answer = victim.ask()
        assert victim.llm.asked.acquire(blocking=False)
        query = Query.objects.get(pk=answer["id"])
        if "48" not in answer["answer"]:
            breakage.lost.append(f"answer to {query.pk}")
        judge(victim, query, breakage)
