"""What people fill in. Fields check shapes; what is allowed is for the services to say."""

import json
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import UploadedFile

from docportal.models import LONGEST_DAYS, LONGEST_NAME, ApiToken, User
from docportal.views.typed import numbers, plain_newlines
from docportal.webhooks import CHOICES
from ingestion.models import Collection, DocType, Document, Source
from ingestion.models.webhooks import LONGEST_URL
from router.canary import LARGEST_SHARE, LEAST_SHARE
from router.text import storable
from training.models import TrainingRun
from training.runs import LONGEST_MINUTES, MINUTES

PATHS_DO_NOT_FIT = (
    "Nothing was uploaded, as not every file came with its place in the folder. Give files with "
    "an odd name another one, then choose them all again."
)


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        files = data if isinstance(data, list) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files or [None]]


class UploadForm(forms.Form):
    """Files, or a folder, or a zip of one, for a collection that the writer may read."""

    uploads = ManyFilesField(
        allow_empty_file=True, error_messages={"required": "Choose at least one file."}
    )
    note = forms.CharField(
        max_length=500,
        required=False,
        label="Note",
        widget=forms.TextInput(attrs={"placeholder": "What changed, in a few words"}),
    )
    paths = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["collection"] = forms.ModelChoiceField(
            Collection.objects.readable_by(user),
            to_field_name="slug",
            empty_label=None,
            error_messages={"invalid_choice": "Choose one of the collections of the list."},
        )

    def clean_paths(self) -> list[str]:
        """Where each file stood in its folder, by its place among them: browsers send that only
        through a script, and change what is odd in the names beside it. Without, empty."""
        try:
            paths = json.loads(self.cleaned_data["paths"] or "[]")
        except ValueError:
            paths = None
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise forms.ValidationError(PATHS_DO_NOT_FIT)
        files = self.cleaned_data.get("uploads")
        if paths and files and len(paths) != len(files):
            raise forms.ValidationError(PATHS_DO_NOT_FIT)
        return [storable(path) for path in paths]

    def named_files(self) -> "list[tuple[str, UploadedFile[Any]]]":
        files: list[UploadedFile[Any]] = self.cleaned_data["uploads"]
        names = self.cleaned_data["paths"] or [file.name or "" for file in files]
        return list(zip(names, files, strict=True))


class VersionForm(forms.Form):
    """The next version of one document, under its own path whatever the file is called."""

    file = forms.FileField(allow_empty_file=True, label="New version")
    note = forms.CharField(
        max_length=500,
        required=False,
        label="Note",
        widget=forms.TextInput(attrs={"placeholder": "What changed, in a few words"}),
    )

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suffix = PurePosixPath(document.path).suffix.lower()
        self.fields["file"].widget.attrs["accept"] = self.suffix

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if PurePosixPath(file.name or "").suffix.lower() != self.suffix:
            raise forms.ValidationError(
                f"This document is a {self.suffix} file. Choose one, or add the other file to the "
                "library as a document of its own."
            )
        return file


class EditForm(forms.Form):
    doc_type = forms.ChoiceField(choices=DocType, label="Type")


class KeysField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows by their keys, of which none may be left out: without any, all are meant."""

    def clean(self, value: Any) -> Any:
        if len(numbers(value or [])) < len(value or []):
            raise forms.ValidationError(self.error_messages["invalid_pk_value"])
        return super().clean(value)


class CollectionForm(forms.Form):
    name = forms.CharField(max_length=200)
    readers = KeysField(
        Group.objects.order_by("name"),
        error_messages={"invalid_pk_value": "Choose groups of the list."},
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Only these groups find and read its documents. None chosen: everybody.",
    )
    default_doc_type = forms.ChoiceField(
        choices=[("", "Guess for each document"), *DocType.choices],
        required=False,
        label="Type of new documents",
    )
    policy = forms.ChoiceField(choices=Collection.Policy, label="Answers")


class SourceForm(forms.Form):
    """What a collection follows; whether it may is for the services to say."""

    kind = forms.ChoiceField(
        choices=Source.Kind, initial=Source.Kind.GIT, widget=forms.RadioSelect, label="What"
    )
    location = forms.CharField(max_length=500, label="Where")
    branch = forms.CharField(
        max_length=200,
        required=False,
        help_text="Of a git repository. Empty: the one it shows by itself.",
    )
    subfolder = forms.CharField(
        max_length=300, required=False, help_text="Only what lies in it. Empty: everything."
    )
    every_minutes = forms.IntegerField(
        initial=60, min_value=1, max_value=43_200, label="Look every … minutes"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roots = [f"a path below {root}" for root in settings.SOURCE_ROOTS]
        begins = [f"an address that begins with {prefix}" for prefix in settings.SOURCE_URLS]
        allowed = "; ".join([*roots, *begins])
        self.fields["location"].help_text = (
            f"{allowed[:1].upper()}{allowed[1:]}." if allowed else ""
        )


class LinesField(forms.CharField):
    """Text of several lines, whose length is that of what is kept."""

    def to_python(self, value: Any) -> str:
        return plain_newlines(super().to_python(value) or "")


class PairForm(forms.Form):
    """A question and its answer; evidence that is left empty is looked for."""

    question = LinesField(
        max_length=2000,
        error_messages={"required": "Write the question."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    answer = LinesField(
        max_length=4000,
        error_messages={"required": "Write the answer, short, as the document says it."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    evidence = LinesField(
        max_length=8000,
        required=False,
        help_text="Words copied from the document that say so. Left empty, they are looked for.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class RunForm(forms.Form):
    """A run to come, of collections that the admin may read."""

    mode = forms.ChoiceField(
        choices=TrainingRun.Mode,
        initial=TrainingRun.Mode.FULL,
        widget=forms.RadioSelect,
        label="How",
    )
    minutes = forms.FloatField(
        initial=MINUTES,
        max_value=LONGEST_MINUTES,
        min_value=0.1,
        label="Minutes",
        help_text="For all of it: data, training and evaluation.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    promote = forms.BooleanField(required=False, label="Have it serve at once if it passes")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readable = Collection.objects.readable_by(user).prefetch_related("readers")
        field = forms.ModelMultipleChoiceField(
            readable.order_by("name"),
            to_field_name="slug",
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": "Choose at least one collection."},
        )
        field.choices = [(one.slug, _with_readers(one)) for one in field.queryset or ()]
        self.fields["collections"] = field
        self.order_fields(["collections", "mode", "minutes", "promote"])


def _with_readers(collection: Collection) -> str:
    """They decide whom a model is for."""
    readers = ", ".join(group.name for group in collection.readers.all())
    return f"{collection.name} · read by {readers or 'everybody'}"


class PolicyForm(forms.Form):
    """When a retrain starts by itself."""

    enabled = forms.BooleanField(required=False, label="Retrain by itself")
    every_hours = forms.IntegerField(min_value=1, max_value=8760, label="At most every … hours")
    least_new_facts = forms.IntegerField(
        min_value=1, max_value=1_000_000, label="When there are … new facts"
    )
    least_stale_percent = forms.FloatField(
        min_value=0.1,
        max_value=100,
        label="Or when … % of what the model knows is stale",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    promote_when_passed = forms.BooleanField(
        required=False, label="Have the new model serve at once if it passes its gate"
    )


class ReasonForm(forms.Form):
    """Why a model may serve, if its gate stopped it; else there is nothing to fill in."""

    reason = LinesField(
        min_length=10,
        max_length=500,
        label="Why it may serve although its gate stopped it",
        help_text="It is kept with the run and shown to every admin.",
        error_messages={
            "required": "Write why.",
            "min_length": "Write it in at least 10 characters, so that others understand it.",
        },
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, gate_passed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if gate_passed:
            del self.fields["reason"]


class TrialForm(ReasonForm):
    """On how many people a model is tried; and why, if its gate stopped it."""

    share = forms.IntegerField(
        initial=10,
        min_value=LEAST_SHARE,
        max_value=LARGEST_SHARE,
        label="On how many people of a hundred",
        help_text=f"{LEAST_SHARE} to {LARGEST_SHARE}. The same people for as long as it lasts.",
    )
    field_order = ("share", "reason")

    def __init__(self, *args: Any, gate_passed: bool, **kwargs: Any) -> None:
        super().__init__(*args, gate_passed=gate_passed, **kwargs)
        if not gate_passed:
            self.fields["reason"].label = "Why it may be tried although its gate stopped it"
            self.fields["reason"].help_text = "It is written down and shown to every admin."


class TokenForm(forms.Form):
    """A token to come, of the person who makes it."""

    name = forms.CharField(max_length=LONGEST_NAME, help_text="What it is for.")
    scopes = forms.MultipleChoiceField(
        choices=ApiToken.Scope,
        initial=[ApiToken.Scope.READ, ApiToken.Scope.ASK],
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    days = forms.IntegerField(
        initial=90, min_value=1, max_value=LONGEST_DAYS, label="Days until it expires"
    )


class WebhookForm(forms.Form):
    """Which program is told what, of collections that its owner may read."""

    url = forms.CharField(
        max_length=LONGEST_URL,
        label="Address",
        help_text="Of https://. It gets a POST with JSON, signed.",
        widget=forms.URLInput,
    )
    events = forms.MultipleChoiceField(
        choices=CHOICES,
        label="Tell when",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["collections"] = KeysField(
            Collection.objects.readable_by(user),
            error_messages={"invalid_pk_value": "Choose collections of the list."},
            required=False,
            label="Of these collections",
            widget=forms.CheckboxSelectMultiple,
            help_text="None chosen: of all that you may read.",
        )
