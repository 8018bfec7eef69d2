"""What a model can be taught: reviewed question-and-answer pairs, each tied to its source."""

from django.db import models
from django.db.models import Q

from ingestion.models import Document


class QAPair(models.Model):
    """A question with its answer, as found beside or in a document."""

    class Origin(models.TextChoices):
        IMPORTED = "imported", "Imported with the document"

    document = models.ForeignKey(Document, models.CASCADE, related_name="pairs")
    question = models.TextField()
    answer = models.TextField()
    context = models.TextField(blank=True, help_text="The words of the source that say so.")
    origin = models.CharField(max_length=10, choices=Origin)
    key = models.CharField(max_length=64, help_text="sha256 of question and answer, normalised.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "key"], name="pair_unique"),
            models.CheckConstraint(
                name="pair_not_empty", condition=~Q(question="") & ~Q(answer="")
            ),
        ]

    def __str__(self) -> str:
        return self.question[:80]
