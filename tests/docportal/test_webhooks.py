"""Webhooks: who is told what, once it happened, and how often until it was taken."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from docportal import webhooks
from docportal.delivering import KEPT, MAX_ATTEMPTS, deliver_due, pause
from docportal.models import User
from docportal.webhooks import WithSecret
from ingestion import services
from ingestion.errors import UserError
from ingestion.hooks import announce
from ingestion.models import AuditEvent, Collection, Delivery, DocumentVersion, Event, Webhook
from router import registry
from tests.docportal.api.live import ROOT, database_url
from tests.docportal.receiver import Receiver, receiving
from tests.documents import fail, passage, publish, upload
from tests.model_files import Workshop
from tests.people import People, logged_in
from tests.scripted_llm import ScriptedLLM
from training import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

State = Delivery.State
EVERYTHING = [event for event, _ in webhooks.CHOICES]
SAID = "The aviary lodges 17 zebras."


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_HOSTS = ["localhost"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def made(receiver: Receiver, people: People) -> WithSecret:
    """Of an admin who may not read the vault."""
    return webhooks.create(owner=people.admin, url=receiver.url, events=EVERYTHING, collections=[])


def join(user: User, group: str) -> None:
    user.groups.add(Group.objects.get_or_create(name=group)[0])


def happen(collection: Collection, *paths: str) -> None:
    for path in paths:
        number = DocumentVersion.objects.count()
        publish(collection, path, [passage(f"{SAID} {number}")], title="Aviary")


def due_again() -> None:
    """As after the pause, and after the lease of a worker that died."""
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(state=State.WAITING).update(due_at=past)
    Delivery.objects.filter(lease_until__isnull=False).update(lease_until=past)


# --- What is told -------------------------------------------------------------------------------
def test_documents_are_told_of_in_the_order_in_which_it_happened(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    happen(wiki, "a.md", "b.md", "a.md")
    fail(wiki, "c.md", "It is a scan.")
    deliver_due()
    assert receiver.events == ["document.ready"] * 3 + ["document.failed"]
    told = [got.body["data"] for got in receiver.got]
    assert [(one["path"], one["version"]) for one in told[:3]] == [
        ("a.md", 1), ("b.md", 1), ("a.md", 2),
    ]  # fmt: skip
    assert told[0] == {
        "document": DocumentVersion.objects.earliest("pk").document.slug,
        "collection": "wiki", "path": "a.md", "title": "Aviary",
        "version": 1, "served": True,
    }  # fmt: skip
    assert told[3]["failure"] == "scanned"
    assert SAID not in str(receiver.got)
    assert {one.state for one in Delivery.objects.all()} == {State.DELIVERED}
    assert {one.status for one in Delivery.objects.all()} == {204}
    deliver_due()
    assert len(receiver.got) == 4


def test_models_and_runs_are_told_of(
    made: WithSecret, receiver: Receiver, wiki: Collection, workshop: Workshop, llm: ScriptedLLM
) -> None:
    llm.adapters = {}
    first, second = (workshop.candidate(merged=None, readers={wiki.pk: ()}) for _ in range(2))
    with pytest.raises(UserError):
        registry.roll_back(by=None)
    registry.promote(first, by=None)
    registry.promote(second, by=None)
    registry.promote(second, by=None)
    registry.roll_back(by=None)
    run = runs.request(collections=[wiki], by=None, enqueue=False)
    runs.cancel(run=run, by=None)
    deliver_due()
    assert [(got.body["event"], got.body["data"]) for got in receiver.got] == [
        ("model.promoted", {"model": first.name, "instead_of": None}),
        ("model.promoted", {"model": second.name, "instead_of": first.name}),
        ("model.rolled_back", {"model": first.name, "instead_of": second.name}),
        ("run.ended", {"run": run.number, "state": "cancelled", "model": None}),
    ]


def test_only_the_events_and_collections_that_were_chosen_are_told(
    people: People, receiver: Receiver, wiki: Collection
) -> None:
    other = Collection.objects.create(slug="other", name="Other")
    owner, url = people.admin, receiver.url
    webhooks.create(owner=owner, url=url, events=["document.failed"], collections=[])
    webhooks.create(owner=owner, url=f"{url}/o", events=["document.ready"], collections=[other])
    happen(wiki, "a.md")
    happen(other, "b.md")
    fail(wiki, "c.md", "It is a scan.")
    deliver_due()
    assert [(got.path, got.body["data"]["path"]) for got in receiver.got] == [
        ("/hook/o", "b.md"),
        ("/hook", "c.md"),
    ]


def test_what_was_rolled_back_is_not_told(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    """The telling is part of the transaction."""

    def break_off() -> None:
        with transaction.atomic():
            happen(wiki, "a.md")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    deliver_due()
    assert receiver.got == []
    assert not Delivery.objects.exists()


# --- Who is told --------------------------------------------------------------------------------
def test_collection_that_its_owner_may_not_read_now_stays_chosen(
    made: WithSecret, people: People, wiki: Collection, vault: Collection
) -> None:
    made.webhook.collections.set([vault])

    def edited(*collections: Collection) -> set[Collection]:
        found = made.webhook
        webhooks.edit(
            webhook=found,
            by=people.admin,
            url=found.url,
            events=EVERYTHING,
            collections=collections,
        )
        return set(found.collections.all())

    assert edited() == {vault}
    assert edited(wiki) == {vault, wiki}


def test_nobody_is_told_of_what_he_may_not_read(
    made: WithSecret, receiver: Receiver, people: People, vault: Collection
) -> None:
    happen(vault, "keys.md")
    deliver_due()
    assert receiver.got == []
    assert Delivery.objects.get().state == State.WITHHELD
    join(people.admin, "security")
    happen(vault, "keys.md")
    deliver_due()
    assert [got.body["data"]["version"] for got in receiver.got] == [2]


def test_what_counts_is_what_the_owner_may_read_when_it_is_sent(
    made: WithSecret, receiver: Receiver, people: People, vault: Collection
) -> None:
    join(people.admin, "security")
    happen(vault, "keys.md")
    people.admin.groups.remove(Group.objects.get(name="security"))
    deliver_due()
    assert receiver.got == []
    assert Delivery.objects.get().state == State.WITHHELD


@pytest.mark.parametrize("ended", ["role", "account", "collection closed"])
def test_who_is_no_admin_any_more_is_told_nothing(
    ended: str, made: WithSecret, receiver: Receiver, people: People, wiki: Collection
) -> None:
    happen(wiki, "a.md")
    if ended == "role":
        people.admin.groups.clear()
    elif ended == "account":
        User.objects.filter(pk=people.admin.pk).update(is_active=False)
    else:
        wiki.readers.add(Group.objects.create(name="few"))
    deliver_due()
    assert receiver.got == []
    assert Delivery.objects.get().state == State.WITHHELD


def test_model_is_told_of_to_those_who_may_read_all_that_it_was_taught(
    made: WithSecret,
    receiver: Receiver,
    people: People,
    wiki: Collection,
    vault: Collection,
) -> None:
    both = [wiki.pk, vault.pk]
    announce(Event.PROMOTED, collections=both, facts={"model": "docs-v0001"})
    deliver_due()
    assert receiver.got == []
    join(people.admin, "security")
    announce(Event.PROMOTED, collections=both, facts={"model": "docs-v0001"})
    deliver_due()
    assert receiver.events == ["model.promoted"]


# --- By whom it was told ------------------------------------------------------------------------
def documented_check(now: Callable[[], float] = time.time) -> Callable[[str, str, bytes], bool]:
    """What docs/api.md gives to receivers."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(import hashlib.*?)```", text, flags=re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(block[1], names)  # noqa: S102  It is ours.
    names["time"] = SimpleNamespace(time=now)
    check: Callable[[str, str, bytes], bool] = names["verified"]
    return check


def test_receiver_knows_who_told_it_and_when(
    made: WithSecret, receiver: Receiver, wiki: Collection, people: People
) -> None:
    happen(wiki, "a.md")
    deliver_due()
    (got,) = receiver.got
    signature, verified = got.headers["Docportal-Signature"], documented_check()
    assert verified(made.secret, signature, got.raw)
    assert not verified(made.secret, signature, got.raw.replace(b"a.md", b"b.md"))
    assert not verified(f"{made.secret}x", signature, got.raw)
    assert not documented_check(lambda: time.time() + 400)(made.secret, signature, got.raw)
    assert got.headers["Docportal-Delivery"] == got.body["id"] == str(Delivery.objects.get().key)
    assert got.headers["Docportal-Event"] == "document.ready"
    changed = webhooks.rotate(webhook=made.webhook, by=people.admin)
    happen(wiki, "b.md")
    deliver_due()
    later, got = receiver.got[1].headers["Docportal-Signature"], receiver.got[1]
    assert verified(changed.secret, later, got.raw)
    assert not verified(made.secret, later, got.raw)


def test_database_does_not_hold_the_secret(made: WithSecret, settings: Settings) -> None:
    row = str(Webhook.objects.values().get()) + str(list(AuditEvent.objects.values()))
    assert made.secret not in row
    assert made.secret.removeprefix("whsec_") not in row


# --- Until it was taken -------------------------------------------------------------------------
@pytest.mark.parametrize("status", [500, 404, 301, 199 + 200])
def test_what_was_not_taken_is_told_again_later_under_the_same_id(
    status: int, made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    receiver.statuses.append(status)
    happen(wiki, "a.md")
    deliver_due()
    waits = Delivery.objects.get()
    assert (waits.state, waits.status, waits.attempts) == (State.WAITING, status, 1)
    assert waits.due_at > timezone.now() + timedelta(seconds=20)
    deliver_due()
    assert len(receiver.got) == 1
    due_again()
    deliver_due()
    first, second = receiver.got
    assert first.raw == second.raw
    assert first.body["id"] == second.headers["Docportal-Delivery"]
    assert Delivery.objects.get().state == State.DELIVERED


def test_after_enough_attempts_it_is_given_up_and_shown(
    made: WithSecret, receiver: Receiver, wiki: Collection, people: People, admin: Client
) -> None:
    receiver.statuses.extend([500] * (MAX_ATTEMPTS + 1))
    happen(wiki, "a.md")
    for _ in range(MAX_ATTEMPTS + 3):
        deliver_due()
        due_again()
    assert len(receiver.got) == MAX_ATTEMPTS
    given_up = Delivery.objects.get()
    assert (given_up.state, given_up.status) == (State.GIVEN_UP, 500)
    page = unescape(admin.get(f"/webhooks/{made.webhook.pk}/").content.decode())
    assert "Given up" in page
    assert "It did not answer with 2xx." in page
    admin.post(f"/webhooks/{made.webhook.pk}/deliveries/{given_up.pk}/again/")
    receiver.statuses.clear()
    deliver_due()
    assert Delivery.objects.get().state == State.DELIVERED
    assert {got.body["id"] for got in receiver.got} == {str(given_up.key)}


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = [pause(attempts) for attempts in range(1, MAX_ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=30), timedelta(hours=6))


def test_receiver_that_fails_holds_up_nobody_else(
    made: WithSecret, receiver: Receiver, people: People, wiki: Collection
) -> None:
    with receiving() as well:
        webhooks.create(owner=people.admin, url=well.url, events=EVERYTHING, collections=[])
        receiver.statuses.extend([500] * 10)
        happen(wiki, "a.md", "b.md", "c.md")
        deliver_due()
        assert [got.body["data"]["path"] for got in well.got] == ["a.md", "b.md", "c.md"]
    # One attempt is enough to see that it does not take them now.
    assert len(receiver.got) == 1


SEND = """
import django
django.setup()
from docportal.delivering import deliver_due
deliver_due()
"""


def test_worker_that_is_killed_before_it_notes_that_it_sent_loses_nothing(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    happen(wiki, "a.md")
    receiver.statuses.append(0)
    variables = {
        "DJANGO_SETTINGS_MODULE": "docportal.settings",
        "DATABASE_URL": database_url(),
        "WEBHOOK_ALLOWED_HOSTS": "localhost",
    }
    worker = subprocess.Popen([sys.executable, "-c", SEND], cwd=ROOT, env=os.environ | variables)
    assert receiver.came.acquire(timeout=60)
    worker.kill()
    worker.wait()
    assert receiver.left.wait(30)
    deliver_due()
    assert len(receiver.got) == 1, "The dead worker still has it."
    due_again()
    deliver_due()
    sent, again = receiver.got
    assert sent.raw == again.raw
    assert Delivery.objects.get().state == State.DELIVERED


def test_one_that_every_worker_dies_of_does_not_stand_before_the_others(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    happen(wiki, "a.md", "b.md")
    deadly = Delivery.objects.earliest("pk")
    Delivery.objects.filter(pk=deadly.pk).update(attempts=MAX_ATTEMPTS)
    deliver_due()
    assert [got.body["data"]["path"] for got in receiver.got] == ["b.md"]
    deadly.refresh_from_db()
    assert deadly.state == State.GIVEN_UP


def test_worker_that_lost_its_delivery_writes_nothing(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    from docportal import delivering

    happen(wiki, "a.md")
    delivery = Delivery.objects.get()
    slow = delivering.Claim(delivery, delivery.fence)
    deliver_due()
    delivering._failed(slow, 500, "Too late.")
    assert Delivery.objects.get().state == State.DELIVERED


def test_old_deliveries_are_forgotten(
    made: WithSecret, receiver: Receiver, wiki: Collection
) -> None:
    happen(wiki, "a.md", "b.md")
    deliver_due()
    old = Delivery.objects.earliest("pk")
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - KEPT)
    deliver_due()
    assert [one.facts["path"] for one in Delivery.objects.all()] == ["b.md"]


# --- What admins do -----------------------------------------------------------------------------
@pytest.fixture
def admin(people: People) -> Client:
    return logged_in(people.admin)


@pytest.fixture
def colleague(people: People) -> Client:
    """Another admin, who may read the vault."""
    user = User.objects.create_user("colleague")
    user.groups.set(Group.objects.filter(name__in=["admin", "security"]))
    return logged_in(user)


def test_admin_makes_tests_edits_disables_and_removes_one(
    admin: Client, receiver: Receiver, wiki: Collection
) -> None:
    values = {"url": receiver.url, "events": ["document.ready"], "collections": [wiki.pk]}
    page = admin.post("/webhooks/", values)
    webhook, secret = Webhook.objects.get(), page.context["made"].secret
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    address = f"/webhooks/{webhook.pk}/"
    assert secret not in admin.get("/webhooks/").content.decode()
    assert secret not in admin.get(address).content.decode()
    admin.post(f"{address}test/")
    deliver_due()
    assert receiver.got[0].body["event"] == "test"
    assert receiver.got[0].body["data"] == {}
    changed = admin.post(f"{address}secret/").context["secret"]
    assert changed not in (secret, "")
    edited = {"url": f"{receiver.url}/2", "events": ["document.failed", "run.ended"]}
    assert admin.post(address, edited).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.events, webhook.url) == ("document.failed run.ended", f"{receiver.url}/2")
    assert not webhook.collections.exists()
    admin.post(f"{address}switch/")
    fail(wiki, "c.md", "It is a scan.")
    assert admin.post(f"{address}test/").status_code == 400
    admin.post(f"{address}switch/", {"enable": "1"})
    fail(wiki, "d.md", "It is a scan.")
    deliver_due()
    assert [got.body["data"].get("path") for got in receiver.got[1:]] == ["d.md"]
    assert admin.post(f"{address}remove/").status_code == 302
    assert not Delivery.objects.exists()
    verbs = AuditEvent.objects.filter(detail__contains=f"{webhook.pk} to localhost")
    assert [event.verb for event in verbs.order_by("pk")] == [
        "made a webhook", "tested a webhook", "changed the secret of a webhook",
        "edited a webhook", "disabled a webhook", "enabled a webhook", "removed a webhook",
    ]  # fmt: skip
    assert not AuditEvent.objects.filter(detail__contains="/hook").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "http://intranet/"}, "WEBHOOK_ALLOWED_HOSTS"),
        ({"url": "https://a:b@example.org"}, "Leave user, password"),
        ({"url": "https://example.org/" + "x" * 500}, "at most 500"),
        ({"url": "nonsense"}, "not an address"),
        ({"url": ""}, "required"),
        ({"events": []}, "Choose at least one"),
        ({"events": ["test"]}, "not one of the available choices"),
        ({"collections": ["vault"]}, "not"),
    ],
)
def test_impossible_one_is_refused_with_what_to_do(
    wrong: dict[str, object], told: str, admin: Client, vault: Collection
) -> None:
    if "collections" in wrong:
        wrong = {"collections": [vault.pk]}
    values = {"url": "https://example.org/hook", "events": ["run.ended"]} | wrong
    page = admin.post("/webhooks/", values)
    assert page.status_code == 400
    assert told in unescape(page.content.decode())
    assert not Webhook.objects.exists()


def test_another_admin_may_stop_it_but_have_nothing_sent_elsewhere(
    made: WithSecret, colleague: Client, admin: Client
) -> None:
    address = f"/webhooks/{made.webhook.pk}/"
    for page in ("/webhooks/", address):
        shown = colleague.get(page).content.decode()
        assert "localhost" in shown
        assert made.webhook.url not in shown
    values = {"url": "https://evil.example/", "events": ["run.ended"]}
    for path in ("", "secret/", "test/"):
        assert colleague.post(address + path, values).status_code == 404
    colleague.post(f"{address}switch/")
    assert Webhook.objects.get().disabled_at is not None
    assert colleague.post(f"{address}switch/", {"enable": "1"}).status_code == 404
    colleague.post(f"{address}remove/")
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("name", ["engineer", "writer"])
def test_nobody_else_comes_near(name: str, made: WithSecret, people: People) -> None:
    client = logged_in(getattr(people, name))
    address = f"/webhooks/{made.webhook.pk}/"
    assert client.get("/webhooks/").status_code == 403
    assert client.get(address).status_code == 403
    for path in ("", "secret/", "switch/", "remove/", "test/", "deliveries/1/again/"):
        assert client.post(address + path).status_code == 403
    assert "Webhooks" not in client.get("/").content.decode()
    assert Webhook.objects.get().disabled_at is None


def test_page_of_deliveries_names_no_document(
    made: WithSecret, admin: Client, colleague: Client, vault: Collection, people: People
) -> None:
    happen(vault, "keys.md")
    for client in (admin, colleague):
        page = client.get(f"/webhooks/{made.webhook.pk}/").content.decode()
        assert "document.ready" in page
        assert "keys.md" not in page
        assert "Aviary" not in page


@pytest.mark.parametrize(
    "wrong", [{"events": ""}, {"url": "ftp://example.org"}, {"url": "https:///"}]
)
def test_database_holds_no_impossible_webhook(made: WithSecret, wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        Webhook.objects.update(**wrong)


def test_database_holds_no_delivery_that_ended_and_waits(made: WithSecret) -> None:
    with pytest.raises(IntegrityError):
        Delivery.objects.create(webhook=made.webhook, event="test", ended_at=timezone.now())


def test_upload_that_nobody_listens_to_leaves_no_row(wiki: Collection) -> None:
    upload(wiki, "a.md", SAID)
    happen(wiki, "b.md")
    services.archive_document(document=wiki.documents.get(path="b.md"), actor=None)
    assert not Delivery.objects.exists()
