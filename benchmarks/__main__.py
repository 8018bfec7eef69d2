"""`make bench`: every benchmark, each in a process of its own."""

import subprocess
import sys

from torch.cuda import is_available

BENCHMARKS = (
    "benchmarks.ingest",
    "benchmarks.retrieval",
    "benchmarks.routing",
    "benchmarks.answering",
    "benchmarks.web",
    "benchmarks.load",
    "benchmarks.production",
    "benchmarks.training",
    *(("benchmarks.gpu_training",) if is_available() else ()),
)

if __name__ == "__main__":
    failed = [
        name
        for name in BENCHMARKS
        if subprocess.run([sys.executable, "-m", name], check=False).returncode
    ]
    sys.exit(f"Did not finish: {', '.join(failed)}" if failed else 0)
