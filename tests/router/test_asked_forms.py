"""A question alone tells how its answer is written."""

import numpy as np
import pytest
from pytest_django import Settings

from router.asked_forms import WEIGHTS, asked_forms, forms_by
from router.evidence.forms import Form
from router.prompts import Passage
from router.relevance import Relevance

DIMENSION = np.load(WEIGHTS)["of"].shape[1]
VECTOR = np.eye(1, DIMENSION, dtype=np.float32)[0]
QUAY = [Passage("Loomgate", "Network", "Loomgate listens on port 8080.")]


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("Loomgate fqdn?", Form.DOTTED),
        ("how fast may a client hammer Loomgate?", Form.RATE),
        ("who do I bother about the internals of Loomgate", Form.NAME),
        ("Loomgate cert end date", Form.MOMENT),
        ("in which folder do I tail Loomgate", Form.PATH),
        ("data lifetime of Loomgate", Form.DURATION),
        ("what fine does Loomgate charge by itself?", Form.MONEY),
    ],
)
def test_words_that_no_list_has_tell_the_form(
    embedding_server: str, settings: Settings, question: str, form: Form
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    told = Relevance(question).forms(QUAY)
    assert told is not None
    assert told.more[form] > 3
    assert sum(told.probable.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.models
def test_a_name_says_nothing_of_the_form(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    told = [
        Relevance(f"Which host does {name} have?").forms([Passage(name, "", "It has one.")])
        for name in ("Loomgate", "Moneybox")
    ]
    assert told[0] == told[1]


def test_nobody_knows_the_form_without_a_server_and_it_is_asked_once(settings: Settings) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    relevance = Relevance("Which port?")
    assert relevance.forms(QUAY) is None
    assert relevance.forms(QUAY) is None
    assert Relevance("Which port?", is_asked=False).forms(QUAY) is None


def test_nobody_knows_the_form_by_the_vector_of_another_model() -> None:
    assert forms_by(np.eye(1, DIMENSION // 2, dtype=np.float32)[0]) is None


def test_factor_and_share_are_of_the_forms_that_values_have() -> None:
    told = forms_by(VECTOR)
    assert told is not None
    assert told.factor_of("8 days") == told.more[Form.DURATION]
    assert told.factor_of("Yes, for 8 days.") == told.factor_of("") == 1
    both = told.share_in({Form.DURATION, Form.MONEY})
    assert both == told.probable[Form.DURATION] + told.probable[Form.MONEY]


@pytest.mark.parametrize(
    ("question", "is_known"),
    [
        ("Is Loomgate open at night?", False),
        ("Does it wait?", False),
        ("Why is it slow?", False),
        ("How do I restart it?", False),
        ("How does it wait?", True),
        ("Can you tell me which port it has?", True),
        ("Would you know the number of doors?", True),
        ("fqdn?", True),
    ],
)
def test_who_asks_for_a_verdict_a_reason_or_a_way_asks_for_no_form(
    question: str, is_known: bool
) -> None:
    assert (asked_forms(question, VECTOR) is not None) is is_known
