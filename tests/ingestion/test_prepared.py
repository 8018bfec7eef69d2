"""A prepared query gives what Django's own gives, for any keys, and its SQL is made once."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from pytest_django import DjangoAssertNumQueries

from docportal.models import User
from ingestion.models import Collection
from ingestion.prepared import Prepared
from tests.people import People

pytestmark = pytest.mark.django_db


def test_it_gives_the_same_rows_for_any_keys_and_makes_its_sql_once_for_a_length() -> None:
    keys = [Collection.objects.create(slug=f"c{n}", name=f"C{n}").pk for n in range(5)]
    Collection.objects.get(slug="c3").readers.add(Group.objects.create(name="crew"))
    made: list[int] = []

    def counted(among: Sequence[int]) -> QuerySet[Collection, tuple[int, str, int]]:
        made.append(len(among))
        rows = Collection.objects.filter(pk__in=among, policy="auto").order_by("pk")
        return rows.annotate(n=Count("readers")).values_list("pk", "name", "n")

    prepared = Prepared(counted)
    for wanted in ([], keys[:1], keys[3:4], keys[:3], keys[1:5], keys, [10**9]):
        among = Collection.objects.filter(pk__in=wanted).order_by("pk")
        expected = list(among.annotate(n=Count("readers")).values_list("pk", "name", "n"))
        assert prepared.rows(wanted) == expected
    assert made == [1, 4, 8]


def test_what_somebody_may_do_costs_one_query(
    people: People, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    writer = User.objects.get(pk=people.writer.pk)
    with django_assert_num_queries(1):
        assert writer.has_perm("training.change_qapair")
        assert not writer.has_perms(["training.change_qapair", "training.add_trainingrun"])
