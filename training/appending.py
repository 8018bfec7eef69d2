"""What a run on top of the serving model starts from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings

from ingestion.errors import UserError
from ingestion.models import Collection
from router.adapter_files import weights_sha256
from router.model_store import adapter_folder
from router.models import ModelVersion
from router.tuned import audience_of, is_tainted


def model_to_append_to(readers: Iterable[Sequence[int]]) -> ModelVersion:
    """The model that serves these readers, given as the group ids of each collection.

    Raises `UserError` (`nothing-to-append-to`) unless one serves, may be built upon, and was made
    from the base model that the settings name.
    """
    audiences = {audience_of(groups) for groups in readers}
    # Of collections with different readers the open ones are trained.
    audience = audiences.pop() if len(audiences) == 1 else ""
    model = ModelVersion.objects.filter(
        stage=ModelVersion.Stage.SERVING, audience=audience, pruned_at=None
    ).first()
    if model is None:
        raise _refused("No model serves the readers of these collections yet.")
    if is_tainted(model):
        raise _refused(f"{model} knows documents whose readers are fewer now.")
    base = Path(settings.MODELS_DIR) / settings.BASE_MODEL
    if model.base != base.name or model.base_sha256 != weights_sha256(base):
        raise _refused(f"{model} was made from another base model than {base.name} is now.")
    return model


def readers_of(collections: Iterable[Collection]) -> list[list[int]]:
    """The group ids of each collection that may be taught."""
    return [
        [group.pk for group in collection.readers.all()]
        for collection in collections
        if collection.trainable
    ]


def start_from(model: ModelVersion) -> Path:
    return adapter_folder(model.name)


def _refused(why: str) -> UserError:
    return UserError("nothing-to-append-to", f"{why} Train in full, from the base model.")
