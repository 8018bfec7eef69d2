"""Hostile and broken files end with a reason, within the limits, while others go on."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from docx import Document
from pytest_django import Settings

from ingestion import sandbox
from ingestion.errors import ParseError, UploadError
from tests.ingestion.files import Text, bomb_pdf, encrypted_pdf, parsed, pdf, scanned_pdf
from tests.waiting import until

HELLO = pdf([Text(50, 700, "Hello from a small page of text")])


def word_file(**parts: bytes) -> bytes:
    """A Word file, with some of its parts replaced."""
    document = Document()
    document.add_paragraph("Hello")
    original = io.BytesIO()
    document.save(original)
    changed = io.BytesIO()
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(changed, "w") as target:
        for entry in source.infolist():
            name = Path(entry.filename).stem
            target.writestr(
                entry.filename, parts.get(name, source.read(entry)), zipfile.ZIP_DEFLATED
            )
    return changed.getvalue()


def laughing(body: bytes) -> bytes:
    """XML whose entities expand to billions of characters."""
    levels = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">' + levels + b"]>" + body


LAUGHING_DOCUMENT = laughing(
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    b"<w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.pdf", b"", "empty"),
        ("empty.md", b"", "empty"),
        ("blank.txt", b" \n\n\t ", "no-text"),
        ("secret.pdf", encrypted_pdf(), "encrypted"),
        ("cut.pdf", HELLO[: len(HELLO) // 3], "damaged"),
        ("scan.pdf", scanned_pdf(14), "scanned"),
        ("cut.docx", word_file()[:2000], "damaged"),
        ("locked.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted"),
        ("bomb.docx", word_file(styles=b" " * 60_000_000), "bomb"),
        ("deep.html", b"<div>" * 200_000 + b"text", "too-deep"),
        ("deep.md", b"<div>" * 300 + b"text", "too-deep"),
        ("wide.html", b"<table>" + b"<tr><td>x<td colspan=1000>y" * 200, "too-large"),
    ],
)
def test_a_bad_file_fails_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(ParseError) as failure:
        parsed(tmp_path, name, content)
    assert failure.value.id == reason


def test_a_scan_says_how_many_pages_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=r"14 scanned pages\. Upload a PDF with text"):
        parsed(tmp_path, "scan.pdf", scanned_pdf(14))


def test_entities_of_word_files_are_not_expanded(tmp_path: Path) -> None:
    with pytest.raises(ParseError):
        parsed(tmp_path, "laughs.docx", word_file(document=LAUGHING_DOCUMENT))


def test_a_nested_bomb_in_a_pdf_stays_within_its_memory(tmp_path: Path, settings: Settings) -> None:
    settings.PARSE_MEMORY_BYTES = 600 * 2**20
    with pytest.raises(ParseError) as failure:
        parsed(tmp_path, "bomb.pdf", bomb_pdf(layers=2, expanded_bytes=900 * 2**20))
    assert failure.value.id == "too-much-memory"


def test_a_file_that_takes_too_long_is_stopped(tmp_path: Path, settings: Settings) -> None:
    settings.PARSE_CPU_SECONDS = 1
    text = "Some *words* and [links](x) in `code`.\n\n" * 60_000
    started = time.monotonic()
    with pytest.raises(ParseError) as failure:
        parsed(tmp_path, "long.md", text)
    assert failure.value.id == "too-slow"
    assert time.monotonic() - started < 60


def test_a_picture_named_pdf_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"a PNG picture named \.pdf"):
        parsed(tmp_path, "scan.pdf", b"\x89PNG\r\n\x1a\n" + bytes(100))


def test_external_entities_and_addresses_are_never_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    markup = (
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><p>Before &x; after</p>'
        f'<iframe src="file://{secret}"></iframe><img src="http://127.0.0.1:9/x.png">'
    )
    document = parsed(tmp_path, "page.html", markup)
    assert all("the secret" not in element.text for element in document.elements)


def test_good_files_go_on_beside_bad_ones(tmp_path: Path) -> None:
    contents = [("bad.html", b"<div>" * 200_000), ("good.pdf", HELLO)] * 4

    def outcome(number: int) -> str:
        name, content = contents[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            return parsed(folder, name, content).elements[0].text
        except ParseError as error:
            return error.id

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(outcome, range(len(contents))))
    assert outcomes == ["too-deep", "Hello from a small page of text"] * 4


def test_a_killed_parsing_process_is_started_again(tmp_path: Path) -> None:
    parsed(tmp_path, "first.md", "# One\n\nText.")
    for child in psutil.Process().children():
        # Children of other tests may have ended by themselves.
        is_over = child.status() == psutil.STATUS_ZOMBIE
        if not is_over and "ingestion.sandbox_server" in child.cmdline():
            child.kill()
            child.wait()
    assert parsed(tmp_path, "second.md", "# Two\n\nText.").title == "Two"


def test_file_is_read_where_a_fork_takes_the_wake_up_of_signals_from_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As asyncio, which parsers import, has it from Python 3.12 on."""
    hook = "os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))"
    program = f"import os, signal; {hook}; from ingestion import sandbox_server as s; s.main()"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen([sys.executable, "-c", program], stdin=theirs.fileno())
        theirs.close()
        server = sandbox._Server()
        server._socket, server._process = ours, process
        monkeypatch.setattr(sandbox, "_server", server)
        assert parsed(tmp_path, "first.md", "# One\n\nText.").title == "One"
        assert process.poll() is None
    process.wait()


def test_parsing_process_that_is_killed_behind_an_answer_is_started_again(tmp_path: Path) -> None:
    server = sandbox._server
    server.start()
    assert server._process is not None
    process = psutil.Process(server._process.pid)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(parsed, tmp_path, "a.md", "Some *words* in `code`.\n\n" * 3000)
        until(lambda: bool(process.children()))
        process.suspend()  # so that it does not say how its child ends
        [child] = process.children()
        until(lambda: child.status() == psutil.STATUS_ZOMBIE)
        process.kill()
        assert len(reading.result().elements) == 3000


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process has open")
def test_process_of_a_file_has_no_way_to_other_files(tmp_path: Path) -> None:
    server = sandbox._server
    server.start()
    assert server._process is not None
    process = psutil.Process(server._process.pid)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(parsed, tmp_path, "a.md", "Some *words* in `code`.\n\n" * 3000)
        until(lambda: bool(process.children()))
        [child] = process.children()
        until(lambda: not any(name.startswith("socket:") for name in opened_by(child.pid)))
        assert any(name.startswith("pipe:") for name in opened_by(child.pid))
        reading.result()


def opened_by(process: int) -> list[str]:
    names: list[str] = []
    with suppress(FileNotFoundError):  # closed meanwhile
        names += (str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir())
    return names


CONFINED = """
from ingestion.confinement import confine
confine(cpu_seconds=5, wall_seconds=10, memory_bytes=2**30)
{action}
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system-call filter needs Linux")
@pytest.mark.parametrize(
    "action",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 80))",
        "open('new-file', 'w')",
        "open('kept', 'r+')",
        "import os; os.remove('kept')",
        "import os; os.rename('kept', 'other')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 0)",
    ],
)
def test_a_confined_process_can_only_read(tmp_path: Path, action: str) -> None:
    (tmp_path / "kept").write_text("kept")
    ran = run_confined(tmp_path, action)
    assert "PermissionError" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_confined_process_still_reads(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    assert run_confined(tmp_path, "assert open('kept').read() == 'kept'").stdout == "done\n"


def test_a_confined_process_gets_no_more_memory(tmp_path: Path) -> None:
    assert "MemoryError" in run_confined(tmp_path, "bytearray(2**30)").stderr


def test_a_confined_process_ends_when_its_time_is_up(tmp_path: Path) -> None:
    confined = CONFINED.replace("cpu_seconds=5", "cpu_seconds=1")
    ran = run_confined(tmp_path, "while True: pass", confined)
    assert ran.returncode == -signal.SIGXCPU


def run_confined(
    folder: Path, action: str, program: str = CONFINED
) -> subprocess.CompletedProcess[str]:
    root = str(Path(sandbox.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-B", "-c", program.format(action=action)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


CLIENT = """
import django, sys
django.setup()
from pathlib import Path
from ingestion.sandbox import _server, parse_safely
print(_server.start() and _server._process.pid, flush=True)
parse_safely(Path(sys.argv[1]), "text/markdown")
"""


def test_nothing_survives_a_killed_client(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    path.write_text("Some *words* and [links](x) in `code`.\n\n" * 60_000)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(path)],
        cwd=Path(sandbox.__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    server = psutil.Process(int(client.stdout.readline()))
    until(lambda: bool(server.children()))
    [child] = server.children()
    client.kill()
    client.wait()
    client.stdout.close()
    _, alive = psutil.wait_procs([server, child], timeout=20)
    assert not alive
