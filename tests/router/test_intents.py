import pytest

from router.intents import read_intent


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("hi", "greeting"),
        ("Good morning everyone!", "greeting"),
        ("thanks a lot", "greeting"),
        ("hello, what is the port of onyx-relay?", "plain"),
        ("What is the port of onyx-relay?", "plain"),
        ("Which command is used to restart the relay?", "plain"),
        ("Who owns the Payment Gateway and its pager?", "plain"),
        ("What is the timeout in v2?", "pinned"),
        ("Which port did onyx-relay use before the migration?", "pinned"),
        ("What did the relay use to listen on?", "pinned"),
        ("Which value does version 3 of the runbook give?", "pinned"),
        ("What are the ports of onyx-relay and cedar-vault?", "several"),
        ("Compare the limits of both gateways", "several"),
        ("Does the relay ask both sides for a certificate?", "plain"),
        ("Could you compare the port of the gateway and that of the relay?", "several"),
        ("How does the gateway compare with the relay?", "several"),
        ("How often does the ledger compare its records and put them right?", "plain"),
        ("I have a question on Tarmac Ledger, which Slack channel do I write in?", "plain"),
        ("I am new to Tarmac Ledger and Quillon: which Slack channel is it?", "several"),
        ("What is the port of Tarmac Ledger, what is the region of Quillon?", "several"),
        ("For Tarmac Ledger: which ports do Quillon and Frostlamp use?", "several"),
        ("", "plain"),
    ],
)
def test_questions_are_told_apart(question: str, intent: str) -> None:
    assert read_intent(question) == intent
