"""A value from the environment, or from a file that the environment names."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from docportal.environment import Environment

ROOT = Path(__file__).resolve().parents[2]


def reader(**environment: str) -> Environment:
    return Environment(environment)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "secret"


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_value_may_stand_in_a_file(secret: Path, content: str) -> None:
    secret.write_bytes(content.encode())
    assert reader(KEY_FILE=str(secret)).str("KEY", default="") == "hunter2"
    assert "KEY" in reader(KEY_FILE=str(secret))


@pytest.mark.parametrize("value", ["$HOME", "a$b", r"\$HOME", "  padded  ", "a=b#c", "Ü €"])
def test_file_is_taken_as_it_stands(secret: Path, value: str) -> None:
    secret.write_text(value + "\n", encoding="utf-8")
    assert reader(KEY_FILE=str(secret), HOME="/root").str("KEY") == value


def test_file_is_read_for_every_type(secret: Path) -> None:
    secret.write_text("7\n")
    assert reader(KEPT_FILE=str(secret)).int("KEPT", default=5) == 7


def test_without_a_file_the_variable_counts() -> None:
    assert reader(KEY="given", KEY_FILE="").str("KEY") == "given"
    assert reader(KEY_FILE="").str("KEY", default="default") == "default"


def test_both_at_once_are_refused(secret: Path) -> None:
    secret.write_text("one")
    with pytest.raises(ImproperlyConfigured, match="Both KEY and KEY_FILE are set"):
        reader(KEY="other", KEY_FILE=str(secret)).str("KEY")


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n", b"two\nlines\n", b"\xff\xfe"])
def test_file_without_one_line_is_refused_and_never_shown(secret: Path, content: bytes) -> None:
    secret.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match="KEY_FILE is ") as raised:
        reader(KEY_FILE=str(secret)).str("KEY", default="")
    assert str(secret) in str(raised.value)
    assert "lines" not in str(raised.value)


@pytest.mark.parametrize("word", ["true", "True ", "on", "yes", "1"])
def test_yes_is_said_in_some_words(word: str) -> None:
    assert reader(HTTPS=word).bool("HTTPS", default=False) is True


@pytest.mark.parametrize("word", ["false", " FALSE", "off", "no", "0"])
def test_no_is_said_in_some_words(word: str) -> None:
    assert reader(FINDERS=word).bool("FINDERS", default=True) is False


@pytest.mark.parametrize("word", ["enabled", "ja", "tru", "-"])
def test_any_other_word_is_neither(word: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"HTTPS is of the wrong form: '{word}'"):
        reader(HTTPS=word).bool("HTTPS", default=False)


def test_number_of_the_wrong_form_is_told_by_its_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="KEPT is of the wrong form"):
        reader(KEPT="many").int("KEPT", default=5)
    with pytest.raises(ImproperlyConfigured, match="SHARE is of the wrong form"):
        reader(SHARE="half").float("SHARE", default=0.5)


def test_empty_is_as_if_it_was_not_set() -> None:
    assert reader(FINDERS="").bool("FINDERS", default=True) is True
    assert reader(KEPT="").int("KEPT", default=5) == 5
    assert reader(MODEL="").str("MODEL", default="docportal-reader") == "docportal-reader"
    assert reader(SECRET="").str("SECRET") == ""


def test_list_may_have_spaces_behind_its_commas() -> None:
    given = reader(HOSTS="docs.example.com, docs.example.org ,", NONE="")
    assert given.list("HOSTS", default=[]) == ["docs.example.com", "docs.example.org"]
    assert given.list("NONE", default=["one"]) == []


def test_process_with_a_file_that_is_not_there_ends_and_says_why(tmp_path: Path) -> None:
    environment = {"DOCPORTAL_HOME": str(tmp_path), "LLM_API_KEY_FILE": str(tmp_path / "gone")}
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert "LLM_API_KEY_FILE is" in ended.stderr.splitlines()[-1]
    assert "No such file" in ended.stderr


def settings_read(program: str, **environment: str) -> str:
    """What a program prints of the settings that are read in such an environment."""
    told = subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; {program}"],
        cwd=ROOT,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "docportal.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def test_settings_read_their_secrets_from_files(tmp_path: Path, secret: Path) -> None:
    secret.write_text("from-a-file-$HOME\n")
    home = {"DOCPORTAL_HOME": str(tmp_path), "SECRET_KEY_FILE": str(secret)}
    assert settings_read("print(settings.SECRET_KEY)", **home) == "from-a-file-$HOME\n"
    assert not (tmp_path / "secret_key").exists()


def test_empty_values_are_those_of_the_documentation(tmp_path: Path) -> None:
    names = ("MODELS_DIR", "LLM_API_KEY", "EMBEDDINGS_MODEL", "LOG_FORMAT", "PARAPHRASE_MODEL")
    empty = {"DOCPORTAL_HOME": str(tmp_path), **dict.fromkeys(names, "")}
    told = settings_read(f"print(*(getattr(settings, name) for name in {names}), sep='|')", **empty)
    assert told.rstrip("\n").split("|") == [
        *(str(ROOT / "models"), "none", "all-minilm-l6-v2", "text"),
        # There it says something.
        "",
    ]


def test_empty_folders_are_those_of_the_home(tmp_path: Path) -> None:
    empty = {"DOCPORTAL_HOME": str(tmp_path), "MEDIA_ROOT": "", "TUNED_DIR": ""}
    told = settings_read("print(settings.MEDIA_ROOT, settings.TUNED_DIR)", **empty)
    assert told.split() == [str(tmp_path / "files"), str(tmp_path / "tuned")]


def test_what_an_address_of_postgres_asks_for_holds_beside_the_pool(tmp_path: Path) -> None:
    address = "postgres://portal:pass@db/docs?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    asked = {"DOCPORTAL_HOME": str(tmp_path), "DATABASE_URL": address}
    told = settings_read("print(settings.DATABASES['default']['OPTIONS'])", **asked)
    options = ast.literal_eval(told)
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    assert options["pool"]["max_size"] > 1


def test_file_of_credentials_is_the_one_that_was_looked_at(tmp_path: Path) -> None:
    """git is started in another folder."""
    asked = {"DOCPORTAL_HOME": str(tmp_path), "SOURCE_CREDENTIALS": "secrets/git"}
    told = settings_read("print(settings.SOURCE_CREDENTIALS)", **asked)
    assert told.strip() == str(ROOT / "secrets" / "git")
    asked["SOURCE_CREDENTIALS"] = ""
    assert settings_read("print(settings.SOURCE_CREDENTIALS)", **asked).strip() == ""


def test_slash_behind_an_address_makes_no_difference(tmp_path: Path) -> None:
    """Some servers know no `//chat/completions`."""
    names = ("LLM_URL", "EMBEDDINGS_URL")
    asked = {"DOCPORTAL_HOME": str(tmp_path), **dict.fromkeys(names, "http://vllm:8000/v1/")}
    told = settings_read(f"print(*(getattr(settings, name) for name in {names}))", **asked)
    assert told.split() == ["http://vllm:8000/v1"] * 2


@pytest.mark.parametrize("name", ["c++", "50%25", "a#b", "what?"])
def test_database_lies_in_the_home_whatever_its_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    asked = {"DOCPORTAL_HOME": str(home), "DATABASE_URL": ""}
    told = settings_read("print(settings.DATABASES['default']['NAME'])", **asked)
    assert told.rstrip("\n") == str(home / "db.sqlite3")


LIBRARIES = """
import django
django.setup()
import router.cosines
from threadpoolctl import threadpool_info
print(*(one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"))
"""


@pytest.mark.parametrize(("told", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_products_of_numpy_keep_no_second_core_busy(told: dict[str, str], threads: str) -> None:
    unset = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment = unset | {"DJANGO_SETTINGS_MODULE": "docportal.settings"} | told
    said = subprocess.run(
        [sys.executable, "-c", LIBRARIES],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    assert set(said.stdout.decode().split()) <= {threads, "1"}
    assert threads in said.stdout.decode().split()
