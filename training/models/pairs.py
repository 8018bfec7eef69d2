"""What a model can be taught: questions and answers that stand in a passage."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from ingestion.models import Chunk, Collection, DocType, Document, DocumentVersion, Reader

HASH = 64


class PairQuerySet(models.QuerySet["QAPair"]):
    def live(self) -> Self:
        """Those whose passage stands, unchanged, in the served version of their document."""
        return self.filter(_is_served())

    def retired(self) -> Self:
        """Those whose passage was changed, withdrawn or archived."""
        return self.exclude(content_hash="").exclude(_is_served())

    def trainable(self) -> Self:
        """Those that a model may be taught: live, approved, and of documents meant for it."""
        return (
            self.live()
            .filter(review=QAPair.Review.APPROVED, document__collection__trainable=True)
            .exclude(document__doc_type=DocType.MARKETING)
        )

    def waiting(self) -> Self:
        """Those that somebody has to review. A pair of a passage that is gone has not to be."""
        return self.filter(Q(content_hash="") | Q(_is_served()), review=QAPair.Review.PENDING)

    def readable_by(self, user: Reader) -> Self:
        return self.filter(document__collection__in=Collection.objects.readable_by(user))


def _is_served() -> Exists:
    return Exists(
        Chunk.objects.filter(
            content_hash=OuterRef("content_hash"),
            version__in=DocumentVersion.objects.served(),
            version__document=OuterRef("document"),
        )
    )


class SynthesisUnit(models.Model):
    """One question to the teacher about one passage: a stopped synthesis goes on from these."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    document = models.ForeignKey(Document, models.CASCADE, related_name="synthesis_units")
    content_hash = models.CharField(max_length=HASH)
    prompt_version = models.CharField(max_length=20)
    teacher = models.CharField(max_length=200)
    seed = models.PositiveIntegerField()
    key = models.CharField(max_length=HASH, help_text="sha256 of the four values above.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    pairs = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "key"], name="synthesis_unit_unique"),
            models.CheckConstraint(
                name="synthesis_failure_has_reason", condition=~Q(state="failed") | ~Q(failure="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.content_hash[:8]} {self.state}"


class MinedVersion(models.Model):
    """A version whose passages were mined; a served one without this row waits for it."""

    version = models.OneToOneField(
        DocumentVersion, models.CASCADE, primary_key=True, related_name="mined"
    )
    miner = models.CharField(max_length=20, help_text="The rules by which it was done.")
    pairs = models.PositiveIntegerField(help_text="That were new.")
    mined_at = models.DateTimeField(auto_now=True)


class QAPair(models.Model):
    """A question and its answer, tied to the words of a passage that say so."""

    class Origin(models.TextChoices):
        IMPORTED = "imported", "Imported with the document"
        WRITTEN = "written", "Written by a person"
        FEEDBACK = "feedback", "Corrected by a reader"
        TEACHER = "teacher", "Written by the teacher model"
        MINED = "mined", "Read from the document's structure"

    class Review(models.TextChoices):
        PENDING = "pending", "Waiting for review"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    class Problem(models.TextChoices):
        NO_EVIDENCE = "no-evidence", "Its evidence is not in the document"
        CONFLICT = "conflict", "Another pair answers the same question differently"

    document = models.ForeignKey(Document, models.CASCADE, related_name="pairs")
    content_hash = models.CharField(
        max_length=HASH, blank=True, help_text="Of the passage that holds the evidence."
    )
    start = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of the evidence, in characters of the passage's text."
    )
    end = models.PositiveIntegerField(null=True, blank=True)
    question = models.TextField()
    answer = models.TextField()
    evidence = models.TextField(blank=True, help_text="The words of the source that say so.")
    fact_id = models.CharField(
        max_length=HASH, db_index=True, help_text="The same for all phrasings of one fact."
    )
    origin = models.CharField(max_length=10, choices=Origin)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    unit = models.ForeignKey(
        SynthesisUnit, models.SET_NULL, null=True, blank=True, related_name="made"
    )
    review = models.CharField(max_length=10, choices=Review, default=Review.PENDING)
    problem = models.CharField(max_length=20, choices=Problem, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    key = models.CharField(max_length=HASH, help_text="sha256 of question and answer, normalised.")
    question_key = models.CharField(
        max_length=HASH, blank=True, db_index=True, help_text="The same for the same question."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PairQuerySet.as_manager()

    class Meta:
        ordering = ("document", "pk")
        indexes = [
            models.Index(fields=["document", "content_hash"], name="pair_passage"),
            models.Index(fields=["review", "document"], name="pair_review"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["document", "key"], name="pair_unique"),
            models.CheckConstraint(
                name="pair_not_empty", condition=~Q(question="") & ~Q(answer="")
            ),
            models.CheckConstraint(
                name="pair_span_in_passage",
                condition=Q(content_hash="", start__isnull=True, end__isnull=True)
                | (~Q(content_hash="") & Q(start__lt=models.F("end"))),
            ),
            models.CheckConstraint(
                name="pair_approved_has_evidence",
                condition=~Q(review="approved") | ~Q(content_hash=""),
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]
