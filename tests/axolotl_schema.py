"""Does Axolotl's own schema accept these configurations?

    PYTHONPATH=.venv-axolotl python tests/axolotl_schema.py axolotl.yaml …

Checked as Axolotl does before a training, on the kind of machine that it is meant for: one GPU
that has bf16. Prints a line for each: `accepted`, or `refused:` and why.
"""

import sys
from pathlib import Path

import yaml
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault

GPU = {"bf16": True, "tf32": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}
ENVIRONMENT = {"torch_version": "2.11.0"}


def verdict(path: Path) -> str:
    given = yaml.safe_load(path.read_text())
    try:
        accepted = validate_config(
            DictDefault(given), capabilities=GPU, env_capabilities=ENVIRONMENT
        )
    except ValueError as error:
        return f"refused: {error}"
    # A name that the schema does not have is dropped without a word.
    dropped = sorted(name for name in given if accepted.get(name) is None)
    return f"refused: not known: {dropped}" if dropped else "accepted"


for name in sys.argv[1:]:
    sys.stdout.write(" ".join(verdict(Path(name)).split()) + "\n")
