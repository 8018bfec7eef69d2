"""Where a collection's documents come from by themselves: a git repository or a folder."""

from typing import Self

from django.db import models
from django.db.models import Q

from ingestion.models.documents import Collection, Document, Reader


class SourceQuerySet(models.QuerySet["Source"]):
    def readable_by(self, user: Reader) -> Self:
        return self.filter(collection__in=Collection.objects.readable_by(user))


class Source(models.Model):
    """A place that a collection follows. A collection has one at most.

    The row is also the job: a worker claims it by a conditional UPDATE that raises `fence`, and
    whatever it does to a document names its fence in the same transaction. What was asked of
    people stands on the rows of the files.
    """

    class Kind(models.TextChoices):
        GIT = "git", "Git repository"
        FOLDER = "folder", "Folder"

    class State(models.TextChoices):
        IDLE = "idle", "Up to date"
        QUEUED = "queued", "Waits for a worker"
        SYNCING = "syncing", "Being synced"
        ASKING = "asking", "Waits for an answer"

    collection = models.OneToOneField(Collection, models.CASCADE, related_name="source")
    kind = models.CharField(max_length=10, choices=Kind)
    location = models.CharField(max_length=500, help_text="A path of this machine, or an address.")
    branch = models.CharField(max_length=200, blank=True, help_text="Git only; empty: its own.")
    subfolder = models.CharField(max_length=300, blank=True)
    every_minutes = models.PositiveIntegerField(default=60)
    created_at = models.DateTimeField(auto_now_add=True)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Without any progress.")
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    commit = models.CharField(max_length=64, blank=True, help_text="All up to it is taken.")
    next_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(default=dict, help_text="Of the last sync that changed something.")
    failure = models.CharField(max_length=500, blank=True, help_text="Of the last look.")

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ("collection__name",)
        indexes = [
            models.Index(fields=["next_at"], name="source_due", condition=Q(state="idle")),
        ]
        constraints = [
            models.CheckConstraint(name="source_every", condition=Q(every_minutes__gte=1)),
            models.CheckConstraint(
                name="source_branch_of_git", condition=Q(kind="git") | Q(branch="", commit="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.location}"

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.SYNCING)


class SourceFile(models.Model):
    """A document that a source brought and still answers for, as its file was last taken."""

    class Answer(models.TextChoices):
        """When it is gone from the source together with too many others."""

        NONE = "", "Not asked"
        ASKED = "asked", "Waits for an answer"
        ARCHIVE = "archive", "To be archived"
        STAY = "stay", "Stays although it is gone"

    source = models.ForeignKey(Source, models.CASCADE, related_name="files")
    document = models.OneToOneField(Document, models.CASCADE, related_name="source_file")
    fingerprint = models.CharField(max_length=64, help_text="Git's name of the bytes, or sha256.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes; of folders only.")
    mtime_ns = models.BigIntegerField(default=0, help_text="Of folders only.")
    answer = models.CharField(max_length=10, choices=Answer, blank=True, default=Answer.NONE)

    class Meta:
        indexes = [
            models.Index(
                fields=["source", "answer"], name="source_file_asked", condition=~Q(answer="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} of {self.source}"
