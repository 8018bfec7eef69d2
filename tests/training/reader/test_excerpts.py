"""Exercises of the form in which the portal asks its reader."""

from random import Random

from router.prompts import REFUSAL, reader_messages
from router.text import marks, without_marks
from training.reader import excerpts
from training.reader.choosing import NONE, Exercise, exercises_of_things
from training.reader.sentences import Line

RETRIES = Exercise(
    "How often is a call tried again?",
    "9 times",
    (
        Line("Night bell > Limits", "A call is tried again 9 times."),
        Line("Night bell > Limits", "A call may take 40 seconds."),
        Line("Dawn horn > Limits", "A call is tried again 12 times."),
    ),
    0,
)


def test_answer_stands_in_the_passage_that_it_cites() -> None:
    made = exercises_of_things(Random(1))[:2_000]
    refused = 0
    for exercise in excerpts.exercises(Random(2), made):
        ((_, answer),) = exercise.questions
        refused += answer == REFUSAL
        if answer != REFUSAL:
            (number,) = marks(answer)
            assert without_marks(answer) in exercise.passages[number - 1].text
    assert 0.08 < refused / len(made) < 0.25


def test_lines_of_one_source_are_one_passage() -> None:
    for seed in range(20):
        (exercise,) = excerpts.exercises(Random(seed), [RETRIES])
        titles = [one.title for one in exercise.passages]
        assert "Night bell > Limits" in titles
        assert len(titles) == len(set(titles))


def test_other_numbers_are_the_same_in_lines_and_answer() -> None:
    said = {
        exercise.questions[0][1]
        for seed in range(40)
        for exercise in excerpts.exercises(Random(seed), [RETRIES])
    }
    assert len({without_marks(one) for one in said}) > 5


def test_the_model_reads_the_headings_and_the_lines() -> None:
    (exercise,) = excerpts.exercises(Random(3), [RETRIES])
    given = reader_messages(exercise.questions[0][0], exercise.passages)[-1]["content"]
    assert 'source="Night bell > Limits"' in given
    assert "A call may take" in given


def test_of_what_nothing_answers_most_is_asked() -> None:
    opened = Exercise("Who calls?", "", RETRIES.lines, NONE)
    made = list(excerpts.exercises(Random(4), [opened] * 200))
    assert 110 < len(made) < 170
    assert all(one.questions == (("Who calls?", REFUSAL),) for one in made)


def test_some_have_the_right_line_alone_and_none_is_without_it() -> None:
    made = [one for seed in range(200) for one in excerpts.exercises(Random(seed), [RETRIES])]
    lines = [sum(one.text.count("\n") + 1 for one in exercise.passages) for exercise in made]
    assert set(lines) == {1, 2, 3}
    for exercise in made:
        ((_, answer),) = exercise.questions
        (number,) = marks(answer)
        assert without_marks(answer) in exercise.passages[number - 1].text


def test_of_what_nothing_answers_some_line_is_always_shown() -> None:
    opened = Exercise("Who calls?", "", RETRIES.lines[:1], NONE)
    for exercise in excerpts.exercises(Random(5), [opened] * 100):
        assert len(exercise.passages) == 1
