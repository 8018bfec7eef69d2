import time

import pytest

from router.evidence.claims import claims_of, literal_pattern


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
