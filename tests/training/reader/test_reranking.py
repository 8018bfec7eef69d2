"""The reranker: what it learns from, that it learns, and that what was trained is served."""

import re
from collections import Counter
from pathlib import Path
from random import Random
from shutil import copytree, ignore_patterns

import pytest
import torch
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from training.reader import things
from training.reader.choosing import NONE, Exercise, asked_of_things, exercises_of_things
from training.reader.reranking import FIRST, SECOND, Reading, Reranker, loss_of, train
from training.reader.sentences import Line, kept_back, learned_from

ADAPTERS = Path(django_settings.BASE_DIR) / "training/reader"
SHIPPED = {FIRST: ADAPTERS / "reranker", SECOND: ADAPTERS / "second_reranker"}
FERRY = Line("Harbour", "The ferry leaves at noon.")
TICKET = Line("Harbour", "A ticket costs 9 EUR.")
EXERCISES = [
    Exercise("When does the ferry leave?", "noon", (FERRY, TICKET), 0),
    Exercise("What does a ticket cost?", "9 EUR", (TICKET, FERRY), 0),
    Exercise("Who steers the ferry?", "", (FERRY, TICKET), NONE),
]


def test_no_organisation_is_learned_from_and_measured_on() -> None:
    learned, kept = ({each.name for each in part} for part in (learned_from(), kept_back()))
    assert learned
    assert len(kept) >= 8
    assert not learned & kept


def test_exercise_on_a_thing_has_its_fact_and_near_misses() -> None:
    made = exercises_of_things(Random(1))
    rights = {each.right for each in made}
    assert rights == {0, NONE}
    assert 0.1 < sum(each.right == NONE for each in made) / len(made) < 0.3
    for each in made:
        assert bool(each.answer) == (each.right != NONE)
        assert each.answer in each.lines[each.right].said
        assert len(set(each.texts)) == len(each.texts)
        assert "{" not in each.question
        assert not any("{name}" in text for text in each.texts)


def test_no_other_thing_has_the_value_that_is_the_answer() -> None:
    # It learned that a value that comes twice is the answer, and refused where it came once.
    made = [one for one in exercises_of_things(Random(1)) if one.answer]
    beside_others = 0
    for one in made:
        own = one.lines[one.right].source
        others = [line for line in one.lines if line.source != own]
        beside_others += bool(others)
        assert not any(line.said == one.lines[one.right].said for line in others)
        assert not any(re.search(rf"\b{re.escape(one.answer)}$", line.said) for line in others)
    assert 0.4 < beside_others / len(made) < 0.95


def test_number_of_lines_does_not_tell_whether_one_is_right() -> None:
    made = exercises_of_things(Random(1))
    lengths = {
        is_right: Counter(len(one.lines) for one in made if bool(one.answer) is is_right)
        for is_right in (True, False)
    }
    for many in lengths[True] | lengths[False]:
        right, open_ = (each[many] / each.total() for each in lengths.values())
        assert abs(right - open_) < 0.02


def test_question_on_a_thing_that_is_kept_back_has_one_line_or_none() -> None:
    some = list(asked_of_things(Random(1), every=5))
    for _, asked in some:
        holding = [one for one in asked.candidates if one.holds]
        assert bool(holding) == bool(asked.answer)
        assert all(asked.answer in one.text for one in holding)
    assert {thing.kind for thing, _ in some} == {thing.kind for thing in things.kept_back()[::5]}


@given(st.lists(st.floats(-9, 9), min_size=5, max_size=5))
def test_loss_is_least_where_the_right_text_is_far_above_and_none_where_all_are_below(
    scores: list[float],
) -> None:
    lines = [Line("", letter) for letter in "abc"]
    exercises = [Exercise("?", "a", tuple(lines[:2]), 0), Exercise("?", "", tuple(lines), NONE)]
    best = loss_of(torch.tensor([30.0, -30, -30, -30, -30]), exercises)
    assert 0 <= best < 1e-6
    assert loss_of(torch.tensor(scores), exercises) >= best


@pytest.mark.models
def test_it_learns() -> None:
    torch.manual_seed(1)
    model = Reranker(FIRST, django_settings.MODELS_DIR / FIRST.base)
    losses = list(train(model, EXERCISES * 60, minutes=5))
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])


@pytest.mark.models
@pytest.mark.parametrize("reading", SHIPPED, ids=["first", "second"])
def test_served_model_scores_as_the_trained_one(
    reading: Reading, mpnet: Path, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    from training.conversion import make_encoder

    torch.manual_seed(1)
    base = mpnet if reading is SECOND else django_settings.MODELS_DIR / FIRST.base
    model = Reranker(reading, base).eval()
    pairs = [(each.question, text) for each in EXERCISES for text in each.texts]
    with torch.inference_mode():
        torch.nn.init.normal_(model.head.weight)
        untrained = model(pairs)
        for name, weights in model.encoder.named_parameters():
            if ".lora_B." in name:
                torch.nn.init.normal_(weights, std=0.05)
        here = model(pairs)
    trained, made = tmp_path / "trained", tmp_path / "made"
    copytree(SHIPPED[reading], trained, ignore=ignore_patterns("*.safetensors", "adapter_*.json"))
    model.save(trained)
    made.mkdir()
    make_encoder(base, trained, made)
    plain = {"dtype": "float32"}
    served = CrossEncoder(str(made), device="cpu", local_files_only=True, model_kwargs=plain)
    with torch.inference_mode():
        there = served(served.preprocess(pairs))["scores"][:, 0]
    # Weights in bfloat16 are off by 1 in 256.
    assert (there - here).norm() < 0.15 * (here - untrained).norm()


@pytest.mark.parametrize(("reading", "most"), [(FIRST, 3_000_000), (SECOND, 5_000_000)])
def test_shipped_adapters_are_small(reading: Reading, most: int) -> None:
    files = [file for file in SHIPPED[reading].rglob("*") if file.is_file()]
    assert 0 < sum(file.stat().st_size for file in files) < most
