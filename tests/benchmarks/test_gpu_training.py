import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_gpu_it_says_so_and_that_is_no_failure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_training"],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "No GPU was found, so training on one is not measured.\n"
