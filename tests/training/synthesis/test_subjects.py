"""What a passage is about, from the titles, headings and paths that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthesis.mined import MinedFrom
from training.synthesis.subjects import Subject, is_generic, names_in, subject_of


def subject(title: str, *headings: str, path: str = "", text: str = "", kind: str = "") -> Subject:
    names = names_in([title, text])
    return subject_of(MinedFrom(title, path, headings, kind or "prose", "", text, names))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("cormorant service handbook", "cormorant"),
        ("CORMORANT SERVICE HANDBOOK", "Cormorant"),
        ("tide-table service handbook", "tide-table"),
        ("Runbook: tide-table", "tide-table"),
        ("Petrel configuration reference", "Petrel"),
        ("About Petrel", "Petrel"),
        ("Petrel – operations", "Petrel"),
        ("Booking API", "the Booking API"),
        ("Telemetry Query API (TQ)", "the Telemetry Query API"),
        ("Sailings feed", "the Sailings feed"),
        ("Harbour Office", "the Harbour Office"),
    ],
)
def test_the_title_names_the_thing(title: str, name: str) -> None:
    found = subject(title)
    assert found.name.lower() == name.lower()
    assert found.is_thing


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Data retention policy", "the data retention policy"),
        ("Release process", "the release process"),
        ("Staff handbook", "the staff handbook"),
        ("On-call runbook", "the on-call runbook"),
        ("Your first week", '"Your first week"'),
        ("Wind and ice: stowing the dishes", '"Wind and ice: stowing the dishes"'),
        ("14. Where the tides come from", '"Where the tides come from"'),
        ("WHEN A GATE IS OFFLINE", '"When a gate is offline"'),
    ],
)
def test_a_document_of_rules_or_steps_is_named_itself(title: str, name: str) -> None:
    found = subject(title)
    assert found.name == name
    assert not found.is_thing


@pytest.mark.parametrize(
    ("title", "path", "text"),
    [
        ("Getting to know Petrel", "petrel/intro.md", ""),
        ("Getting to know Petrel", "intro.md", "The crew starts Petrel by hand."),
        ("Petrel, values in force", "petrel-values.md", "Petrel moves at night."),
        ("When Petrel needs you", "runbook.md", "Restart Petrel first. Petrel forgets nothing."),
        ("tide-table: what it is", "intro.md", ""),
    ],
)
def test_a_longer_title_has_the_name_of_the_thing(title: str, path: str, text: str) -> None:
    found = subject(title, path=path, text=text)
    assert found.name in ("Petrel", "tide-table")
    assert found.is_thing


@pytest.mark.parametrize(
    ("title", "path", "text"),
    [
        ("Ropes and ice: what to do", "ropes-ice.md", "Dry ropes are safe. Ropes that are wet …"),
        ("Rotating keys by hand", "rotating-keys-by-hand.md", "Rotating takes a day."),
        ("How Petrel talks to Heron", "petrel.md", "Then Petrel calls Heron."),
        ("Where the tides come from", "tides.md", "The Tides come from the Moon."),
    ],
)
def test_a_title_without_one_sure_name_stays_a_title(title: str, path: str, text: str) -> None:
    assert subject(title, path=path, text=text).name == f'"{title}"'


@pytest.mark.parametrize("title", ["", "Notes", "Glossary", "Configuration", "Index", "Overview"])
def test_a_title_of_a_kind_of_page_names_nothing(title: str) -> None:
    assert subject(title).name == ""


@pytest.mark.parametrize(
    "heading", ["Configuration", "At a glance", "Notes", "How it works", "3. Limits", "Day to day"]
)
def test_a_kind_of_section_neither_names_nor_narrows(heading: str) -> None:
    assert is_generic(heading)
    found = subject("cormorant handbook", heading)
    assert (found.name, found.topic) == ("cormorant", "")


def test_a_heading_that_is_a_name_wins_over_an_overview() -> None:
    assert subject("Service catalogue", "Billing").name == "Billing"
    assert subject("Service catalogue", "tide-table").name == "tide-table"
    assert subject("Settings and defaults", "Workers", "task_routes").name == "task_routes"


def test_another_heading_narrows_the_subject() -> None:
    found = subject("Booking API", "Webhooks")
    assert (found.name, found.topic) == ("the Booking API", "Webhooks")


def test_a_path_in_a_comment_or_a_heading_names_the_thing() -> None:
    text = "# tide-table/config/production.yaml\nport: 1\n"
    assert subject("Service settings", text=text, kind="code").name == "tide-table"
    found = subject("Notes", "CONFIGURATION (tide-table/config/production.yaml)")
    assert found.name == "tide-table"


def test_the_path_names_what_the_title_does_not() -> None:
    assert subject("Notes", path="services/tide-table/notes.md").name == "tide-table"


def test_the_file_tells_how_a_shouted_name_is_written() -> None:
    assert subject("TIDE-TABLE SERVICE HANDBOOK", path="a/tide-table.txt").name == "tide-table"


@pytest.mark.parametrize(
    ("title", "path", "name"),
    [
        ("STONE CISTERN - reservoir level control", "services/stone_cistern.txt", "Stone Cistern"),
        ("Petrel: what the crew has to know", "petrel.md", "Petrel"),
        ("Rules: what to do", "rules.md", ""),
        ("Leave policy - 2026", "leave-policy.md", '"Leave policy - 2026"'),
    ],
)
def test_a_title_that_describes_has_the_name_that_the_file_has(
    title: str, path: str, name: str
) -> None:
    assert subject(title, path=path).name == name


def test_a_plural_that_only_starts_sentences_is_no_name() -> None:
    assert names_in(["Invoices are kept. Invoices may be read. Petrel sails. Petrel sinks."]) == {
        "Petrel"
    }


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3), st.text(max_size=60))
def test_any_title_has_a_subject_or_none(title: str, headings: list[str], path: str) -> None:
    found = subject(title, *headings, path=path)
    assert bool(found.name) == bool(found.bare)
    assert not found.is_thing or found.name
