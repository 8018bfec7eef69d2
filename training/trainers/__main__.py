"""`python -m training.trainers run.json`: train as it says, and tell how it ends.

Exit 0: `result.json` is written. 3: `failure.json` says what to do. 143: asked to stop; the same
command goes on from the checkpoint.
"""

import errno
import importlib
import json
import os
import signal
import sys
from pathlib import Path

FAILED, STOPPED = 3, 143
GPU_FULL = (
    "The memory of the GPU is full. End what else runs on it, name another one in "
    "TRAINING_DEVICES, or set BASE_MODEL to a smaller model for a new run."
)
LEARNERS = {
    "peft": ("training.trainers.peft", "PeftLearner"),
    "unsloth": ("training.trainers.unsloth", "UnslothLearner"),
}


def main(path: Path) -> int:
    # Threads that wait sleep: beside other processes, spinning ones cost ten times the work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from training.trainers.config import RunConfig

    config = RunConfig.read(path)
    stopping = False

    def stop_soon(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop_soon)
    module, name = LEARNERS[config.trainer]
    # Each library patches or needs others, so only the chosen one is imported, and first.
    learner_type = getattr(importlib.import_module(module), name)

    import torch

    from training.trainers.loop import Stopped, train

    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        train(config, learner_type(config), stop=lambda: stopping)
    except Stopped:
        return STOPPED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _fail(config.out, "disk-full", f"The disk of {config.out} is full. Make room there.")
    except torch.OutOfMemoryError:
        return _fail(config.out, "gpu-memory", GPU_FULL)
    return 0


def _fail(out: str, failure_id: str, reason: str) -> int:
    from training.trainers.events import FAILURE
    from training.writing import write_whole

    write_whole(Path(out) / FAILURE, json.dumps({"id": failure_id, "reason": reason}))
    return FAILED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
