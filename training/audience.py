"""For whom a run's model is, and what these may not read."""

import contextlib
from collections.abc import Iterator
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from ingestion.models import Collection, Reader
from training.datasets.manifest import read_manifest
from training.models import Dataset

Audience = frozenset[int]
"""Ids of the groups that may use a model; none: everybody."""
STAND_IN = r" [0-9a-f]{32}$"
"""How the name of an account of `somebody_of` ends, as a regular expression."""


class NobodyReadsJustThat(Exception):
    """Whoever may read what a model was trained on may read something else as well."""


def audience_of(dataset: Dataset) -> Audience:
    """The readers of its collections, all of which had the same when it was frozen."""
    collections = read_manifest(dataset.folder)["collections"]
    return frozenset(collections[0]["readers"])


def closed_to(audience: Audience) -> list[Collection]:
    """The collections that somebody of the audience may not read."""
    closed = []
    for collection in Collection.objects.prefetch_related("readers"):
        readers = {group.pk for group in collection.readers.all()}
        if readers and not (audience and audience <= readers):
            closed.append(collection)
    return closed


@contextlib.contextmanager
def somebody_of(audience: Audience, *, purpose: str) -> Iterator[Reader]:
    """Somebody who may read what everybody of the audience may, and nothing else.

    For everybody that is a stranger to all groups. For some groups it is an account that nobody
    can use, a member of one of them while the block lasts, and another one for each block. Its
    name is `purpose` and a number, with spaces, which no person's account can have. Raises
    `NobodyReadsJustThat` when every group reads something that another one does not.
    """
    if not audience:
        yield None
        return
    group = _group_without_more(audience)
    account = get_user_model().objects.create(
        username=f"{purpose} {uuid4().hex}", is_active=False, password=make_password(None)
    )
    try:
        account.groups.set([group])
        yield account
    finally:
        account.delete()


def _group_without_more(audience: Audience) -> Group:
    closed = {collection.pk for collection in closed_to(audience)}
    for group in Group.objects.filter(pk__in=audience).order_by("pk"):
        if not closed & set(group.collection_set.values_list("pk", flat=True)):
            return group
    raise NobodyReadsJustThat("No reader group of this model reads just what all of them may.")
