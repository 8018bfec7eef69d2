import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from tokenizers import Tokenizer

from docportal.management.commands.convert_models import MANIFEST, Command, Conversion

ROOT = Path(django_settings.BASE_DIR)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_text("first")
    return path


@pytest.fixture
def bring_up_to_date(settings: Settings, tmp_path: Path) -> Callable[[Conversion], str]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()

    def run(conversion: Conversion) -> str:
        said = StringIO()
        Command(stderr=said)._bring_up_to_date(conversion)
        return said.getvalue()

    return run


def copying(source: Path) -> Conversion:
    def make(to: Path) -> None:
        (to / "weights").write_text(source.read_text())

    return Conversion("m", [source], make)


def test_a_model_is_made_once_and_again_when_its_source_changes(
    source: Path, bring_up_to_date: Callable[[Conversion], str], tmp_path: Path
) -> None:
    made = tmp_path / "models" / "m"
    assert bring_up_to_date(copying(source))
    assert (made / "weights").read_text() == "first"
    assert bring_up_to_date(copying(source)) == ""
    source.write_text("second")
    assert bring_up_to_date(copying(source))
    assert (made / "weights").read_text() == "second"
    assert [path.name for path in made.parent.iterdir()] == ["m"]


def test_a_conversion_that_fails_leaves_the_old_model(
    source: Path, bring_up_to_date: Callable[[Conversion], str], tmp_path: Path
) -> None:
    bring_up_to_date(copying(source))
    source.write_text("second")

    def fail(to: Path) -> None:
        (to / "weights").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        bring_up_to_date(Conversion("m", [source], fail))
    made = tmp_path / "models" / "m"
    assert (made / "weights").read_text() == "first"
    assert [path.name for path in made.parent.iterdir()] == ["m"]


def test_converted_models_are_left_alone_without_loading_torch() -> None:
    manifests = list(django_settings.MODELS_DIR.glob(f"*/{MANIFEST}"))
    assert len(manifests) >= 4
    before = [manifest.stat().st_mtime_ns for manifest in manifests]
    script = (
        "import sys; from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'convert_models']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [manifest.stat().st_mtime_ns for manifest in manifests] == before


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    folder = django_settings.MODELS_DIR / "smollm2-135m-instruct"
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


# Lone bytes that occur in no text are not in the model's vocabulary.
@given(text=st.text(st.characters(categories=["L", "N", "P", "S", "Z"], max_codepoint=0x1FFFF)))
def test_tokens_give_back_any_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@given(before=st.sampled_from(["", " ", "\n\n", "x", "  \t"]), number=st.integers(0, 10**9))
def test_each_digit_is_a_token_of_its_own(tokenizer: Tokenizer, before: str, number: int) -> None:
    alone = [tokenizer.encode(digit).ids[0] for digit in str(number)]
    assert tokenizer.encode(f"{before}{number}").ids == tokenizer.encode(before).ids + alone


def test_turns_of_the_chat_are_single_tokens(tokenizer: Tokenizer) -> None:
    encoded = tokenizer.encode("<|im_start|>user\nHi<|im_end|>\n")
    assert (encoded.ids[0], encoded.ids[-2]) == (1, 2)
    assert tokenizer.encode("<|endoftext|>").ids == [0]
