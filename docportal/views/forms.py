"""What people fill in. Fields check shapes; what is allowed is for the services to say."""

import json
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import UploadedFile

from docportal.models import User
from ingestion.models import Collection, DocType, Document


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
        """Where each file stood in its folder: browsers send that only through a script."""
        try:
            paths = json.loads(self.cleaned_data["paths"] or "[]")
        except json.JSONDecodeError:
            return []
        return paths if all(isinstance(path, str) for path in paths) else []

    def named_files(self) -> "list[tuple[str, UploadedFile[Any]]]":
        files: list[UploadedFile[Any]] = self.cleaned_data["uploads"]
        names = [file.name or "" for file in files]
        paths = self.cleaned_data["paths"]
        if [PurePosixPath(path).name for path in paths] == names:
            names = paths
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


class CollectionForm(forms.Form):
    name = forms.CharField(max_length=200)
    readers = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
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


class PairForm(forms.Form):
    """A question and its answer; evidence that is left empty is looked for."""

    question = forms.CharField(
        max_length=2000,
        error_messages={"required": "Write the question."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    answer = forms.CharField(
        max_length=4000,
        error_messages={"required": "Write the answer, short, as the document says it."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    evidence = forms.CharField(
        max_length=8000,
        required=False,
        help_text="Words copied from the document that say so. Left empty, they are looked for.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
