"""What a run on top of the serving model starts from."""

from collections.abc import Iterable, Sequence

from django.conf import settings

from ingestion.errors import UserError
from ingestion.models import Collection
from router.models import ModelVersion
from router.tuned import audience_of, is_tainted


def model_to_append_to(readers: Iterable[Sequence[int]]) -> ModelVersion:
    """The model that serves these readers, given as the group ids of each collection.

    Raises `UserError` (`nothing-to-append-to`) unless one serves, may be built upon, and was made
    from the base model that the settings name. Whether that is unchanged is for `check_base`.
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
    if model.base != settings.BASE_MODEL:
        raise _refused(f"{model} was made from {model.base}, not from {settings.BASE_MODEL}.")
    return model


def check_base(model: ModelVersion, base_sha256: str) -> None:
    """Raises `UserError` when the base model's weights are not those that `model` was made from."""
    if model.base_sha256 != base_sha256:
        raise _refused(f"{model.base} was changed since {model} was made from it.")


def readers_of(collections: Iterable[Collection]) -> list[list[int]]:
    """The group ids of each collection that may be taught."""
    return [
        [group.pk for group in collection.readers.all()]
        for collection in collections
        if collection.trainable
    ]


def _refused(why: str) -> UserError:
    return UserError("nothing-to-append-to", f"{why} Train in full, from the base model.")
