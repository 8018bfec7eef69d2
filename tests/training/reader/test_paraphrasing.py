"""The model of paraphrases: that it learns, and that what was trained is served."""

from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch
from django.conf import settings as django_settings
from torch import Tensor

from training.reader import paraphrasing, things
from training.reader.paraphrasing import Paraphrases, loss_of, report, scores_of, train
from training.trainers.peft import best_dtype

SHIPPED = Path(django_settings.BASE_DIR) / "training/reader/paraphrase"
# Made in bfloat16, in which many processors compute twenty times as slowly.
QUICK = {"dtype": best_dtype(torch.device("cpu"))}


def loss(first: Tensor, second: Tensor, thing: list[int]) -> float:
    scale, bias = torch.tensor(12.0), torch.tensor(0.5)
    return loss_of(first, second, torch.tensor(thing), scale, bias).item()


def test_loss_is_least_where_the_questions_of_a_fact_are_alike_and_no_others_are() -> None:
    apart = torch.eye(4)
    best = loss(apart, apart, [0, 0, 1, 1])
    assert best < loss(apart, apart.roll(1, 0), [0, 0, 1, 1])
    assert best < loss(apart[:1].repeat(4, 1), apart[:1].repeat(4, 1), [0, 0, 1, 1])


def test_what_two_things_have_in_common_is_not_told_apart() -> None:
    apart = torch.eye(4)
    alike = apart[[0, 1, 0, 1]]
    assert loss(alike, alike, [0, 0, 1, 1]) == pytest.approx(loss(apart, apart, [0, 0, 1, 1]))
    assert loss(alike, alike, [0, 0, 0, 0]) > loss(apart, apart, [0, 0, 0, 0]) + 1


def test_an_update_holds_two_different_questions_on_each_fact() -> None:
    first, second, thing = paraphrasing._drawn(paraphrasing.learned_from(), Random(1))
    assert len(first) == len(second) == len(thing)
    assert len(set(thing)) == paraphrasing.THINGS
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert not any(things.NAME in each or each != each.lower() for each in first)


@pytest.mark.models
def test_served_model_embeds_as_the_trained_one_which_learns(mpnet: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from training.conversion import make_encoder

    torch.manual_seed(1)
    model = Paraphrases(mpnet)
    few = [tuple(fact.asked for fact in each.facts[:2]) for each in things.learned_from()[:2]]
    losses = [each for each, _ in zip(train(model, few, minutes=5), range(16), strict=False)]
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    model.eval()
    trained, made = tmp_path / "trained", tmp_path / "made"
    model.save(trained)
    make_encoder(mpnet, trained, made)
    asked = ["how long until it tries again", "who looks after it"]
    served = SentenceTransformer(str(made), device="cpu", model_kwargs=QUICK)
    with torch.inference_mode():
        here = model(asked).numpy()
    there = served.encode(asked, normalize_embeddings=True)
    assert (here * there).sum(1) == pytest.approx([1, 1], abs=0.01)


@pytest.mark.models
def test_it_goes_on_from_another_and_keeps_a_share_of_what_it_learns_then(mpnet: Path) -> None:
    torch.manual_seed(1)
    asked = ["how long until it tries again"]
    model = Paraphrases(mpnet, SHIPPED).eval()
    before = model.vectors(asked)
    assert Paraphrases(mpnet).eval().vectors(asked) != pytest.approx(before, abs=1e-3)
    few = [tuple(fact.asked for fact in each.facts[:4]) for each in things.learned_from()[:2]]
    for _ in zip(train(model.train(), few, minutes=5), range(3), strict=False):
        pass
    assert model.eval().vectors(asked) != pytest.approx(before, abs=1e-3)
    model.keep(0)
    assert model.vectors(asked) == pytest.approx(before, abs=1e-5)


@pytest.mark.models
@pytest.mark.slow
def test_shipped_model_tells_more_questions_apart_than_what_it_was_made_of(mpnet: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folders = (mpnet, Path(django_settings.MODELS_DIR) / django_settings.PARAPHRASE_MODEL)
    plain, learned = (
        SentenceTransformer(str(each), device="cpu", model_kwargs=QUICK) for each in folders
    )
    before, after = (
        scores_of(partial(each.encode, normalize_embeddings=True), every=24)
        for each in (plain, learned)
    )
    assert len(after.right) > 150, "enough to tell the difference"
    assert after.right.mean() > before.right.mean() + 0.05
    assert len(report(after).splitlines()) == 2 + len(paraphrasing.OPEN)


def test_shipped_model_is_small() -> None:
    size = sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file())
    assert size < 4_000_000
