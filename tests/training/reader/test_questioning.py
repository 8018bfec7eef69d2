"""What the model that writes questions learns from."""

from random import Random

from training.reader import sentences, things
from training.reader.questioning import MOST_CHARACTERS, judged, rows
from training.rows import Row


def made() -> list[Row]:
    return rows(sentences.learned_from()[:3], things.learned_from()[:3], Random(5))


def shown(row: Row) -> tuple[str, str, int]:
    line, value, count = row.messages[-1]["content"].split("\n")
    return line, value.removeprefix("Value: "), int(count.removeprefix("Questions: "))


def test_each_row_shows_a_line_with_its_value_and_holds_as_many_questions_as_it_asks_for() -> None:
    for row in made():
        line, value, count = shown(row)
        assert value in line
        questions = row.answer.split("\n")
        assert len(questions) == len(set(questions)) == count
        assert max(map(len, questions)) <= MOST_CHARACTERS + 40  # names are filled in afterwards


def test_questions_of_a_thing_and_its_line_have_the_same_name() -> None:
    learned = [one for one in things.learned_from() if all("{name}" in f.said for f in one.facts)]
    for row in rows([], learned[:2], Random(1)):
        line, _, _ = shown(row)
        name = line.split(":")[0].split(" > ")[0]
        assert all("{name}" not in question for question in row.answer.split("\n"))
        assert any(name.split()[0] in question for question in row.answer.split("\n"))


def test_same_seed_gives_the_same_rows_and_groups_hold_a_sequence() -> None:
    assert made() == made()
    groups = [int(row.group) for row in made()]
    assert groups == sorted(groups)


def test_what_is_kept_back_is_asked_as_a_whole() -> None:
    row = made()[0]
    (question,) = judged([row])
    assert (question.answers, question.messages) == ((row.answer,), row.messages)
