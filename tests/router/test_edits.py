"""What of an edited passage is what it was."""

from router.edits import kept_sentences

BEFORE = "The sender retries 9 times. It waits for 30 seconds. Then the event is parked."


def kept(text: str, *earlier: str, of_lines: bool = False) -> tuple[int, ...]:
    return kept_sentences(text, earlier, of_lines=of_lines)


def test_all_of_a_text_that_stayed_is_kept() -> None:
    assert kept(BEFORE, BEFORE) == (0, 1, 2)


def test_nothing_is_kept_of_what_was_not_there() -> None:
    assert kept(BEFORE) == ()
    assert kept(BEFORE, "Events are parked.") == ()


def test_sentence_is_not_kept_where_the_one_before_it_is_another() -> None:
    """Of what *it* waits for 30 seconds is another matter now."""
    assert kept(BEFORE.replace("The sender", "The courier"), BEFORE) == (2,)


def test_sentence_goes_on_behind_an_addition() -> None:
    assert kept(f"{BEFORE} Nobody is told.", BEFORE) == (0, 1, 2)


def test_line_that_changed_its_parent_is_not_kept() -> None:
    before = "staging:\n  timeout: 30s\nproduction:\n  timeout: 60s"
    now = "staging:\n  timeout: 60s\nproduction:\n  timeout: 30s"
    assert kept(now, before) == (0,)


def test_rows_and_items_are_kept_each_by_itself() -> None:
    before = "- Port: 8080\n- Region: eu-north-2\n  - Zone: b"
    now = "- Region: eu-north-2\n  - Zone: b\n- Port: 8080"
    assert kept(now, before, of_lines=True) == (0, 1, 2)
    assert kept(now, before) == (1,)


def test_term_is_kept_with_what_stands_below_it() -> None:
    before = "Chat\n#hold\n\nPort\n8080\n\nZone\nb"
    assert kept("Chat\n#night\n\nPort\n8080\n\nZone\nc", before) == (1,)


def test_inner_item_is_kept_with_its_parent_only() -> None:
    before = "- Staging\n  - Port: 8080\n- Production\n  - Port: 9090"
    now = "- Staging\n  - Port: 9090\n- Production\n  - Port: 8080"
    assert kept(now, before, of_lines=True) == (0, 2)


def test_every_earlier_text_counts() -> None:
    assert kept("One stays. Two as well. Three goes.", "One stays.", "Two as well.") == (0,)
    assert kept("A: 1\nB: 2\nC: 3", "B: 2", "C: 3", of_lines=True) == (1, 2)
