"""A pytest plugin loaded before Django's settings: each run has a home of its own."""

import os
import tempfile

_HOME = tempfile.TemporaryDirectory(prefix="docportal-tests-")
os.environ["DOCPORTAL_HOME"] = _HOME.name
# Beside other processes, threads of PyTorch that spin while they wait slow everything down.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
