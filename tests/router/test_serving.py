import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings

from router import serving, tether
from router.processes import Server, ServerFailed, completes, dtype_of
from router.serving import embedded_servers, llm_url
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def server_at(listener: socket.socket) -> Server:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return Server("llm", process, f"http://127.0.0.1:{listener.getsockname()[1]}/v1")


@pytest.fixture
def model_servers() -> Callable[[], list[psutil.Process]]:
    """The children that came since the test began: a run of tests has others."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [
        child for child in psutil.Process().children(recursive=True) if child not in before
    ]


ModelServers = Callable[[], list[psutil.Process]]


@pytest.mark.parametrize(
    ("features", "dtype"),
    [
        ("flags\t\t: fpu sse4_2 avx2 avx512f avx512_bf16 amx_int8\n", "bfloat16"),
        ("Features\t: fp asimd i8mm bf16\n", "bfloat16"),
        ("flags\t\t: fpu sse4_2 avx2 avx512f\nbugs\t\t: bf16_of_nothing\n", "float32"),
        ("", "float32"),
    ],
)
def test_bfloat16_is_for_processors_that_compute_in_it(features: str, dtype: str) -> None:
    assert dtype_of(features) == dtype


# --- Finding one -------------------------------------------------------------------------------
def test_there_is_no_server_until_one_is_announced(listener: socket.socket) -> None:
    assert llm_url() is None
    server = server_at(listener)
    serving.announce(server)
    assert llm_url() == server.url
    assert serving.embeddings_url() is None
    serving.withdraw("llm")
    assert llm_url() is None


def test_a_server_that_no_longer_answers_is_not_found(listener: socket.socket) -> None:
    serving.announce(server_at(listener))
    listener.close()
    assert llm_url() is None


def test_the_setting_comes_first(settings: Settings, listener: socket.socket) -> None:
    serving.announce(server_at(listener))
    settings.LLM_URL = "http://vllm:8000/v1"
    assert llm_url() == "http://vllm:8000/v1"


# --- Readiness ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://models.example.com/v1", ("models.example.com", 443)),
        ("http://models.example.com/v1", ("models.example.com", 80)),
        ("https://[::1]:8001/v1", ("::1", 8001)),
    ],
)
def test_server_is_looked_for_where_it_would_be_asked(url: str, place: tuple[str, int]) -> None:
    assert serving.place_of(url) == place


def test_a_server_is_ready_when_it_completes_a_token(llm: ScriptedLLM) -> None:
    llm.will_say("Hello")
    assert completes(llm.url, "docs-v0001")
    assert (llm.requests[0]["model"], llm.requests[0]["max_tokens"]) == ("docs-v0001", 1)


def test_a_server_that_fails_or_refuses_is_not_ready(
    llm: ScriptedLLM, listener: socket.socket
) -> None:
    llm.will_say(Reply((), status=500))
    assert not completes(llm.url, "m")
    port = listener.getsockname()[1]
    listener.close()
    assert not completes(f"http://127.0.0.1:{port}/v1", "m")


def test_a_server_that_says_nothing_is_not_ready(listener: socket.socket) -> None:
    assert not completes(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "m", timeout=0.2)


# --- Starting one ------------------------------------------------------------------------------
def test_nothing_is_started_where_a_server_is_named(
    llm: ScriptedLLM, model_servers: ModelServers
) -> None:
    with embedded_servers(llm=True):
        assert llm_url() == llm.url
        assert model_servers() == []


def test_a_model_that_was_never_converted_is_said_to_be_missing(settings: Settings) -> None:
    settings.LLM_MODEL = "nobody-has-this"
    with pytest.raises(ServerFailed, match="convert_models"), embedded_servers(llm=True):
        pass


@pytest.mark.models
def test_a_broken_model_fails_with_the_servers_last_words(
    settings: Settings, tmp_path: Path, model_servers: ModelServers
) -> None:
    settings.MODELS_DIR = tmp_path
    settings.LLM_MODEL = "broken"
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "llama"')
    with pytest.raises(ServerFailed, match="JSON"), embedded_servers(llm=True):
        pass
    assert model_servers() == []


@pytest.mark.models
def test_embedded_servers_answer_inside_and_are_gone_outside(
    settings: Settings, model_servers: ModelServers
) -> None:
    with embedded_servers(llm=True):
        url = llm_url()
        assert url is not None
        assert completes(url, settings.LLM_MODEL)
        (child,) = model_servers()
        addresses = {c.laddr.ip for c in child.net_connections() if c.status == psutil.CONN_LISTEN}
        assert addresses == {"127.0.0.1"}
    assert llm_url() is None
    assert not child.is_running()


# --- The tie to the parent ---------------------------------------------------------------------
@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_child_ends_with_its_parent_even_when_that_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, {tether.__file__!r}, str(os.getpid()),\n"
            "    sys.executable, '-c', 'print(1, flush=True); input()'], stdout=subprocess.PIPE)\n"
            "child.stdout.readline()\n"
            "print(child.pid, flush=True)\n"
            "child.wait()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.communicate()
    child.wait(timeout=10)
    assert not child.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_child_whose_parent_is_already_gone_does_not_start() -> None:
    gone = 2**22 + 1  # No process can have this number.
    result = subprocess.run([sys.executable, tether.__file__, str(gone), "/bin/echo", "started"])
    assert result.returncode == -signal.SIGKILL
