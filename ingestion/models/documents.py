"""Documents as they are kept: collections, documents, immutable versions and their chunks.

Two ideas carry the rest of the product:

* A **content hash** names a chunk's text, so that a section keeps its name through edits
  elsewhere in the document. Freshness is a join on it.
* A **corpus revision** counts the changes of what is served. A version is served from its
  `published_revision` until before its `withdrawn_revision`; the numbers are given out under
  one row lock, so they grow in commit order. Every reader therefore sees the whole corpus at
  one revision: never a document twice, never one not at all.
"""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from ingestion.paths import MAX_SLUG, is_address, spelling

Reader = AbstractBaseUser | AnonymousUser | None


class DocType(models.TextChoices):
    API = "api", "API"
    RUNBOOK = "runbook", "Runbook"
    POLICY = "policy", "Policy"
    DECISION = "decision", "Decision"
    GUIDE = "guide", "Guide"
    MARKETING = "marketing", "Marketing"
    OTHER = "other", "Other"


class CollectionQuerySet(models.QuerySet["Collection"]):
    def readable_by(self, user: Reader) -> Self:
        """The collections whose text `user` may see; None is somebody in no group.

        Only membership counts: no role, not even an administrator's, reads past it.
        """
        groups = Group.objects.filter(user=user.pk) if user is not None else Group.objects.none()
        named = Collection.readers.through.objects.filter(group__in=groups)
        restricted = Collection.readers.through.objects.values("collection")
        return self.filter(~Q(pk__in=restricted) | Q(pk__in=named.values("collection")))

    def named(self, text: str) -> "Collection | None":
        """The collection whose name or address `text` is, in capitals or not, with spaces or
        hyphens. One that was renamed keeps its address; see `is_address` for one that is also
        another name."""
        spelt = spelling(text)
        found = [
            one
            for one in self.order_by("pk")
            if spelt == spelling(one.name) or is_address(text, one.slug, one.name)
        ]
        return max(
            found,
            key=lambda one: (one.slug == text, one.name == text, one.slug == spelt),
            default=None,
        )


class Collection(models.Model):
    """Documents with the same readers and the same rules, such as one wiki or one folder."""

    class Policy(models.TextChoices):
        AUTO = "auto", "Router decides"
        RAG_ONLY = "rag_only", "Always from the current text"

    slug = models.SlugField(max_length=MAX_SLUG, unique=True)
    name = models.CharField(max_length=200)
    readers = models.ManyToManyField(Group, blank=True, help_text="None: everybody may read.")
    policy = models.CharField(max_length=10, choices=Policy, default=Policy.AUTO)
    trainable = models.BooleanField(default=True)
    default_doc_type = models.CharField(
        max_length=10, choices=DocType, blank=True, help_text="Empty: guessed for each document."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet["Document"]):
    def readable_by(self, user: Reader) -> Self:
        return self.filter(collection__in=Collection.objects.readable_by(user))


class Document(models.Model):
    """One path of a collection; its text stands in its versions."""

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="documents")
    path = models.CharField(max_length=500, help_text="Relative to the uploaded folder.")
    slug = models.SlugField(max_length=120, unique=True)
    title = models.CharField(max_length=300)
    doc_type = models.CharField(max_length=10, choices=DocType, default=DocType.OTHER)
    doc_type_guessed = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="documents"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ("title", "pk")
        constraints = [
            models.UniqueConstraint(fields=["collection", "path"], name="document_path_unique"),
        ]

    def __str__(self) -> str:
        return self.path


class VersionQuerySet(models.QuerySet["DocumentVersion"]):
    def served(self) -> Self:
        """Those that answer questions now: at most one for each document."""
        return self.filter(published_revision__isnull=False, withdrawn_revision__isnull=True)

    def readable_by(self, user: Reader) -> Self:
        return self.filter(document__collection__in=Collection.objects.readable_by(user))


class DocumentVersion(models.Model):
    """The bytes of a document at one time, never changed afterwards, and their processing state.

    The row is also the job: a worker claims it by a conditional UPDATE that raises `fence`, and
    every later write of that worker names its fence, so a worker that lost its lease can write
    nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        PARSING = "parsing", "Parsing"
        INDEXING = "indexing", "Indexing"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    document = models.ForeignKey(Document, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    media_type = models.CharField(max_length=100)
    title = models.CharField(max_length=300, blank=True)
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    commit = models.CharField(max_length=64, blank=True, help_text="That a git source took it of.")
    commit_author = models.CharField(
        max_length=200, blank=True, help_text="As the commit says; no account."
    )
    committed_at = models.DateTimeField(null=True, blank=True)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    chunk_count = models.PositiveIntegerField(default=0, help_text="That were made of the file.")
    failure_id = models.CharField(max_length=40, blank=True)
    failure_reason = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    poked_at = models.DateTimeField(
        null=True,
        blank=True,
        default=timezone.now,
        help_text="When a message was last sent for it; null: a worker has taken it since.",
    )

    published_revision = models.PositiveBigIntegerField(null=True, blank=True)
    withdrawn_revision = models.PositiveBigIntegerField(null=True, blank=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering = ("document", "-number")
        indexes = [
            models.Index(fields=["published_revision"], name="version_published"),
            models.Index(fields=["withdrawn_revision"], name="version_withdrawn"),
            models.Index(
                fields=["lease_until"],
                name="version_unfinished",
                condition=Q(state__in=("queued", "parsing", "indexing")),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number_unique"),
            models.UniqueConstraint(
                fields=["document"],
                name="version_one_served",
                condition=Q(published_revision__isnull=False, withdrawn_revision__isnull=True),
            ),
            models.CheckConstraint(
                name="version_served_is_ready",
                condition=Q(published_revision__isnull=True) | Q(state="ready"),
            ),
            models.CheckConstraint(
                name="version_withdrawn_after_published",
                condition=Q(withdrawn_revision__isnull=True)
                | Q(withdrawn_revision__gt=F("published_revision")),
            ),
            models.CheckConstraint(
                name="version_failure_has_reason",
                condition=~Q(state="failed") | (~Q(failure_id="") & ~Q(failure_reason="")),
            ),
            models.CheckConstraint(
                name="version_commit_whole",
                condition=Q(commit="", commit_author="", committed_at=None)
                | (~Q(commit="") & Q(committed_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"

    @property
    def is_served(self) -> bool:
        return self.published_revision is not None and self.withdrawn_revision is None


class Chunk(models.Model):
    """A passage of a version: what is searched, cited, and later taught. Never changed."""

    class Kind(models.TextChoices):
        PROSE = "prose"
        LIST = "list"
        TABLE = "table"
        CODE = "code"

    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=5, choices=Kind)
    heading_path = models.JSONField(default=list, help_text="Headings above, outermost first.")
    page = models.PositiveIntegerField(null=True, blank=True, help_text="PDF only, from 1.")
    language = models.CharField(max_length=30, blank=True, help_text="Code only.")
    text = models.TextField()
    tokens = models.PositiveIntegerField(help_text="Of `text`, in the embedding model's tokens.")

    class Meta:
        ordering = ("version", "position")
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="chunk_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.version} #{self.position}"

    @property
    def heading(self) -> str:
        return " › ".join(self.heading_path)


class CorpusRevision(models.Model):
    """The single row whose lock orders all changes of what is served."""

    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="corpus_revision_single", condition=Q(pk=1)),
        ]


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def readable_by(self, user: Reader) -> Self:
        """Those that name no collection or document which `user` may not read."""
        collections = Collection.objects.readable_by(user)
        return self.filter(
            Q(collection=None) | Q(collection__in=collections),
            Q(document=None) | Q(document__collection__in=collections),
        )


class AuditEvent(models.Model):
    """Who did what to which document. Rows are only ever added, which the database sees to
    (`ingestion/append_only.py`): so what they name may vanish, and they do not."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, db_constraint=False
    )
    actor_name = models.CharField(max_length=150, blank=True)
    verb = models.CharField(max_length=40)
    collection = models.ForeignKey(
        Collection, models.DO_NOTHING, null=True, blank=True, db_constraint=False
    )
    document = models.ForeignKey(
        Document,
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="events",
    )
    detail = models.CharField(max_length=500, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = [models.Index(fields=["verb"], name="audit_verb")]

    def __str__(self) -> str:
        return f"{self.verb} {self.document or self.collection or ''}".strip()

    @property
    def who(self) -> str:
        return self.actor_name or "The product itself"
