"""Add an adapter to its base model: `python -m training.merging BASE ADAPTER TARGET`.

A process of its own, since it needs torch and both models in memory. TARGET is made anew: an
earlier process may have been killed over it.
"""

import shutil
import sys
from pathlib import Path

from training.conversion import merge_adapter


def main() -> None:
    base, adapter, target = (Path(argument) for argument in sys.argv[1:])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    merge_adapter(base, adapter, target)


if __name__ == "__main__":
    main()
