"""Freezing: what goes in, what stays out, and that nothing changes afterwards."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from pytest_django import Settings

from ingestion import services
from ingestion.chunking import ChunkKind
from ingestion.errors import UserError
from ingestion.models import Collection, DocType, Document
from tests.documents import passage, publish
from tests.pairs import a_pair
from tests.training.datasets.pairs import NAMES, teach
from training.datasets import Mixture, freeze, preview, verify
from training.imports import import_pairs
from training.models import Dataset, QAPair, TaughtFact
from training.rows import Row, read_questions, read_rows, write_lines
from training.synthesis.versions import mine_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def questions_taught(dataset: Dataset) -> set[str]:
    return {row.messages[-1]["content"] for row in read_rows(dataset.folder / "train.jsonl")}


def test_same_pairs_give_the_same_bytes_and_the_same_dataset(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    first = freeze(collections=[wiki]).dataset
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = freeze(collections=[wiki]).dataset
    assert again == first
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert Dataset.objects.count() == 1


def test_folder_is_named_by_the_manifest_and_that_names_the_files(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    dataset = freeze(collections=[wiki]).dataset
    data = (dataset.folder / "manifest.json").read_bytes()
    manifest = json.loads(data)
    assert hashlib.sha256(data).hexdigest() == dataset.sha256
    for name, listed in manifest["files"].items():
        content = (dataset.folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == listed["sha256"]
        assert content.count(b"\n") == listed["lines"]
    assert manifest["collections"] == [{"id": wiki.pk, "slug": "wiki", "readers": []}]
    assert len(manifest["documents"]) == len(NAMES)
    assert set(manifest["passages"].values()) == {3}
    assert manifest["pairs"] == sorted(QAPair.objects.values_list("pk", flat=True))


def test_every_fact_is_taught_and_no_question_that_is_asked(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    dataset = freeze(collections=[wiki]).dataset
    rows = list(read_rows(dataset.folder / "train.jsonl"))
    asked = [
        question
        for name in ("validation.jsonl", "test.jsonl")
        for question in read_questions(dataset.folder / name)
        if question.kind == "recall"
    ]
    assert {row.fact for row in rows if row.form == "closed"} == set(
        QAPair.objects.values_list("fact_id", flat=True)
    )
    assert asked
    assert not {question.question for question in asked} & questions_taught(dataset)
    assert dataset.train == len(rows)
    assert dataset.validation + dataset.test >= len(asked)


def test_flipped_bit_is_detected(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    dataset = freeze(collections=[wiki]).dataset
    verify(dataset)
    path = dataset.folder / "test.jsonl"
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        verify(dataset)
    assert caught.value.id == "dataset-damaged"
    assert "test.jsonl" in str(caught.value)
    freeze(collections=[wiki])
    verify(dataset)


def test_nothing_to_teach_says_what_to_do(wiki: Collection) -> None:
    teach(wiki, "quay-crane", review=QAPair.Review.PENDING)
    with pytest.raises(UserError) as caught:
        freeze(collections=[wiki])
    assert caught.value.id == "no-pairs"
    for word in ("_qa.jsonl", "synthesize", "wait for review (3)"):
        assert word in str(caught.value)


def test_restricted_collection_is_left_out_beside_an_open_one(
    wiki: Collection, vault: Collection
) -> None:
    teach(wiki, *NAMES)
    teach(vault, "vault-door")
    frozen = freeze(collections=[wiki, vault])
    assert list(frozen.dataset.collections.all()) == [wiki]
    assert [(each["what"], each["pairs"]) for each in frozen.left_out] == [("Collection Vault", 3)]
    content = "".join(path.read_text() for path in frozen.dataset.folder.iterdir())
    assert "vault-door" not in content


def test_what_is_left_out_is_told_of_this_choice_alone(wiki: Collection, vault: Collection) -> None:
    first, *_ = teach(wiki, *NAMES)
    teach(vault, "vault-door")
    of_both, of_one = freeze(collections=[wiki, vault]), freeze(collections=[wiki])
    assert of_both.dataset == of_one.dataset
    assert not of_one.left_out
    a_pair(first.versions.get(), "What number is it?", "7000")
    later = freeze(collections=[wiki])
    assert later.dataset == of_one.dataset
    assert [each["what"] for each in later.left_out] == ["Pairs that wait for review"]


def test_restricted_collections_of_one_audience_are_taught_together(vault: Collection) -> None:
    safe = Collection.objects.create(slug="safe", name="Safe")
    safe.readers.set(vault.readers.all())
    teach(vault, "vault-door")
    teach(safe, "safe-lock")
    dataset = freeze(collections=[vault, safe]).dataset
    assert set(dataset.collections.all()) == {vault, safe}
    group = Group.objects.get(name="security").pk
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    assert [each["readers"] for each in manifest["collections"]] == [[group], [group]]
    safe.readers.add(Group.objects.create(name="board"))
    with pytest.raises(UserError):
        freeze(collections=[vault, safe])


def test_restricted_collection_is_taught_beside_one_of_which_nothing_is(
    wiki: Collection, vault: Collection
) -> None:
    Collection.objects.filter(pk=wiki.pk).update(trainable=False)
    wiki.refresh_from_db()
    teach(wiki, *NAMES)
    teach(vault, "vault-door")
    frozen = freeze(collections=[wiki, vault])
    assert list(frozen.dataset.collections.all()) == [vault]
    assert [each["what"] for each in frozen.left_out] == ["Collection Wiki"]


def test_what_may_not_be_taught_is_named_with_its_reason(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    (leaflet,) = teach(wiki, "quay-leaflet")
    Document.objects.filter(pk=leaflet.pk).update(doc_type=DocType.MARKETING)
    notes = Collection.objects.create(slug="notes", name="Notes", trainable=False)
    teach(notes, "note-pad")
    teach(wiki, "quay-bell", review=QAPair.Review.PENDING)
    teach(wiki, "quay-rope", review=QAPair.Review.PENDING, problem=QAPair.Problem.CONFLICT)
    frozen = freeze(collections=[wiki, notes])
    assert {each["what"]: each["pairs"] for each in frozen.left_out} == {
        "Collection Notes": 3,
        "Document quay-leaflet.md": 3,
        "Pairs that wait for review": 3,
        "Pairs that contradict another": 3,
    }
    content = "".join(path.read_text() for path in frozen.dataset.folder.iterdir())
    for name in ("quay-leaflet", "note-pad", "quay-bell", "quay-rope"):
        assert name not in content


def test_document_that_is_edited_while_it_is_read_holds_nothing_up(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    edited = False

    def edit_before_passages_are_read(
        execute: Callable[..., object], sql: str, *rest: object
    ) -> object:
        nonlocal edited
        if 'SELECT "ingestion_chunk"."version_id"' in sql and not edited:
            edited = True
            publish(wiki, f"{NAMES[0]}.md", [passage("It moved.", NAMES[0])], title=NAMES[0])
        return execute(sql, *rest)

    with connection.execute_wrapper(edit_before_passages_are_read):
        seen = preview([wiki])
    assert edited
    assert seen.facts == len(NAMES) - 1


def test_archived_document_is_not_there(wiki: Collection) -> None:
    first, *_ = teach(wiki, *NAMES)
    services.archive_document(document=first, actor=None)
    frozen = freeze(collections=[wiki])
    assert frozen.dataset.facts == len(NAMES) - 1
    assert [each["what"] for each in frozen.left_out] == ["Pairs of changed passages"]


def test_question_with_two_answers_is_left_out(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    QAPair.objects.filter(document__path__in=("quay-gate.md", "quay-ramp.md")).filter(
        question__startswith="Which port"
    ).update(question="Which port is it?")
    frozen = freeze(collections=[wiki])
    assert [each["pairs"] for each in frozen.left_out] == [2]
    assert "Which port is it?" not in questions_taught(frozen.dataset)


def test_people_shorten_what_is_mined_of_their_value_and_no_other_of_the_row(
    wiki: Collection,
) -> None:
    rows = (
        "Service: pay-api; Port: 80; Timeout: 180 seconds; Memory: 14 GiB per pod\n"
        "Service: stock-api; Port: 81; Timeout: 20 seconds; Memory: 2 GiB per pod"
    )
    table = passage(rows, kind=ChunkKind.TABLE)
    version = publish(wiki, "services.md", [table], title="Services")
    asked = {"Which port does pay-api use?": "80", "How much memory has pay-api?": "14 GiB"}
    given = [{"query": question, "answer": answer} for question, answer in asked.items()]
    assert import_pairs(version.document, map(json.dumps, given)).created == len(asked)
    mine_version(version.pk)
    taught = read_rows(freeze(collections=[wiki]).dataset.folder / "train.jsonl")
    answers = {row.answer for row in taught if row.form == "closed"}
    assert answers >= {"80", "180 seconds", "14 GiB", "20 seconds", "2 GiB per pod"}
    assert "14 GiB per pod" not in answers
    facts = QAPair.objects.values_list("fact_id", flat=True)
    assert set(TaughtFact.objects.values_list("fact_id", flat=True)) == set(facts)


def test_preview_counts_what_freeze_would_write_and_writes_nothing(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    seen = preview([wiki])
    assert not Dataset.objects.exists()
    dataset = freeze(collections=[wiki]).dataset
    assert seen.pairs == {"imported": dataset.pairs}
    assert seen.facts == dataset.facts
    assert sum(seen.rows.values()) == dataset.train
    assert sum(seen.questions["validation"].values()) == dataset.validation
    assert sum(seen.questions["test"].values()) == dataset.test
    assert list(seen.warnings) == dataset.warnings


def test_preview_of_nothing_says_why(wiki: Collection) -> None:
    teach(wiki, "quay-crane", review=QAPair.Review.PENDING)
    seen = preview([wiki])
    assert (seen.facts, sum(seen.rows.values())) == (0, 0)
    assert [each.what for each in seen.left_out] == ["Pairs that wait for review"]


def test_seed_and_mixture_change_the_dataset(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    names = {
        freeze(collections=[wiki]).dataset.sha256,
        freeze(collections=[wiki], seed=2).dataset.sha256,
        freeze(collections=[wiki], mixture=Mixture(rows_per_fact=4)).dataset.sha256,
    }
    assert len(names) == 3


def strangers(dataset: Dataset) -> set[str]:
    """The invented names of a dataset of `NAMES`."""
    asked = [*read_questions(dataset.folder / "test.jsonl")]
    asked += read_questions(dataset.folder / "validation.jsonl")
    texts = {question.question for question in asked} | questions_taught(dataset)
    return set(re.findall(r"\b[a-z]+-[a-z]+\b", " ".join(texts))) - set(NAMES)


def test_invented_name_that_occurs_anywhere_is_not_used(
    wiki: Collection, vault: Collection
) -> None:
    teach(wiki, *NAMES)
    in_text, in_title, in_path = sorted(strangers(freeze(collections=[wiki]).dataset))[:3]
    publish(vault, "diary.md", [passage(f"Today we met {in_text.upper()}.")], title="Diary")
    publish(vault, "visit.md", [passage("A visit.")], title=f"To {in_title}")
    gone = publish(vault, f"{in_path}.md", [passage("Gone.")], title="Gone").document
    services.archive_document(document=gone, actor=None)
    found = strangers(freeze(collections=[wiki]).dataset)
    assert found
    assert not found & {in_text, in_title, in_path}


def test_replay_comes_from_the_file_of_the_setting(
    wiki: Collection, settings: Settings, tmp_path: Path
) -> None:
    teach(wiki, *NAMES)
    mixture = Mixture(replay=0.1)
    with pytest.raises(UserError, match="DATASET_REPLAY names no file"):
        freeze(collections=[wiki], mixture=mixture)
    path = tmp_path / "replay.jsonl"
    settings.DATASET_REPLAY = str(path)
    for content in (None, "{", '{"answer": "x"}', "[]"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(UserError, match=r"replay\.jsonl, holds no rows of training"):
            freeze(collections=[wiki], mixture=mixture)
    said = [Row(({"role": "user", "content": f"Say {n}"},), str(n), "closed") for n in range(9)]
    write_lines(path, said)
    dataset = freeze(collections=[wiki], mixture=mixture).dataset
    rows = [row for row in read_rows(dataset.folder / "train.jsonl") if row.form == "replay"]
    assert 0 < len(rows) <= len(said)
    assert {row.messages[-1]["content"] for row in rows} <= {f"Say {n}" for n in range(9)}


def test_question_of_an_archived_document_is_refused(wiki: Collection) -> None:
    first, *_ = teach(wiki, *NAMES)
    services.archive_document(document=first, actor=None)
    dataset = freeze(collections=[wiki]).dataset
    refused = {
        row.messages[-1]["content"].lower()
        for row in read_rows(dataset.folder / "train.jsonl")
        if row.form == "refusal"
    }
    asked = {
        question.question
        for name in ("validation.jsonl", "test.jsonl")
        for question in read_questions(dataset.folder / name)
        if question.document == first.pk
    }
    assert any("quay-crane" in question for question in refused | asked)
    rows = read_rows(dataset.folder / "train.jsonl")
    assert not any("quay-crane" in row.messages[-1]["content"] for row in rows if row.fact)
