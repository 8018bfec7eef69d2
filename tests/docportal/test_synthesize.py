import io
import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from docportal.management.commands.synthesize import Command
from ingestion.chunking import ChunkKind
from ingestion.models import Collection
from tests.documents import passage, publish
from tests.drill.table import Drill
from tests.installations import NewHome
from tests.scripted_llm import Reply, says, scripted_llm
from training.models import QAPair

NOBODY_LISTENS = "http://127.0.0.1:9/v1"
BERTHS = "Setting: Berth limit; Value: 14\nSetting: Mooring fee; Value: 230 EUR"


def serve(collection: Collection) -> None:
    publish(collection, "quay.md", [passage(BERTHS, kind=ChunkKind.TABLE)], title="Quay handbook")


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command(Command(stdout=out), *arguments)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.any_database
@pytest.mark.usefixtures("home")
def test_report_counts_the_pairs_of_the_collection(wiki: Collection) -> None:
    serve(wiki)
    report = json.loads(printed("--collection", "wiki", "--json"))
    assert report["pairs"] == report["mined"] == QAPair.objects.count() > 0
    assert report.keys() >= {"teacher", "imported", "duplicates", "conflicts", "failed"}
    assert json.loads(printed("--collection", "Wiki", "--json")) == report


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
def test_report_in_words(wiki: Collection, settings: Settings) -> None:
    settings.RERANKER_MODEL = "nobody-has-this"
    serve(wiki)
    assert "by the teacher" in printed("--collection", "wiki")


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
def test_pairs_are_made_without_an_embedding_server(wiki: Collection, settings: Settings) -> None:
    settings.RERANKER_MODEL = "nobody-has-this"
    serve(wiki)
    assert json.loads(printed("--collection", "wiki", "--json"))["pairs"] > 0


@pytest.mark.django_db
def test_unknown_collection_is_wrong_use() -> None:
    with pytest.raises(CommandError, match="no collection") as raised:
        printed("--collection", "nowhere")
    assert raised.value.returncode == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
def test_teacher_that_gives_nothing_is_a_failure_and_what_was_mined_stays(
    wiki: Collection, settings: Settings
) -> None:
    serve(wiki)
    settings.TEACHER_URL, settings.TEACHER_MODEL = NOBODY_LISTENS, "large"
    settings.EMBEDDINGS_URL = NOBODY_LISTENS
    with pytest.raises(SystemExit) as raised:
        printed("--collection", "wiki", "--json")
    assert raised.value.code == 1
    assert QAPair.objects.trainable().exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
def test_failure_at_a_passage_that_is_gone_is_none(wiki: Collection, settings: Settings) -> None:
    with scripted_llm() as teacher:
        settings.TEACHER_URL, settings.TEACHER_MODEL = teacher.url, "large"
        settings.EMBEDDINGS_URL = NOBODY_LISTENS
        publish(wiki, "quay.md", [passage("Wet berths are closed.")])
        teacher.will_say(says("no JSON"))
        with pytest.raises(SystemExit):
            printed("--collection", "wiki")
        publish(wiki, "quay.md", [passage("Dry berths are closed.")])
        teacher.will_say(says(json.dumps({"pairs": []})))
        assert json.loads(printed("--collection", "wiki", "--json"))["failed"] == 0


# --- Killed ---------------------------------------------------------------------------------------

PREPARE = """
    import django
    django.setup()
    from ingestion.models import Collection
    from tests.documents import passage, publish

    wiki = Collection.objects.create(slug="wiki", name="Wiki")
    for number in range(10):
        publish(wiki, f"berth-{number}.md", [passage("Wet berths are closed.", str(number))])
"""
COUNT = """
    import django
    django.setup()
    from training.models import QAPair, SynthesisUnit

    print(QAPair.objects.filter(origin="teacher").count())
    print(SynthesisUnit.objects.filter(state="done").count())
"""


@pytest.mark.timeout(300)
def test_killed_synthesis_goes_on_where_it_was(
    new_home: NewHome, tmp_path: Path, drill: Drill, nth: int
) -> None:
    """Killed while the teacher writes, before the first passage is done, and after four."""
    pair = {
        "question": "Which berths are closed?",
        "answer": "wet berths",
        "evidence": "Wet berths are closed.",
    }
    whole = says(json.dumps({"pairs": [pair]}))
    with scripted_llm() as teacher:
        environment = new_home(
            tmp_path,
            TEACHER_URL=teacher.url,
            TEACHER_MODEL="large",
            EMBEDDINGS_URL=NOBODY_LISTENS,
        )

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout

        run("-c", textwrap.dedent(PREPARE))
        synthesize = ("manage.py", "synthesize", "--collection", "wiki", "--json")
        for answered in (0, 4):
            hangs = Reply(("{", "}"), release=threading.Event())
            teacher.will_say(*[whole] * answered, hangs)
            process = subprocess.Popen([sys.executable, *synthesize], env=environment)
            for _request in range(answered + 4):
                assert teacher.asked.acquire(timeout=120)
            process.kill()
            process.wait()
        teacher.will_say(whole)
        with drill("Synthesis killed while the teacher writes, twice over"):
            assert json.loads(run(*synthesize))["teacher"] == 10
            assert run("-c", textwrap.dedent(COUNT)).split() == ["10", "10"]
