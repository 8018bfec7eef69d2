"""Where requests to addresses that people give may go, and where they may not."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from docportal import outbound
from docportal.outbound import NotSent
from ingestion.errors import UserError
from tests.docportal.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def post(url: str, body: bytes = b"{}", seconds: float = 60) -> int:
    return async_to_sync(outbound.post)(url, body, {"Docportal-Event": "test"}, seconds=seconds)


PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0177.0.0.1", "0x7f000001", "0x7f.1", "0", "0.0.0.0",  # noqa: S104 - Nothing is bound to it.
    "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "2852039166",
    "[fe80::1]", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "%31%32%37.0.0.1", "①②⑦.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_no_form_of_an_address_leads_into_the_own_network(host: str, receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    with pytest.raises((NotSent, UserError)) as refused:
        post(f"https://{host}:{port}")
    # Not because the receiver knows no TLS: nobody knocked.
    assert "came through" not in str(refused.value)
    assert receiver.got == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True), ("::ffff:10.0.0.1", False), ("192.88.99.1", True),
        ("198.18.0.1", False), ("ff02::1", False), ("2001:db8::1", False), ("240.0.0.1", False),
        ("2001:0:53aa:64c::1", False), ("2002:5db8:d822::1", False), ("64:ff9b::5db8:d822", False),
    ],
)  # fmt: skip
def test_public_is_what_anybody_can_reach(address: str, *, public: bool) -> None:
    assert outbound.is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org", "ftp://example.org", "file:///etc/passwd",
        "http://example.org/", "javascript:alert(1)", "https://", "https:///path",
        "https://user:secret@example.org/", "https://@example.org/", "https://example.org/#part",
        "https://example.org:port/", "https://exa mple.org/", "https://example.org/\r\nX: y",
        "https://[::1", "gopher://127.0.0.1:6379/_FLUSHALL",
    ],
)  # fmt: skip
def test_what_is_no_address_of_https_is_refused_and_told_so(url: str) -> None:
    with pytest.raises(UserError) as refused:
        outbound.check(url)
    assert refused.value.id == "bad-address"


def test_host_of_the_settings_may_be_in_the_own_network(
    receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["localhost"]
    # It has an address of IPv6, too, where nobody listens.
    assert post(receiver.url, b'{"event": "test"}') == 204
    (got,) = receiver.got
    assert (got.path, got.raw) == ("/hook", b'{"event": "test"}')
    assert got.headers["Host"] == receiver.url.split("/")[2]
    with pytest.raises(UserError):
        post(receiver.url.replace("localhost", "127.0.0.1"))


def test_host_of_the_settings_may_have_capitals(receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["LocalHost"]
    assert post(receiver.url) == 204


def resolving(names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has names other addresses at each look, as whoever owns a domain can; notes each look."""
    ours, looks = socket.getaddrinfo, list[str]()

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in names:
            return ours(host, *args, **kwargs)
        looks.append(host)
        return ours(names[host].pop(0), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looks


def test_name_of_a_private_address_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = resolving({"evil.example": ["127.0.0.1", "127.0.0.1"]}, monkeypatch)
    with pytest.raises(NotSent, match="private network"):
        post(receiver.url.replace("http://localhost", "https://evil.example"))
    assert looks == ["evil.example"]


def test_name_is_looked_up_once_and_what_was_found_is_connected_to(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["hook.example"]
    looks = resolving({"hook.example": ["127.0.0.1", "127.0.0.2"]}, monkeypatch)
    assert post(receiver.url.replace("localhost", "hook.example")) == 204
    assert looks == ["hook.example"]
    assert receiver.got[0].headers["Host"].startswith("hook.example:")


def test_redirect_is_not_followed(receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["localhost"]
    with receiving() as secret:
        receiver.statuses.append(307)
        receiver.location = secret.url
        assert post(receiver.url) == 307
        assert secret.got == []


def test_answer_without_an_end_is_not_read(receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["localhost"]
    receiver.body = b"x" * (1 << 20)
    assert post(receiver.url) == 204
    assert receiver.left.wait(30)


def test_nobody_waits_long_for_an_answer(receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["localhost"]
    receiver.statuses.append(0)
    with pytest.raises(NotSent, match="No answer within"):
        post(receiver.url, seconds=0.5)
    assert receiver.left.wait(30)


def test_nor_for_one_that_comes_a_byte_at_a_time(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                try:
                    while not ended.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    ended.set()

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(NotSent, match="No answer within"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.5)
    assert ended.wait(30)


# --- Certificates -------------------------------------------------------------------------------
@contextmanager
def encrypted(folder: Path, name: str) -> Iterator[str]:
    """A server with a certificate for that name, which is its own authority: port and file."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """The tests' output is theirs."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Adds an authority to those of the system."""

    def trust(certificate: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        outbound._trusted.cache_clear()

    yield trust
    outbound._trusted.cache_clear()


@pytest.mark.parametrize("name", ["hook.example", "other.example"])
def test_certificate_must_be_of_the_name_although_its_address_is_connected_to(
    name: str,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    trusting: Callable[[Path], None],
) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["hook.example"]
    resolving({"hook.example": ["127.0.0.1"] * 2}, monkeypatch)
    with encrypted(tmp_path, name) as port:
        with pytest.raises(NotSent):
            post(f"https://hook.example:{port}/")
        trusting(tmp_path / f"{name}.pem")
        if name == "hook.example":
            assert post(f"https://hook.example:{port}/") == 204
        else:
            with pytest.raises(NotSent):
                post(f"https://hook.example:{port}/")
