"""A fresh installation for a benchmark, gone afterwards."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def fresh_home() -> Iterator[Path]:
    """Set Django up on a temporary home with a migrated database. Once in a process."""
    with tempfile.TemporaryDirectory(prefix="docportal-bench-") as folder:
        os.environ["DOCPORTAL_HOME"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "docportal.settings"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield Path(folder)
