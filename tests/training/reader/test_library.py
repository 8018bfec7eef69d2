import itertools
import re
from collections import Counter
from random import Random

import pytest

from router.prompts import MAX_PASSAGE_BYTES, REFUSAL, Passage, reader_messages
from training.reader import library, redrawing
from training.reader.data import Exercise, exercises, from_library
from training.reader.library import Organisation
from training.reader.worlds import World

ORGANISATIONS = library.organisations()


def some(count: int, *, held_out: bool = False) -> list[Exercise]:
    return list(itertools.islice(from_library(3, held_out=held_out), count))


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda each: each.kind)
def test_answers_are_parts_of_their_passage(organisation: Organisation) -> None:
    for passage in organisation.passages:
        assert len(passage.text.encode()) < MAX_PASSAGE_BYTES
        assert len(passage.asks) >= 8, passage.heading
        assert len(passage.open) >= 3, passage.heading
        for question, answer in passage.asks:
            assert answer in passage.text, (question, answer)


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda each: each.kind)
def test_no_question_is_asked_twice(organisation: Organisation) -> None:
    asked = Counter(
        question.lower()
        for passage in organisation.passages
        for question in [*(question for question, _ in passage.asks), *passage.open]
    )
    assert [question for question, times in asked.items() if times > 1] == []


def test_redrawn_answers_stand_in_the_passage_that_they_cite() -> None:
    for exercise in some(1_000):
        for question, answer in exercise.questions:
            if answer != REFUSAL:
                text, number = re.fullmatch(r"(.+) \[(\d)\]", answer, re.DOTALL).groups()  # type: ignore[union-attr]
                assert text in exercise.passages[int(number) - 1].text, question


def test_the_prompt_has_room_for_every_passage() -> None:
    for exercise in some(1_000):
        message = reader_messages("?", exercise.passages)[1]["content"]
        assert all(passage.text in message for passage in exercise.passages)


def test_most_passages_have_siblings_and_some_rows_answer_nothing() -> None:
    told = some(500)
    assert sum(len(exercise.passages) > 1 for exercise in told) > 375
    silent = sum(all(a == REFUSAL for _, a in exercise.questions) for exercise in told)
    assert 10 < silent < 75


def test_about_a_fifth_of_the_questions_cannot_be_answered() -> None:
    answers = [answer for exercise in some(500) for _, answer in exercise.questions]
    assert 0.15 < answers.count(REFUSAL) / len(answers) < 0.22


def test_the_answering_passage_stands_anywhere() -> None:
    places = Counter(
        answer[-2]
        for exercise in some(500)
        for _, answer in exercise.questions
        if answer[-1] == "]"
    )
    assert set(places) == set("1234")


def test_held_out_organisations_are_never_trained() -> None:
    def passages(organisations: list[Organisation]) -> set[str]:
        """Their openings without names and numbers, which change."""
        return {shape(p.title, p.heading) for each in organisations for p in each.passages}

    def shape(title: str, heading: str) -> str:
        return re.sub(r"\d+", "0", f"{title} > {heading}")

    held_out = passages([each for each in ORGANISATIONS if each.held_out])
    trained = itertools.islice(exercises(5), 400)
    met = {shape(p.title, p.heading) for exercise in trained for p in exercise.passages}
    assert not met & held_out
    measured = some(200, held_out=True)
    assert {shape(p.title, p.heading) for e in measured for p in e.passages} & held_out


def test_more_than_half_of_the_exercises_are_of_the_library() -> None:
    titles = {p.title for each in ORGANISATIONS for p in each.passages}

    def written(exercise: Exercise) -> bool:
        return any(passage.title in titles for passage in exercise.passages)

    assert 0.3 < sum(map(written, itertools.islice(exercises(6), 400))) / 400 < 0.7


def test_the_same_seed_gives_the_same_exercises() -> None:
    assert some(20) == some(20)


def test_a_file_is_read_into_passages() -> None:
    read = library.read(
        "organisation: A Mill\nkind: mill\nheld out: yes\nswap: North, South; East\n"
        "people: Ann Lee\n\n@ f | T | H\nOne.\nTwo.\n? a? // b? | One\n! c? // d?\n"
    )
    assert (read.name, read.kind, read.held_out) == ("A Mill", "mill", True)
    assert read.swaps == ((("North", "South"), ("North", "South", "East")),)
    assert read.passages == (
        library.Written("f", "T", "H", "One.\nTwo.", (("a?", "One"), ("b?", "One")), ("c?", "d?")),
    )


def test_numbers_keep_their_order_and_what_they_stand_for() -> None:
    text = "1. Wait 5 min, 30 at most.\n2. In 2024 it was 45 %. Ring 112. HTTP 503. By 8 pm. 24 h."
    seen = set()
    for seed in range(50):
        changed = redrawing.renumbering(Random(seed), text)(text)
        kept = re.fullmatch(
            r"1\. Wait (\d+) min, (\d+) at most\.\n"
            r"2\. In 2024 it was (\d+) %\. Ring 112\. HTTP 503\. By 8 pm\. 24 h\.",
            changed,
        )
        assert kept, changed
        first, second, share = map(int, kept.groups())
        assert 3 <= first < second < share < 100
        seen.add(changed)
    assert len(seen) > 20


def test_times_move_together_and_codes_keep_their_form() -> None:
    text = "Open 07:30 to 16:45, form WD-4417."
    for seed in range(20):
        changed = redrawing.renumbering(Random(seed), text)(text)
        kept = re.fullmatch(r"Open (\d\d):(\d\d) to (\d\d):(\d\d), form WD-\d{4}\.", changed)
        assert kept, changed
        first, minute, last, other = map(int, kept.groups())
        assert 60 * (last - first) + other - minute == 9 * 60 + 15


def test_names_change_in_every_form() -> None:
    rename = redrawing.renaming(
        World(Random(1)), Random(1), ((("Alder",), ("Rowan",)),), ("Ines Varga",)
    )
    changed = rename("Ward Alder, alder, Balder: Ines Varga, Ms Varga, Ines").split(": ")
    assert changed[0] == "Ward Rowan, rowan, Balder"
    assert "Ines" not in changed[1]
    first, last = changed[1].split(", ")[0].split()
    assert changed[1] == f"{first} {last}, Ms {last}, {first}"


def test_a_passage_shows_the_model_what_the_portal_would() -> None:
    exercise = some(1)[0]
    assert all(isinstance(passage, Passage) and passage.text for passage in exercise.passages)


def test_the_library_is_large_and_its_organisations_differ() -> None:
    passages = [passage for each in ORGANISATIONS for passage in each.passages]
    assert len({each.kind for each in ORGANISATIONS}) == len(ORGANISATIONS) >= 40
    assert sum(each.held_out for each in ORGANISATIONS) >= 4
    assert len(passages) >= 490
    assert sum(len(passage.asks) for passage in passages) >= 6_000
    assert len({passage.text for passage in passages}) == len(passages)


def test_plurals_change_with_their_name() -> None:
    rename = redrawing.renaming(World(Random(1)), Random(1), ((("Mule",), ("Otter",)),), ())
    assert rename("Mules, a mule's, mulish") == "Otters, a otter's, mulish"
