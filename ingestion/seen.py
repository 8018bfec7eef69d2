"""What somebody looked at before they change it, so that nobody overwrites what they never saw."""

import hashlib
import json

from ingestion.errors import UserError


def digest(*values: object) -> str:
    """Of values that JSON can hold: another one once any of them differs."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def require_seen(now: str, looked_at: str, *, told: str) -> None:
    """Raises `UserError` (`changed-meanwhile`), which says `told`, where that is not `now` any
    more; empty: whoever changes it does not say what they looked at."""
    if looked_at and looked_at != now:
        raise UserError(
            "changed-meanwhile",
            f"{told} Nothing was saved. Look at what stands below, then save it again.",
        )
