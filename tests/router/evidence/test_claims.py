import time

import pytest

from router.evidence.claims import claims_of, entities_of, literal_pattern


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("The Risk Signals team owns it.", {"Risk Signals"}),
        ("Owners are in Berlin.", {"Berlin"}),
        ("Post in #oncall-eu or write to a.b@example.org.", {"#oncall-eu", "a.b@example.org"}),
        ("Run `make all` with --force", {"make all", "--force"}),
        ("Set max_retries in /etc/app.yaml", {"max_retries", "/etc/app.yaml"}),
        ("It says “never again”, e.g. often", {"never again"}),
        ("call flush() or maxRetries", {"flush()", "maxRetries"}),
        ("HTTP 503 by INC-12", {"HTTP", "503", "INC-12"}),
        ("Wait 25 MB and 5s.", {"25 MB", "5s"}),
        ("One of the events is parked", set()),
        ("", set()),
    ],
)
def test_claims_are_what_can_be_checked(answer: str, claims: set[str]) -> None:
    assert {claim.text for claim in claims_of(answer)} == claims


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
    ("text", "found_in", "not_in"),
    [
        ("v2", "in v2, now", "in v2.1"),
        ("retry", "set retry: 5", "set re-retry"),
        ("example.org", "at example.org.", "at mail.example.org"),
        ("/v4", "GET /v4 HTTP", "GET /v4/contacts"),
        ("cedar-vault", "the Cedar Vault", "the cedar-vaults"),
        ("limit=5", "limit: 5", "limit: 50"),
        ("make all", "make\n  all", "make allow"),
    ],
)
def test_literal_is_found_whole_only(text: str, found_in: str, not_in: str) -> None:
    pattern = literal_pattern(text)
    assert pattern.search(found_in.lower())
    assert not pattern.search(not_in.lower())


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


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("ask Ada O’Brien", {"Ada O’Brien"}),
        ("ask Bo McKay", {"Bo McKay", "McKay"}),
        ("of HQs", {"HQs"}),
        ("D'Arcy X2y", {"D'Arcy X2y", "X2y"}),
        ("I've seen I’d", set()),
        ("ABC DEF", {"ABC", "DEF"}),
    ],
)
def test_name_begins_with_a_capital_and_has_a_small_letter(answer: str, claims: set[str]) -> None:
    assert {claim.text for claim in claims_of(answer)} == claims


def test_answer_of_long_words_that_is_no_name_is_read_quickly() -> None:
    started = time.process_time()
    claims_of(f"{' '.join(['A' + 'b' * 44] * 4)} /")
    assert time.process_time() - started < 0.5
