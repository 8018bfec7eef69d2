"""A pytest plugin loaded before Django's settings: each run has a home of its own."""

import os
import tempfile

_HOME = tempfile.TemporaryDirectory(prefix="docportal-tests-")
os.environ["DOCPORTAL_HOME"] = _HOME.name
