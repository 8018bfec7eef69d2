import pytest

from ingestion.doc_types import guess


@pytest.mark.parametrize(
    ("path", "title", "text", "doc_type"),
    [
        ("runbooks/db-failover.md", "Failing over", "", "runbook"),
        ("adr/0007-queue.md", "Use one queue", "", "decision"),
        ("hr/travel.md", "Travel policy", "", "policy"),
        ("x/y.md", "Orders API reference", "", "api"),
        ("docs/tutorial/first.rst", "First steps", "", "guide"),
        ("press/spring.html", "Spring release", "", "marketing"),
        ("services/slate_press.pdf", "Slate Press", "It renders invoices.", "other"),
        ("brands.md", "Brand registry", "Teams love it. Talk to sales today.", "marketing"),
        ("gate-launch.md", "The door that never sticks", "", "marketing"),
        (
            "x.md",
            "Orders",
            "GET /orders returns 200. The request body is JSON. POST /orders.",
            "api",
        ),
        ("x.md", "Lost disk", "Page the on-call. Restart it. Escalate after 5 minutes.", "runbook"),
        ("x.md", "Queue", "Status: accepted. Alternatives: none. Consequences: less.", "decision"),
        ("x.md", "Lunch", "Soup on Monday, salad on Tuesday.", "other"),
    ],
)
def test_the_type_follows_path_title_and_words(
    path: str, title: str, text: str, doc_type: str
) -> None:
    assert guess(path, title, text) == doc_type
