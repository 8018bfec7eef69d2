"""The audit log: every privileged act writes an entry, no entry changes or goes, admins read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from docportal import integrity
from docportal.integrity_checks import check
from docportal.models import ApiToken, User
from docportal.tokens import create_token
from ingestion import services
from ingestion.append_only import NOT_CHANGED, NOT_REMOVED, REFUSED, statements
from ingestion.audit import record
from ingestion.models import AuditEvent, Chunk, Collection, Delivery, Webhook
from router import registry, trials
from tests.docportal.test_permissions import RULES
from tests.docportal.test_views_training import a_run
from tests.documents import fail, passage, publish
from tests.model_files import Workshop
from tests.pairs import a_pair
from tests.people import PASSWORD, People
from training.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def no_servers(settings: Settings) -> None:
    settings.LLM_URL = ""
    settings.EMBEDDINGS_URL = NOBODY_LISTENS


# --- Every act ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where the acts are done; each makes what it needs."""

    admin: User
    wiki: Collection
    workshop: Workshop

    def document(self) -> tuple[str, ...]:
        text = "The limit is nine."
        return (publish(self.wiki, "guide.md", [passage(text)]).document.slug,)

    def archived(self) -> tuple[str, ...]:
        version = publish(self.wiki, "guide.md", [passage("The limit is nine.")])
        services.archive_document(document=version.document, actor=None)
        return (version.document.slug,)

    def version(self) -> tuple[str | int, ...]:
        return (*self.document(), 1)

    def failed(self) -> tuple[str | int, ...]:
        return (fail(self.wiki, "scan.pdf", "It has no text.").document.slug, 1)

    def pair(self) -> tuple[int, ...]:
        version = publish(self.wiki, "guide.md", [passage("The limit is nine.")])
        return (a_pair(version, "What is the limit?", "nine").pk,)

    def collection(self) -> tuple[str, ...]:
        return (self.wiki.slug,)

    def run(self) -> tuple[int, ...]:
        return (a_run([self.wiki]).number,)

    def stopped(self) -> tuple[int, ...]:
        run = a_run([self.wiki], TrainingRun.State.FAILED, failure_id="x", failure_reason="Why.")
        checkpoint = run.folder / "checkpoints" / "000040"
        checkpoint.mkdir(parents=True)
        (checkpoint / "manifest.json").write_text("{}")
        return (run.number,)

    def candidate(self) -> tuple[str, ...]:
        return (self.workshop.candidate().name,)

    def second(self) -> tuple[str, ...]:
        for _ in range(2):
            name = registry.promote(self.workshop.candidate(), by=None).name
        return (name,)

    def canary(self) -> tuple[str, ...]:
        self.second()
        model = self.workshop.candidate()
        trials.begin_canary(model, share=10, by=None)
        return (model.name,)

    def token(self) -> tuple[int, ...]:
        made = create_token(user=self.admin, name="CI", scopes=["read"], days=1, by=None)
        return (made.token.pk,)

    def webhook(self) -> tuple[int, ...]:
        made = Webhook.objects.create(owner=self.admin, url=HOOK, events="document.ready", salt="s")
        return (made.pk,)

    def delivery(self) -> tuple[int, ...]:
        (webhook,) = self.webhook()
        sent = Delivery.objects.create(
            webhook_id=webhook,
            event="document.ready",
            state=Delivery.State.DELIVERED,
            ended_at=timezone.now(),
        )
        return (webhook, sent.pk)

    def locked(self) -> tuple[()]:
        for _ in range(5):
            Client().post("/accounts/login/", {"login": "ana", "password": "wrong"})
        return ()


@dataclass(frozen=True)
class Act:
    verb: str
    form: Mapping[str, Any] = field(default_factory=dict)
    on: Callable[[Place], tuple[Any, ...]] = lambda _: ()
    detail: str = ""


def a_file(name: str = "new.md") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"# New")


HOOK = "https://hooks.example.com/docs"
NEW_PASSWORD = dict.fromkeys(("password1", "password2"), "another horse battery")
WIKI = {"name": "Wiki", "policy": "auto"}
PAIR = {"question": "What is the limit?", "answer": "nine"}
ACTS = {
    "upload": Act("uploaded", {"collection": "wiki", "uploads": a_file()}, detail="v1"),
    "collections": Act("created", {"name": "Handbook", "policy": "auto"}),
    "edit_collection": Act("edited", WIKI, Place.collection, "readers: everybody"),
    "edit_document": Act("edited", {"doc_type": "policy"}, Place.document, "type policy"),
    "archive_document": Act("archived", {}, Place.document),
    "bring_back_document": Act("brought back", {}, Place.archived),
    "upload_version": Act("uploaded", {"file": a_file()}, Place.document, "v2"),
    "restore_version": Act("restored", {}, Place.version, "v1"),
    "retry_version": Act("retried", {}, Place.failed, "v1"),
    "write_pair": Act("wrote a pair", PAIR, Place.document, "What is the limit?"),
    "review_pair": Act("rejected", {"verdict": "reject"}, Place.pair, "1 pair"),
    "new_run": Act("requested", {"collections": ["wiki"], "mode": "full", "minutes": "2"}),
    "cancel_run": Act("cancelled", {}, Place.run, "run 1"),
    "resume_run": Act("resumed", {}, Place.stopped, "run 1"),
    "retrain_policy": Act(
        "set the retrain policy",
        {"every_hours": "5", "least_new_facts": "5", "least_stale_percent": "5"},
    ),
    "promote_model": Act("promoted", {}, Place.candidate, "docs-v0001"),
    "roll_back_model": Act("rolled back", {}, Place.second, "docs-v0001"),
    "begin_trial": Act(trials.BEGAN, {"share": "10"}, Place.candidate),
    "end_trial": Act(trials.ENDED, {}, Place.canary),
    "check_integrity": Act("asked for a check of integrity"),
    "let_in": Act("let in again", {"name": "ana"}, Place.locked, "ana"),
    "tokens": Act("made a token", {"name": "CI", "scopes": ["read"], "days": "1"}),
    "revoke_token": Act("revoked a token", {}, Place.token),
    "webhooks": Act("made a webhook", {"url": HOOK, "events": ["document.ready"]}),
    "webhook": Act("edited a webhook", {"url": HOOK, "events": ["run.ended"]}, Place.webhook),
    "rotate_webhook": Act("changed the secret of a webhook", {}, Place.webhook),
    "test_webhook": Act("tested a webhook", {}, Place.webhook),
    "redeliver": Act("repeated a delivery", {}, Place.delivery),
    "switch_webhook": Act("disabled a webhook", {}, Place.webhook),
    "remove_webhook": Act("removed a webhook", {}, Place.webhook),
    "account_change_password": Act(
        "changed their password", {"oldpassword": PASSWORD, **NEW_PASSWORD}
    ),
}
# What everybody may do, and what it concerns is one's own.
ONES_OWN = {"ask_question", "feedback", "theme", "account_login", "account_logout"}
# The same service as `review_pair`, for many.
THE_SAME = {"review_pairs"}
# Their own tests show their entries; a sync by hand only has a worker look sooner.
OF_SOURCES = {"sync_source", "answer_source", "remove_source"}


def test_every_address_that_changes_something_is_an_act() -> None:
    posts = {name for name, rule in RULES.items() if rule.method == "post"}
    forms = {"collections", "edit_collection", "new_run", "retrain_policy", "promote_model"}
    forms |= {"roll_back_model", "begin_trial", "tokens", "account_change_password"}
    forms |= {"webhooks", "webhook"}
    assert posts | forms == set(ACTS) | (ONES_OWN & posts) | THE_SAME | OF_SOURCES


@pytest.fixture
def place(people: People, wiki: Collection, workshop: Workshop) -> Place:
    people.admin.set_password(PASSWORD)
    people.admin.save()
    return Place(people.admin, wiki, workshop)


@pytest.mark.parametrize("name", ACTS)
def test_act_writes_an_entry(place: Place, name: str) -> None:
    act = ACTS[name]
    arguments = act.on(place)
    for value in act.form.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    admin = Client()
    admin.force_login(place.admin)
    before = AuditEvent.objects.count()
    response = admin.post(reverse(name, args=arguments), act.form)
    assert response.status_code in (200, 302), unescape(response.content.decode())
    event = AuditEvent.objects.filter(verb=act.verb, actor=place.admin).latest("pk")
    assert (event.who, event.detail[: len(act.detail)]) == ("admin", act.detail)
    assert AuditEvent.objects.count() > before


def test_what_was_refused_writes_none(place: Place, people: People) -> None:
    slug, number = place.version()
    before = AuditEvent.objects.count()
    engineer = Client()
    engineer.force_login(people.engineer)
    assert engineer.post(reverse("archive_document", args=[slug])).status_code == 403
    assert engineer.post(reverse("restore_version", args=[slug, number])).status_code == 403
    assert AuditEvent.objects.count() == before


def test_commands_write_entries(place: Place, home: Path) -> None:
    made = ["bea", "--role", "writer", "--groups", "security", "--password", PASSWORD]
    call_command("createuser", *made, stdout=StringIO())
    call_command("createuser", *made, stdout=StringIO())
    call_command("closeuser", "bea", stdout=StringIO())
    assert [event.verb for event in AuditEvent.objects.all()] == [
        "closed an account",
        "changed an account",
        "made an account",
    ]
    assert AuditEvent.objects.latest("pk").who == "The product itself"
    assert "bea: writer, security" in {event.detail for event in AuditEvent.objects.all()}


def test_closed_account_can_be_opened_again_and_its_token_too(place: Place) -> None:
    made = ["bea", "--role", "engineer", "--password", PASSWORD]
    call_command("createuser", *made, stdout=StringIO())
    bea = User.objects.get(username="bea")
    create_token(user=bea, name="CI", scopes=["read"], days=1, by=None)
    assert ApiToken.objects.valid().exists()
    call_command("closeuser", "bea", stdout=StringIO())
    assert not ApiToken.objects.valid().exists()
    call_command("createuser", *made, stdout=StringIO())
    assert ApiToken.objects.valid().exists()


def test_repair_writes_an_entry(place: Place) -> None:
    version = publish(place.wiki, "guide.md", [passage("The limit is nine.")])
    Chunk.objects.filter(version=version).update(position=3)
    assert check(repair=True, by=place.admin).problems
    assert AuditEvent.objects.filter(verb=integrity.REPAIRED, actor=place.admin).exists()


# --- Only ever added to ---------------------------------------------------------------------------


@pytest.fixture
def entry(people: People) -> AuditEvent:
    if connection.vendor == "sqlite":
        # Left out in the tests, which empty the tables between them.
        connection.cursor().execute(statements("sqlite")[NOT_REMOVED])
    record(people.admin, "promoted", detail="docs-v0001")
    return AuditEvent.objects.get()


def changes(entry: AuditEvent) -> dict[str, Callable[[], object]]:
    entry.verb = "archived"
    return {
        "a row saved again": entry.save,
        "an update": lambda: AuditEvent.objects.update(verb="archived"),
        "a row deleted": entry.delete,
        "all deleted": AuditEvent.objects.all().delete,
        "SQL that updates": lambda: _execute("UPDATE ingestion_auditevent SET actor_id = NULL"),
        "SQL that deletes": lambda: _execute("DELETE FROM ingestion_auditevent WHERE id > 0"),
        "SQL that numbers anew": lambda: _execute("UPDATE ingestion_auditevent SET id = id + 1"),
    }


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "how",
    [
        *("a row saved again", "an update", "a row deleted", "all deleted"),
        *("SQL that updates", "SQL that deletes", "SQL that numbers anew"),
    ],
)
def test_no_entry_is_changed_or_removed(entry: AuditEvent, how: str) -> None:
    change = changes(entry)[how]
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        change()
    kept = AuditEvent.objects.get()
    assert (kept.verb, kept.actor_name, kept.detail) == ("promoted", "admin", "docs-v0001")


def test_a_migrated_database_has_both_triggers() -> None:
    made = statements(connection.vendor)
    assert {NOT_CHANGED, NOT_REMOVED} <= set(made)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
            assert {name for (name,) in cursor.fetchall()} == {NOT_CHANGED, NOT_REMOVED}


def test_entry_outlives_what_it_names(entry: AuditEvent, people: People, wiki: Collection) -> None:
    version = publish(wiki, "guide.md", [passage("Nine.")], author=people.writer)
    named = AuditEvent.objects.filter(document=version.document).count()
    assert named
    version.document.delete()
    people.writer.delete()
    assert AuditEvent.objects.filter(actor_name="writer").count() == named


# --- The page -------------------------------------------------------------------------------------


def page(client: Client, **query: str) -> str:
    response = client.get("/operations/log/", query)
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def test_page_says_who_did_what_and_filters(
    admin: Client, people: People, wiki: Collection
) -> None:
    version = publish(wiki, "guide.md", [passage("Nine.")], author=people.writer, title="Guide")
    record(people.admin, "promoted", detail="docs-v0001")
    record(None, "made an account", detail="bea: writer")
    everything = page(admin)
    assert f'uploaded <a href="/docs/{version.document.slug}/">Guide</a>' in everything
    assert 'promoted <span class="quiet">docs-v0001' in everything
    assert '<th scope="row">The product itself</th>' in everything
    for query in ({"who": "admin"}, {"verb": "promoted"}, {"text": "docs-v0001"}):
        shown = page(admin, **query).partition("<tbody>")[2]
        assert "docs-v0001" in shown, query
        assert "uploaded" not in shown, query
        assert "bea" not in shown, query
    assert "bea: writer" in page(admin, who="-")
    assert "Guide</a>" in page(admin, text="guide")
    today = timezone.now().date().isoformat()
    assert "docs-v0001" in page(admin, **{"from": today, "to": today})
    assert "No entry fits these filters." in page(admin, to="2020-01-01")
    assert "docs-v0001" in page(admin, **{"from": "0001-01-01", "to": "9999-12-31"})
    for nonsense in ({"from": "2020-13-45"}, {"to": "soon"}, {"after": "x"}, {"after": "9" * 5000}):
        assert "docs-v0001" in page(admin, **nonsense)


def test_page_tells_nothing_of_what_the_admin_may_not_read(
    admin: Client, people: People, vault: Collection
) -> None:
    publish(vault, "codes.md", [passage("4711")], title="Zebra", author=people.restricted_writer)
    services.edit_collection(
        collection=vault,
        actor=people.restricted_writer,
        name="Vault of zebras",
        readers=vault.readers.all(),
        default_doc_type="",
        policy="auto",
    )
    shown = page(admin).lower()
    for trace in ("zebra", "vault", "codes", "restricted-writer", "security"):
        assert trace not in shown
    people.admin.groups.add(*vault.readers.all())
    assert "Vault of zebras" in page(admin)


def test_page_goes_on_where_it_ended(admin: Client) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(verb="promoted", detail=f"model {number:03}") for number in range(60)
    )
    first = page(admin)
    assert "model 059" in first
    assert "model 009" not in first
    cursor = first.partition("after=")[2].partition('"')[0]
    assert "model 009" in page(admin, after=cursor)


def test_page_is_read_by_the_key_however_long_the_log(admin: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        page(admin)
    (entries,) = (one["sql"] for one in asked if "LIMIT 51" in one["sql"])
    assert entries.endswith('ORDER BY "ingestion_auditevent"."id" DESC LIMIT 51')
