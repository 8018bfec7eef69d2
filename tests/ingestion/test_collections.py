"""Collections are told apart by their names, and found by them."""

import unicodedata

import pytest

from ingestion import services
from ingestion.errors import UserError
from ingestion.models import Collection
from ingestion.paths import collection_slug
from tests.people import People

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Team Docs", "team-docs"),
        ("team_docs-2", "team_docs-2"),
        ("  Crew ", "crew"),
        ("Café Ärzte", "cafe-arzte"),
        ("Ops: runbooks (internal)", "ops-runbooks-internal"),
        ("Ops — “runbooks”", "ops-runbooks"),
        ("Acme Inc.", "acme-inc"),
    ],
)
def test_name_that_its_address_spells_gets_no_digest(name: str, slug: str) -> None:
    assert collection_slug(name) == slug


@pytest.mark.parametrize(
    ("one", "other", "beginning"),
    [
        ("Кадры 2024", "Публичные 2024", "2024-"),
        ("Документация API", "Справочник API", "api-"),
        ("人事 v2", "公開 v2", "v2-"),
        ("C++", "C#", "c-"),
        ("R&D", "R/D", "rd-"),
        ("v1.2", "v1/2", "v12-"),
        ("10:30", "10,30", "1030-"),
        ("_drafts", "drafts_", "drafts-"),
        ("Straße", "Straøe", "strae-"),
        (f"{'a' * 150} one", f"{'a' * 150} two", "aaa"),
    ],
)
def test_names_that_an_address_cannot_tell_apart_get_a_digest(
    one: str, other: str, beginning: str
) -> None:
    slugs = [collection_slug(name) for name in (one, other)]
    assert len(set(slugs)) == 2
    for slug in slugs:
        assert slug.startswith(beginning)
        Collection(name="any", slug=slug).clean_fields()
    assert collection_slug(unicodedata.normalize("NFD", one)) == slugs[0]


@pytest.mark.parametrize("text", ["Team Docs", "team docs", "TEAM-DOCS", "team-docs"])
def test_collection_is_found_by_name_and_address_in_any_spelling(people: People, text: str) -> None:
    made = services.create_collection(actor=people.admin, name="Team Docs")
    assert Collection.objects.named(text) == made
    Collection.objects.filter(pk=made.pk).update(name="Über uns")
    assert Collection.objects.named(text) == made
    for name in ("Über uns", "über uns", unicodedata.normalize("NFD", "ÜBER-UNS")):
        assert Collection.objects.named(name) == made
    assert Collection.objects.named("Uber uns") is None
    assert Collection.objects.exclude(pk=made.pk).named(text) is None


def test_collection_with_an_address_of_old_is_found_by_its_name_alone(people: People) -> None:
    old = Collection.objects.create(name="Кадры 2024", slug="2024")
    assert Collection.objects.named("Кадры 2024") == old
    assert Collection.objects.named("Публичные 2024") is None
    new = services.create_collection(actor=people.admin, name="Публичные 2024")
    assert new.slug.startswith("2024-")
    with pytest.raises(UserError, match="taken"):
        services.create_collection(actor=people.admin, name="кадры 2024")


@pytest.mark.parametrize(
    ("name", "slug", "other", "address"),
    [
        ("C++", "c", "C", "c-"),
        ("C++", "c", "c", "c-"),
        ("Кадры 2024", "2024", "2024", "2024-"),
        (f"{'a' * 110} one", "a" * 100, "a" * 100, "aaa"),
    ],
)
def test_address_of_old_that_is_another_name_is_not_taken_for_it(
    people: People, name: str, slug: str, other: str, address: str
) -> None:
    old = Collection.objects.create(name=name, slug=slug)
    assert Collection.objects.named(other) is None
    made = services.create_collection(actor=people.admin, name=other)
    assert made.slug.startswith(address)
    assert (Collection.objects.named(other), Collection.objects.named(name)) == (made, old)
    assert Collection.objects.named(made.slug) == made
    with pytest.raises(UserError, match="taken"):
        services.create_collection(actor=people.admin, name=other)


def test_name_without_accents_is_another_one_and_the_address_stays_one(people: People) -> None:
    far = services.create_collection(actor=people.admin, name="Får")
    assert [Collection.objects.named(text) for text in ("Far", "FAR", "far", "får")] == [
        *(None, None, far, far)
    ]
    with pytest.raises(UserError, match="'far' is taken"):
        services.create_collection(actor=people.admin, name="Far")


@pytest.mark.parametrize("text", ["Acme Inc", "acme-inc", "ACME INC."])
def test_what_stands_at_the_edge_of_a_word_may_be_left_out(people: People, text: str) -> None:
    acme = services.create_collection(actor=people.admin, name="Acme Inc.")
    assert Collection.objects.named(text) == acme


def test_own_name_and_own_address_come_before_other_spellings() -> None:
    renamed = Collection.objects.create(name="People", slug="hr")
    people = Collection.objects.create(name="People", slug="people")
    crew = Collection.objects.create(name="Hr", slug="crew")
    assert [Collection.objects.named(text) for text in ("hr", "Hr", "HR")] == [
        *(renamed, crew, renamed)
    ]
    assert Collection.objects.named("People") == people


def test_name_whose_address_is_taken_is_refused(people: People) -> None:
    far = services.create_collection(actor=people.admin, name="Far")
    with pytest.raises(UserError, match="'far' is taken"):
        services.create_collection(actor=people.admin, name="Får")
    assert Collection.objects.named("Får") is None
    assert Collection.objects.named("far") == far


def rename(collection: Collection, name: str) -> None:
    services.edit_collection(
        collection=collection, actor=None, name=name, readers=[], default_doc_type="", policy="auto"
    )
    collection.refresh_from_db()


@pytest.mark.parametrize("name", ["Wiki", "WIKI", "wiki", "Team Docs", "team-docs"])
def test_collection_is_not_renamed_to_what_another_is_known_by(
    wiki: Collection, vault: Collection, name: str
) -> None:
    wiki.slug = "team-docs"
    wiki.save()
    with pytest.raises(UserError, match="taken"):
        rename(vault, name)
    vault.refresh_from_db()
    assert vault.name == "Vault"


def test_collection_may_take_its_own_name_in_other_spelling(vault: Collection) -> None:
    rename(vault, "VAULT")
    assert vault.name == "VAULT"


def test_one_of_two_of_the_same_name_can_still_be_edited() -> None:
    Collection.objects.create(name="People", slug="hr")
    second = Collection.objects.create(name="People", slug="people")
    rename(second, "People")
    rename(second, "Crew")
    assert second.name == "Crew"
