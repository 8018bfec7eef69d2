"""A real vLLM server on this machine's processor, started by the command line of docs/vllm.md."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
START_SECONDS = 600.0
# Asked to end when this process ends, however it does: killed, it would leave its engine behind.
_TIED = ("setpriv", "--pdeathsig", "TERM")
# One thread, and a gigabyte for keys and values. Nothing is told or asked of anybody outside.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}


class VllmServer:
    """One server at a time at one address, which ends with this process."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Until it says that it is well."""
        environment, arguments = documented_command()
        with self._log.open("ab") as output:
            process = self._process = subprocess.Popen(
                [*_TIED, str(PYTHON), *arguments, "--port", str(self._port)],
                cwd=ROOT,
                env=os.environ | environment | _ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: process.poll() is not None or self.is_well(), within=START_SECONDS)
        assert process.poll() is None, self._log.read_text(errors="replace")[-5000:]

    def is_well(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/health", timeout=1).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """At once, with the processes that it has started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def metric(self, name: str, **labels: str) -> float:
        """The value of one of its own figures now."""
        lines = httpx.get(f"http://127.0.0.1:{self._port}/metrics").text.splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        (value,) = (
            line.rpartition(" ")[2]
            for line in lines
            if line.startswith(f"vllm:{name}{{") and all(label in line for label in wanted)
        )
        return float(value)


def documented_command() -> tuple[dict[str, str], list[str]]:
    """Variables, and arguments of the Python interpreter."""
    text = (ROOT / "docs" / "vllm.md").read_text(encoding="utf-8")
    block = re.search(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    words = shlex.split(block[1].replace("\\\n", " "))
    command = words.index("python")
    return dict(word.split("=", 1) for word in words[:command]), words[command + 1 :]
