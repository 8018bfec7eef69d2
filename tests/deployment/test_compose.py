"""The compose files say what they mean, and nothing that is not there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from tests.deployment import images
from tests.deployment.compose import (
    CPU,
    GPU,
    ROOT,
    SAID,
    Node,
    is_one_shot,
    load,
    mounts,
    services,
    variables,
)
from tests.test_documentation import variables_documented
from tests.vllm_server import documented_command

STACKS = {"gpu": GPU, "cpu": CPU}
EACH = [
    pytest.param(service, id=f"{stack}-{name}")
    for stack, files in STACKS.items()
    for name, service in services(files).items()
]
# Of images that are not ours, and what they let be set.
UPSTREAM = {
    "vllm/vllm-openai": {
        *("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_NO_USAGE_STATS"),
        *("HF_HUB_OFFLINE", "HOME", "USER"),
    },
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"},
    "redis": set(),
}
# Not secret, though they say how to reach something.
OPEN = {"LLM_URL", "EMBEDDINGS_URL"}


def is_ours(service: Node) -> bool:
    return str(service["image"]).startswith("docportal-")


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_files_keep_to_the_schema_of_compose_files(files: tuple[str, ...], tmp_path: Path) -> None:
    merged = tmp_path / "compose.yaml"
    merged.write_text(yaml.safe_dump(load(files)))
    checker = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", merged, ROOT / "compose.yaml"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", EACH)
def test_service_is_confined_and_comes_back(service: Node) -> None:
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if not is_one_shot(service):
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_every_process_of_the_portal_logs_json(files: tuple[str, ...]) -> None:
    ours = {
        name: one
        for name, one in services(files).items()
        if "SECRET_KEY_FILE" in one.get("environment", {})
    }
    assert {"web", "worker", "beat", "trainer"} <= ours.keys()
    assert {one["environment"].get("LOG_FORMAT") for one in ours.values()} == {"json"}


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_only_web_is_reached_from_outside(files: tuple[str, ...]) -> None:
    project = load(files)
    inside = {name for name, network in project["networks"].items() if network.get("internal")}
    for name, service in services(files).items():
        assert bool(service.get("ports")) == (name == "web")
        assert service.get("network_mode", "none") == "none"
        if name not in ("web", "worker"):
            assert set(service.get("networks", [])) <= inside
    assert services(files)["web"]["ports"] == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_whatever_is_named_is_declared_and_used(files: tuple[str, ...]) -> None:
    project, there = load(files), services(files)
    used = {
        "volumes": {volume for each in there.values() for volume, _ in mounts(each).values()},
        "secrets": {secret for each in there.values() for secret in each.get("secrets", [])},
        "networks": {network for each in there.values() for network in each.get("networks", [])},
    }
    assert used == {kind: set(project[kind]) for kind in used}
    for service in there.values():
        assert set(service.get("depends_on", {})) <= set(there)
        for name, dependency in service.get("depends_on", {}).items():
            completes = dependency["condition"] == "service_completed_successfully"
            assert completes == is_one_shot(there[name])


@pytest.mark.parametrize("service", EACH)
def test_variables_are_known_and_secrets_are_files(service: Node) -> None:
    environment = service.get("environment", {})
    if not is_ours(service):
        image = service["image"].partition(":")[0]
        assert set(environment) <= UPSTREAM[image]
    else:
        known = variables_documented().keys()
        assert {name.removesuffix("_FILE") for name in environment} <= known
        telling = re.compile("KEY|TOKEN|SECRET|PASSWORD|_URL")
        assert [
            name
            for name in environment
            if telling.search(name) and not name.endswith("_FILE") and name not in OPEN
        ] == []
    for name, value in environment.items():
        if name.endswith("_FILE"):
            assert Path(value).parent == Path("/run/secrets")
            assert Path(value).name in service["secrets"]


def test_what_the_files_are_filled_in_with_is_explained() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([A-Z_]+)`", text)) | variables_documented().keys()
    assert variables() <= explained


def test_every_secret_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    script = tmp_path / "images" / "secrets.sh"
    script.write_bytes((ROOT / "images" / "secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True)
    made = {file: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    files = {secret["file"] for secret in load(CPU)["secrets"].values()}
    assert {f"./secrets/{file.name}" for file in made} == files
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in made} == {0o444}
    assert len(set(made.values())) == len(made)
    (tmp_path / "secrets" / "llm_api_key").unlink()
    subprocess.run(["sh", script], check=True)
    again = {file: file.read_text() for file in made}
    assert [file.name for file in made if made[file] != again[file]] == ["llm_api_key"]


def test_vllm_is_started_as_documented() -> None:
    vllm = services(GPU)["vllm"]
    environment, (_, module, *documented) = documented_command()
    assert module in vllm["entrypoint"][2]
    assert environment.items() <= vllm["environment"].items()
    # Its place, and what is there for a processor or a GPU alone.
    place = {"--host", "--port", "--model"}
    said, told = _options(vllm["command"]), _options(documented)
    assert said.keys() - told.keys() == {"--gpu-memory-utilization"}
    assert told.keys() - said.keys() == {"--enforce-eager"}
    common = said.keys() & told.keys() - place
    assert {name: said[name] for name in common} == {name: told[name] for name in common}
    release = (ROOT / "tests" / "vllm.txt").read_text(encoding="utf-8").strip().rpartition("==")[2]
    assert vllm["image"] == f"vllm/vllm-openai:v{release}"


def test_server_of_embeddings_has_every_model_that_it_is_asked_for() -> None:
    command = services(GPU)["embeddings"]["command"]
    served = set(re.findall(r"/srv/models/([\w.-]+)", shlex.join(command)))
    names = ("EMBEDDINGS_MODEL", "PARAPHRASE_MODEL", "RERANKER_MODEL")
    assert served == {getattr(settings, name) for name in names}
    assert command[command.index("--reranker") + 1].endswith(settings.RERANKER_MODEL)


def test_server_of_embeddings_has_the_models_that_are_named_instead() -> None:
    named = {"EMBEDDINGS_MODEL": "one", "PARAPHRASE_MODEL": "two", "RERANKER_MODEL": "three"}
    command = load(GPU, SAID | named)["services"]["embeddings"]["command"]
    folders = [word for word in command if word.startswith("/srv/models/")]
    assert folders == ["/srv/models/one", "/srv/models/two", "/srv/models/three"]
    assert command[command.index("--reranker") + 1] == "/srv/models/three"
    empty = load(GPU, SAID | {"PARAPHRASE_MODEL": ""})["services"]["embeddings"]["command"]
    assert "/srv/models/" not in empty


def _options(words: list[str]) -> dict[str, str]:
    pairs = zip(words, [*words[1:], "--"], strict=True)
    return {
        word: "" if following.startswith("--") else following
        for word, following in pairs
        if word.startswith("--")
    }


def test_adapters_lie_where_the_portal_says_they_do() -> None:
    for name in ("web", "worker", "trainer"):
        ours = mounts(services(GPU)[name])
        home = images.variables("portal")["DOCPORTAL_HOME"]
        assert ours[f"{home}/tuned"] == ("tuned", True)
        assert mounts(services(GPU)["vllm"])[f"{home}/tuned"] == ("tuned", False)


@pytest.mark.parametrize("service", EACH)
def test_what_is_written_has_a_place(service: Node) -> None:
    folders = {mount.split(":")[0] for mount in service.get("tmpfs", [])}
    assert folders & {"/tmp", "/data"}  # noqa: S108  Inside a container.
    for path, (volume, writable) in mounts(service).items():
        assert path.startswith(("/srv/", "/var/lib/postgresql/"))
        if volume == "models":
            assert writable == ("convert_models" in service["command"])


def test_what_is_uploaded_has_room_in_web_and_cannot_fill_its_memory() -> None:
    web = services(GPU)["web"]
    (room,) = re.findall(r"^/tmp:.*size=(\d+)m$", "\n".join(web["tmpfs"]))
    assert web["deploy"]["resources"]["limits"]["memory"] == "2g"
    assert 3 * settings.UPLOAD_MAX_TOTAL_BYTES <= int(room) << 20 < 1 << 30


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_images_are_of_the_release_of_the_project(files: tuple[str, ...]) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    release = re.search(r'^version = "(.+)"', text, flags=re.MULTILINE)
    assert release is not None
    for service in services(files).values():
        image, _, tag = service["image"].partition(":")
        assert re.search(r"\d+\.\d+", tag)
        if is_ours(service):
            assert tag == release[1]
            target = image.removeprefix("docportal-")
            assert target in images.stages()
            assert service.get("build", {"target": target})["target"] == target


@pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)
def test_what_is_built_here_is_asked_of_no_registry(files: tuple[str, ...]) -> None:
    ours = {name: each for name, each in services(files).items() if is_ours(each)}
    built = {each["image"] for each in ours.values() if "build" in each}
    others = {name: each for name, each in ours.items() if "build" not in each}
    assert "embeddings" in others
    assert {name for name, each in others.items() if each.get("pull_policy") != "never"} == set()
    assert {each["image"] for each in others.values()} <= built


def test_database_is_of_the_release_of_the_programs_that_back_it_up() -> None:
    (installed,) = re.findall(r"postgresql-client-(\d+)", " ".join(images.steps("RUN", "web")))
    assert services(GPU)["database"]["image"].startswith(f"postgres:{installed}.")


def test_workers_are_those_that_the_command_up_starts() -> None:
    from docportal.management.commands import up

    started = {service.name: list(service.command) for service in up.services("127.0.0.1", 0)}
    for ours, name in (("worker", "worker"), ("trainer", "trainer")):
        words = services(GPU)[ours]["command"]
        assert _options(words) == _options([word for word in started[name] if word != "--beat"])
    assert shlex.join(services(GPU)["web"]["command"]).startswith("uvicorn docportal.asgi")
