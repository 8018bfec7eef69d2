"""Datasets: pairs that may be taught become rows and questions in a frozen folder.

`freeze`, `verify` and `preview` of `training.datasets.services` are the verbs; all that decides
is pure and stands in the other modules.
"""

from training.datasets.services import Frozen, Preview, freeze, preview, verify
from training.mixture import Mixture

__all__ = ["Frozen", "Mixture", "Preview", "freeze", "preview", "verify"]
