"""Backups: everything that cannot be made again, in one folder, and the way back.

`folder` is what a folder of backups looks like, `contents` what belongs into a backup, `databases`
how a database is written down and read in; `making` and `restoring` are the two verbs.
"""

from pathlib import Path

from django.conf import settings

UNFINISHED = ".restoring"


def unfinished() -> Path:
    """In the home while a restore is under way, or after one was killed."""
    return Path(settings.DOCPORTAL_HOME) / UNFINISHED
