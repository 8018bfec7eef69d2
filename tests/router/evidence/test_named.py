"""What a question names."""

import time

import pytest

from router.evidence.named import entities_of


@pytest.mark.parametrize(
    ("question", "entities"),
    [
        ("What is the port of cedar-vault in Skagen?", {"cedar-vault", "Skagen"}),
        ("cedar-vault's port, and that of fax_sender’s twin?", {"cedar-vault", "fax_sender"}),
        ("Who closed HO-2271?", {"HO-2271"}),
        ("What does `fax_sender` cost in March on Mondays?", {"fax_sender"}),
        ("How often do we re-try the cloud-based API (ms)?", set()),
        ("Which port do VMs use for mTLS?", set()),
        ("Who knows? Everybody does.", set()),
        ("Which way do the Harbor Gate's logs take, and Ada’s?", {"Harbor Gate", "Ada"}),
        ("Where in Europe or North America does Skagen lie?", {"Skagen"}),
        ("It is slow and I'd like to know what I've to do in Skagen.", {"Skagen"}),
    ],
)
def test_entities_are_what_the_question_names(question: str, entities: set[str]) -> None:
    assert set(entities_of(question)) == entities


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("It is slow.  (Skagen is not.)", set()),
        ("- Skagen\n\n  > Arhus", set()),
        ("Is it slow? * Skagen", set()),
        ("ask (Skagen) *Arhus", {"Skagen", "Arhus"}),
        # A word that is far from the start of the text begins no sentence.
        (f"{'slow ' * 9}Skagen", {"Skagen"}),
        (f"It is slow.{' ' * 30}Skagen", set()),
    ],
)
def test_first_word_of_a_sentence_is_no_name(text: str, entities: set[str]) -> None:
    assert set(entities_of(text)) == entities


@pytest.mark.parametrize(
    "text",
    ["." + " " * 900 + "x" + " Aa." * 270, "\n" * 900 + "x" + " Aa!" * 270],
    ids=["spaces", "lines"],
)
def test_names_behind_much_white_space_are_found_quickly(text: str) -> None:
    # Of this process, so that what else runs on the machine is of no account.
    started = time.process_time()
    entities_of(text)
    assert time.process_time() - started < 0.5
