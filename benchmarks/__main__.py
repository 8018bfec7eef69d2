"""`make bench`: every benchmark, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = ("benchmarks.ingest", "benchmarks.retrieval", "benchmarks.web", "benchmarks.training")

if __name__ == "__main__":
    failed = [
        name
        for name in BENCHMARKS
        if subprocess.run([sys.executable, "-m", name], check=False).returncode
    ]
    sys.exit(f"Did not finish: {', '.join(failed)}" if failed else 0)
