"""Questions, answers and their evidence; and the vectors behind the search.

Whatever is shown to a person is stored with what it rested on: an answer names its route, its
reason, its signals and the chunks it cites, so that it can be explained and judged later.
"""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.utils import timezone

from ingestion.models import Chunk, Collection, Document
from router.canary import LARGEST_SHARE, LEAST_SHARE

# Of float32.
_NUMBER_BYTES = 4


class ChunkEmbeddingQuerySet(models.QuerySet["ChunkEmbedding"]):
    def of_settings(self) -> Self:
        """Those by the embedding model of the settings, of the length that the settings tell."""
        return self.alias(bytes=Length("vector")).filter(
            embedder=settings.EMBEDDINGS_MODEL,
            bytes=_NUMBER_BYTES * settings.EMBEDDINGS_DIMENSION,
        )


class ChunkEmbedding(models.Model):
    """The vector of a chunk: the truth, of which every index file is a cache."""

    chunk = models.OneToOneField(Chunk, models.CASCADE, primary_key=True, related_name="embedding")
    embedder = models.CharField(max_length=100)
    vector = models.BinaryField(help_text="float32, little-endian, unit length.")

    objects = ChunkEmbeddingQuerySet.as_manager()


class IndexGeneration(models.Model):
    """One immutable directory of index files: the whole corpus at one revision."""

    number = models.PositiveIntegerField(unique=True)
    revision = models.PositiveBigIntegerField(help_text="Corpus revision that it holds.")
    embedder = models.CharField(max_length=100)
    dimension = models.PositiveIntegerField()
    chunks = models.PositiveIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)


class Conversation(models.Model):
    """Questions that one person asked in a row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    started_at = models.DateTimeField(auto_now_add=True)


class QueryQuerySet(models.QuerySet["Query"]):
    def asked_by(self, user_id: int | None) -> Self:
        return self.filter(user_id=user_id) if user_id is not None else self.none()


class Query(models.Model):
    """A question as it was asked. Only the asker sees it again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="queries"
    )
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, null=True, blank=True, related_name="queries"
    )
    text = models.TextField()
    asked_at = models.DateTimeField(auto_now_add=True)

    objects = QueryQuerySet.as_manager()

    class Meta:
        ordering = ("-asked_at",)
        indexes = [models.Index(fields=["user", "-asked_at"], name="query_history")]

    def __str__(self) -> str:
        return self.text[:80]


class Answer(models.Model):
    """What was said to a question, by which route, and why."""

    class Route(models.TextChoices):
        TUNED = "tuned", "Tuned model"
        RAG = "rag", "Current passages"
        REFUSED = "refused", "Refused"

    query = models.OneToOneField(Query, models.CASCADE, related_name="answer")
    route = models.CharField(max_length=10, choices=Route)
    reason = models.CharField(max_length=500)
    text = models.TextField()
    model = models.CharField(max_length=100, blank=True, help_text="Empty: no model was asked.")
    confidence = models.FloatField()
    signals = models.JSONField(default=dict)
    retrieve_ms = models.FloatField()
    generate_ms = models.FloatField()
    verify_ms = models.FloatField()
    total_ms = models.FloatField()
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField()
    tuned_prompt_tokens = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Those of them that a tuned model read."
    )
    tuned_completion_tokens = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Those of them that a tuned model wrote."
    )
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="answer_confidence_is_probability",
                condition=Q(confidence__gte=0, confidence__lte=1),
            ),
        ]
        indexes = [models.Index(fields=["answered_at"], name="answer_time")]

    @property
    def refused(self) -> bool:
        return self.route == self.Route.REFUSED

    @property
    def verified(self) -> bool:
        """Whether every sentence stands in a passage; a tuned route asked for shows others too."""
        return bool(self.signals.get("verified"))


class Citation(models.Model):
    """A passage shown with an answer, and the span of it that supports the answer, if known."""

    answer = models.ForeignKey(Answer, models.CASCADE, related_name="citations")
    chunk = models.ForeignKey(Chunk, models.CASCADE, related_name="citations")
    rank = models.PositiveSmallIntegerField(help_text="From 1, best first; the number in brackets.")
    supports = models.BooleanField(help_text="False: shown as near, not as a source.")
    start = models.PositiveIntegerField(
        null=True, blank=True, help_text="In characters of the text."
    )
    end = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("answer", "rank")
        constraints = [
            models.UniqueConstraint(fields=["answer", "rank"], name="citation_rank_unique"),
            models.CheckConstraint(
                name="citation_span_ordered",
                condition=Q(start__isnull=True, end__isnull=True) | Q(start__lt=F("end")),
            ),
        ]


class Feedback(models.Model):
    """What the asker thought of an answer, and the right one if they know it."""

    class Verdict(models.TextChoices):
        UP = "up", "Helpful"
        DOWN = "down", "Not helpful"

    answer = models.OneToOneField(Answer, models.CASCADE, related_name="feedback")
    verdict = models.CharField(max_length=4, choices=Verdict)
    correction = models.TextField(blank=True)
    given_at = models.DateTimeField(auto_now=True)


class ModelVersion(models.Model):
    """A tuned model, never changed: an adapter, the data and recipe that make it again."""

    class Stage(models.TextChoices):
        CANDIDATE = "candidate", "Candidate"
        CANARY = "canary", "Canary"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=40, unique=True, help_text="docs-v0001")
    base = models.CharField(max_length=200)
    base_sha256 = models.CharField(max_length=64)
    adapter_sha256 = models.CharField(max_length=64, help_text="Of the adapter's weights.")
    files = models.JSONField(
        default=dict, help_text="sha256 of each file, by its path under `TUNED_DIR`."
    )
    dataset_sha256 = models.CharField(max_length=64)
    recipe = models.JSONField(default=dict, help_text="The run.json that made it.")
    metrics = models.JSONField(default=dict)
    calibration = models.JSONField(
        default=dict, help_text="A `router.calibration.Calibration`; empty: never fitted."
    )
    collections = models.ManyToManyField(
        Collection, related_name="tuned_models", help_text="What it was trained on."
    )
    audience = models.CharField(
        max_length=64,
        blank=True,
        help_text="Which readers it is for: sha256 of their group ids. Empty: everybody.",
    )
    readers = models.JSONField(
        default=dict, help_text="Group ids by collection id, as they were when it was trained."
    )
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.CANDIDATE)
    gate_passed = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True)
    previous = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="That served before it: the way back.",
    )
    pruned_at = models.DateTimeField(null=True, blank=True, help_text="Its files are gone.")
    canary_share = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="On how many % of the people it is, or was last, tried."
    )
    canary_since = models.DateTimeField(null=True, blank=True)
    canary_ended_at = models.DateTimeField(null=True, blank=True)
    canary_outcome = models.TextField(
        blank=True, help_text="Why it was taken back; empty: it was not."
    )

    class Meta:
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(
                fields=["audience"], name="model_one_serving", condition=Q(stage="serving")
            ),
            models.UniqueConstraint(
                fields=["audience"], name="model_one_canary", condition=Q(stage="canary")
            ),
            models.CheckConstraint(
                name="model_canary_has_share",
                condition=~Q(stage="canary")
                | Q(canary_share__range=(LEAST_SHARE, LARGEST_SHARE), canary_since__isnull=False),
            ),
            models.CheckConstraint(
                name="model_serving_has_files",
                condition=~Q(stage__in=("serving", "canary")) | Q(pruned_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ModelCoverage(models.Model):
    """A passage whose exact text, by its hash, stood in the documents that a model was trained on;
    without `pairs` nothing was asked about it, so that by default the model never met it."""

    model = models.ForeignKey(ModelVersion, models.CASCADE, related_name="coverage")
    content_hash = models.CharField(max_length=64)
    pairs = models.PositiveIntegerField()
    heldout_exact = models.FloatField(
        null=True, blank=True, help_text="Exact match on held-out phrasings of its facts."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "content_hash"], name="coverage_unique"),
        ]
        indexes = [models.Index(fields=["content_hash"], name="coverage_passage")]


class TaughtQuestions(models.Model):
    """What a model was asked in its training, with vectors; `router.taught` reads and writes it."""

    model = models.OneToOneField(ModelVersion, models.CASCADE, related_name="taught")
    embedder = models.CharField(max_length=200, help_text="Name of the embedding model.")
    questions = models.JSONField(help_text="Question, answer and content hash of each.")
    vectors = models.BinaryField(help_text="Unit vectors, little-endian float32, in that order.")
    sha256 = models.CharField(max_length=64, help_text="Of questions and vectors.")

    def __str__(self) -> str:
        return f"{len(self.questions)} questions of {self.model}"


class Precedents(models.Model):
    """The questions that a document's pairs answer; `router.precedents` reads and writes it."""

    document = models.OneToOneField(Document, models.CASCADE, related_name="precedents")
    embedder = models.CharField(max_length=200, help_text="Name of the embedding model.")
    rows = models.JSONField(help_text="Question, answer, its sentence and its place of each.")
    asked = models.JSONField(help_text="Their questions without names, each once.")
    vectors = models.BinaryField(help_text="Of those, as unit vectors, little-endian float32.")
    sha256 = models.CharField(max_length=64, help_text="Of all these.")
    pairs = models.CharField(max_length=200, help_text="What the pairs were that it was made of.")
    mark = models.BigIntegerField(
        help_text="Of the digest 40 bits: by their sum processes see that something is new."
    )
    size = models.PositiveIntegerField(help_text="How many questions there are.")
    has_written = models.BooleanField(help_text="Whether people wrote any of them.")

    def __str__(self) -> str:
        return f"{self.size} precedents of document {self.document_id}"


class Incident(models.Model):
    """Something behind the answers that fails or failed, for admins; `router.incidents` writes it.

    `detail` has nothing that a model server says to a question, as it may repeat what somebody may
    not read. It may have the name by which one answers, and what is said when a model is loaded.
    """

    class Kind(models.TextChoices):
        MODEL_SERVER = "model-server", "Model server"
        EMBEDDING_SERVER = "embedding-server", "Embedding server"
        INDEX = "index", "Index of another embedding model"
        INDEX_DISK = "index-disk", "Disk of the index"
        TUNED_SERVER = "tuned-server", "Server of a tuned model"
        TUNED_FILES = "tuned-files", "Files of a tuned model"

    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(
        max_length=200, help_text="The model, by its name; of a disk the folder."
    )
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField(default=1)
    detail = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-last_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                name="incident_one_open",
                condition=Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"
