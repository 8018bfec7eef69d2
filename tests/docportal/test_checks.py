import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("LLM_URL", "vllm:8000", "docportal.E001"),
        ("EMBEDDINGS_URL", "tei", "docportal.E002"),
        ("CELERY_BROKER_URL", "amqp://localhost", "docportal.E003"),
        ("EMBEDDINGS_DIMENSION", 0, "docportal.E004"),
        ("PARSE_MEMORY_BYTES", 1024, "docportal.E005"),
        ("UPLOAD_MAX_BYTES", 10**12, "docportal.E006"),
        ("TEACHER_URL", "teacher:8000", "docportal.E007"),
        ("TEACHER_URL", "http://teacher:8000/v1", "docportal.E008"),
        ("DATASET_MIXTURE", "closed=0", "docportal.E009"),
        ("TUNED_VERSIONS_KEPT", -1, "docportal.E010"),
        ("TRAINER", "axolotl", "docportal.E011"),
        ("TRAINING_DEVICES", ["gpu"], "docportal.E012"),
        ("LOG_FORMAT", "xml", "docportal.E013"),
        ("TRUSTED_PROXIES", -1, "docportal.E014"),
        ("ANSWERS_AT_ONCE", 0, "docportal.E024"),
        ("ANSWERS_WAITING", -1, "docportal.E025"),
        ("STREAMS_A_PERSON", -1, "docportal.E031"),
        ("LLM_TIMEOUT", 0.0, "docportal.E026"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "docportal.E020"),
        ("SOURCE_ROOTS", ["docs"], "docportal.E021"),
        ("SOURCE_URLS", ["git.example.com/docs"], "docportal.E022"),
        ("SOURCE_CREDENTIALS", "/nowhere/at/all", "docportal.E023"),
        ("PARSE_CPU_SECONDS", 0, "docportal.E016"),
        ("TEACHER_TIMEOUT", 0.0, "docportal.E017"),
        ("EVALUATION_RAG_QUESTIONS", -1, "docportal.E018"),
        ("UPLOAD_MAX_BYTES", 0, "docportal.E019"),
        ("UPLOAD_MAX_TOTAL_BYTES", 10**6, "docportal.E030"),
        ("ROUTER_TARGET_ERROR", 5.0, "docportal.E027"),
        ("GATE_EXACT_MATCH", 50.0, "docportal.E027"),
        ("GATE_LOSS", -0.01, "docportal.E027"),
        ("PAIRS_APPROVED_ON_ARRIVAL", ["import"], "docportal.E028"),
        ("OIDC_SERVER_URL", "login.example.com", "docportal.E029"),
    ],
)
def test_impossible_setting_is_an_error_with_a_hint(
    settings: Settings, name: str, value: object, id: str
) -> None:
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError) as raised:
        call_command("check")
    assert id in str(raised.value)
    assert "HINT" in str(raised.value)


def test_default_settings_are_possible() -> None:
    call_command("check")
