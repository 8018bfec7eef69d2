import itertools
import re

import pytest

from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from training.reader.data import Exercise, exercises

CITED = re.compile(r"(.+) \[(\d)\]")


def some(count: int, *, seed: int = 3, unseen: bool = False) -> list[Exercise]:
    return list(itertools.islice(exercises(seed, unseen=unseen), count))


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def shown(passage: Passage) -> str:
    return f"{passage.source} {passage.text}"


def test_the_same_seed_gives_the_same_exercises() -> None:
    assert some(20) == some(20)
    assert some(20) != some(20, seed=4)


@pytest.mark.parametrize("unseen", [False, True])
def test_every_answer_stands_in_the_passage_that_it_cites(*, unseen: bool) -> None:
    for exercise in some(150, unseen=unseen):
        for question, answer in exercise.questions:
            if answer == REFUSAL:
                continue
            cited = CITED.fullmatch(answer)
            assert cited, answer
            passage = exercise.passages[int(cited[2]) - 1]
            known = words(shown(passage)) | words(question)
            assert words(cited[1]) <= known, (question, answer, passage)


def test_a_fact_stands_in_one_passage_only() -> None:
    """Else the citation would be a matter of luck."""
    for exercise in some(150):
        answers = dict.fromkeys(exercise.questions)
        by_question: dict[str, set[str]] = {}
        for question, answer in answers:
            by_question.setdefault(question, set()).add(answer)
        assert all(len(found) == 1 for found in by_question.values())


def test_about_a_fifth_of_the_questions_cannot_be_answered() -> None:
    answers = [answer for exercise in some(300) for _, answer in exercise.questions]
    assert 0.15 < answers.count(REFUSAL) / len(answers) < 0.25


def test_exercises_fit_the_prompt_and_leave_no_slot_open() -> None:
    for exercise in some(200):
        assert 1 <= len(exercise.passages) <= MAX_PASSAGES
        assert exercise.questions
        text = " ".join([*map(shown, exercise.passages), *map(str, exercise.questions)])
        assert not re.search(r"\{(?!id\})\w+\}", text)


def test_held_out_companies_and_kinds_are_never_met_in_training() -> None:
    training = {question for exercise in some(300) for question, _ in exercise.questions}
    held_out = itertools.islice(exercises(3, held_out=True), 300)
    assert not training & {
        question
        for exercise in held_out
        for question, answer in exercise.questions
        if answer != REFUSAL and re.search(r"[a-z]-[a-z]|[A-Z][a-z]+[A-Z]", question)
    }
