"""The three people of the product, as Django groups with permissions.

A role says what somebody may *do*. What they may *read* follows from the readers of each
collection alone (`Collection.objects.readable_by`).
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate

ENGINEER: tuple[str, ...] = ()
WRITER = (
    *ENGINEER,
    "ingestion.add_documentversion",
    "ingestion.change_document",
    "ingestion.add_collection",
    "training.change_qapair",
)
ADMIN = (
    *WRITER,
    "ingestion.change_collection",
    "ingestion.add_webhook",
    "training.add_trainingrun",
    "training.change_retrainpolicy",
    "router.change_modelversion",
    "docportal.add_integritycheck",
)

ROLES = {"engineer": ENGINEER, "writer": WRITER, "admin": ADMIN}


def grant_permissions(**_: Any) -> None:
    """Bring the three groups in line with `ROLES`; runs after each migration, changes are code."""
    for role, names in ROLES.items():
        group, _created = Group.objects.get_or_create(name=role)
        wanted = [name.split(".") for name in names]
        group.permissions.set(
            Permission.objects.get(content_type__app_label=app, codename=codename)
            for app, codename in wanted
        )


def connect() -> None:
    # By then the permissions of the last app with any of ours exist.
    post_migrate.connect(grant_permissions, sender=apps.get_app_config("ingestion"))
