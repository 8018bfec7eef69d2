"""Which concept a sentence speaks of, in the many words that handbooks have for it."""

import pytest

from training.synthesis.lexicon import concepts, meant_by
from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine
from training.synthesis.sentences import Said, of_prose
from training.synthesis.subjects import subject_of


def passage(text: str) -> MinedFrom:
    opening = "Ovenbird is the planner of the tours."
    return MinedFrom("Ovenbird", "ovenbird.md", (), "prose", "", text, opening=opening)


def known(sentence: str) -> dict[str, str]:
    """Each concept that a sentence about the subject states, and its value."""
    source = passage(f"Ovenbird plans the tours of the vans. {sentence}")
    said: list[Said] = of_prose(source, subject_of(source), frozenset())
    return {one.concept.name: one.value.text for one in said if one.concept}


@pytest.mark.parametrize(
    ("concept", "sentence", "answer"),
    [
        (
            "acknowledge_within",
            "The on-call driver has 8 minutes to acknowledge an alarm.",
            "8 minutes",
        ),
        ("acknowledge_within", "Alarms have to be confirmed within 12 minutes.", "12 minutes"),
        (
            "acknowledge_within",
            "Whoever is on duty must react to a page within 6 minutes.",
            "6 minutes",
        ),
        ("backlog_alarm", "An alarm goes off when 900 parcels are waiting.", "900 parcels"),
        ("backlog_alarm", "If more than 250 jobs pile up, the team is alerted.", "250 jobs"),
        ("backoff", "Retries are spaced 12 seconds apart.", "12 seconds"),
        ("backoff", "There is a pause of 4 seconds between attempts.", "4 seconds"),
        ("backup_time", "The nightly dump begins at 02:15.", "02:15"),
        ("backup_time", "A backup is taken every night at 04:50.", "04:50"),
        ("backup_time", "Ovenbird is backed up daily at 01:00.", "01:00"),
        ("batch_size", "Parcels are handled in groups of 75.", "75"),
        ("batch_size", "Labels are printed 300 at a time.", "300"),
        ("batch_size", "Each batch contains 500 rows.", "500"),
        ("change_approver", "Nothing goes live without the consent of Lena Harrow.", "Lena Harrow"),
        ("change_approver", "Releases are signed off by Omar Field.", "Omar Field"),
        ("config_path", "Edit /etc/ob/ob.toml to change anything.", "/etc/ob/ob.toml"),
        ("cost_centre", "Costs are charged to KST-4410.", "KST-4410"),
        ("cost_centre", "Book your hours on cost centre 88120.", "88120"),
        ("cost_centre", "Its cost centre is LOG-207.", "LOG-207"),
        ("cost_centre", "Expenses go to cost code F-5501.", "F-5501"),
        ("datastore", "Orders are kept in a PostgreSQL 14 database.", "PostgreSQL 14"),
        ("datastore", "All bookings live in MySQL 8.0.", "MySQL 8.0"),
        ("datastore", "Ovenbird keeps its data in MongoDB 6.", "MongoDB 6"),
        (
            "deviation",
            "A weight that is off by more than 3 percent is set aside for checking.",
            "3 percent",
        ),
        ("dry_run", "With --pretend nothing is sent to the carrier.", "--pretend"),
        ("dry_run", "Use --what-if to see what would happen.", "--what-if"),
        ("dry_run", "The flag --no-send keeps it from sending anything.", "--no-send"),
        ("escalation_channel", "For questions join #ob-help.", "#ob-help"),
        ("export_format", "Manifests are exported as CSV.", "CSV"),
        ("export_format", "Reports can be downloaded in XLSX format.", "XLSX"),
        (
            "export_format",
            "The customs office gets the declarations as EDIFACT messages.",
            "EDIFACT",
        ),
        ("export_format", "Ovenbird writes its reports as PDF files.", "PDF"),
        ("go_live", "Ovenbird went live on 3 May 2018.", "3 May 2018"),
        ("go_live", "It was introduced in March 2017.", "March 2017"),
        ("health_check", "To see whether it is up, call /up/ob.", "/up/ob"),
        ("health_check", "The health page is /ob/health.", "/ob/health"),
        ("language", "Ovenbird is written in Kotlin 1.9.", "Kotlin 1.9"),
        ("language", "The gateway was built on Node.js 20.", "Node.js 20"),
        ("log_location", "You find the log under /srv/ob/out.log.", "/srv/ob/out.log"),
        ("log_variable", "Set OB_DEBUG to 1 for more output.", "OB_DEBUG"),
        ("log_variable", "The log level is taken from OB_LOGLEVEL.", "OB_LOGLEVEL"),
        ("main_site", "The machines stand in the Cedar Lane Depot.", "Cedar Lane Depot"),
        ("main_site", "Ovenbird is hosted at Quarry Court.", "Quarry Court"),
        ("main_site", "The main installation is at Elm Yard.", "Elm Yard"),
        (
            "maintenance_window",
            "Maintenance takes place on Wednesdays from 01:00 to 02:30.",
            "Wednesdays from 01:00 to 02:30",
        ),
        (
            "maintenance_window",
            "Planned downtime is Monday 05:00 to 06:00.",
            "Monday 05:00 to 06:00",
        ),
        ("overload_error", "Under heavy load the API returns OVB-503.", "OVB-503"),
        ("overload_error", "Callers get error code E-777 when the queue is full.", "E-777"),
        ("overload_error", "Requests beyond that are refused with OB-429.", "OB-429"),
        ("owner", "Ovenbird belongs to the Parcel People.", "Parcel People"),
        ("polling_interval", "Scanners are queried at intervals of 30 seconds.", "30 seconds"),
        ("polling_interval", "The scanners report every 15 seconds.", "15 seconds"),
        (
            "polling_interval",
            "Once every 40 seconds Ovenbird asks the scales for their weight.",
            "40 seconds",
        ),
        ("pool_size", "The pool holds at most 32 connections.", "32 connections"),
        ("port", "Connect to port 5402.", "5402"),
        (
            "rate_limit",
            "No customer may make more than 70 calls per minute.",
            "70 calls per minute",
        ),
        ("retention", "Scans are kept for 13 months.", "13 months"),
        ("retention", "Ovenbird deletes tours after 4 years.", "4 years"),
        ("retention", "Old manifests are removed after 200 days.", "200 days"),
        ("retries", "A failed upload is repeated up to 6 times.", "6"),
        ("session_lifetime", "You stay logged in for 10 hours.", "10 hours"),
        ("standby_site", "The standby is in Birch House.", "Birch House"),
        ("standby_site", "If Dockside fails, Ovenbird moves to Larch Point.", "Larch Point"),
        ("timeout", "Requests that take longer than 14 seconds are cut off.", "14 seconds"),
        ("timeout", "Ovenbird waits 11 seconds for a reply before it gives up.", "11 seconds"),
        ("token_lifetime", "A token expires after 45 minutes.", "45 minutes"),
        ("token_lifetime", "After 90 minutes a login token has to be renewed.", "90 minutes"),
        ("topic", "Every scan is announced on parcels.scan.seen.", "parcels.scan.seen"),
        ("topic", "Ovenbird sends its events to the topic freight/events.", "freight/events"),
        ("topic", "Finished tours appear under tour.done.v1.", "tour.done.v1"),
        ("ttl", "Tariffs stay in the cache for 50 minutes.", "50 minutes"),
        ("ttl", "Cached prices are thrown away after 25 minutes.", "25 minutes"),
        ("upload_size", "Pictures may be up to 12 MB in size.", "12 MB"),
        ("upload_size", "The largest picture it takes is 7 MB.", "7 MB"),
        ("retries", "A lost scan is sent again, five tries in all.", "five tries"),
        ("topic", "Every finished tour is placed on tours.done.", "tours.done"),
        ("validity", "New gate codes last 90 days.", "90 days"),
        ("workers", "Ovenbird runs with 18 workers.", "18"),
        (
            "alarm_level",
            "Cold vans raise an alarm as soon as they are warmer than -18 °C inside.",
            "-18 °C",
        ),
        (
            "contact_person",
            "If you need a new tariff, speak to Nora Blythe, who keeps them.",
            "Nora Blythe",
        ),
        ("dashboard", "Late vans can be seen on the Tour Wall at any time.", "Tour Wall"),
        (
            "deploy_window",
            "New versions are installed on Mondays 10:00 to 11:30.",
            "Mondays 10:00 to 11:30",
        ),
        (
            "escalation_channel",
            "The people on duty read #vans.",
            "#vans",
        ),
        ("feature_flag", "The new map is hidden behind map_preview for two depots.", "map_preview"),
        ("never_more", "A van is never loaded with more than 900 kg of parcels.", "900 kg"),
        ("never_more", "No van is ever loaded to more than 4 tonnes.", "4 tonnes"),
        ("on_call", "The Tarmac Rota carries the pager at night.", "Tarmac Rota"),
        ("owner", "Ovenbird is the work of the Parcel Cell, a team of five.", "Parcel Cell"),
        ("owner", "Code, budget and rota all sit with the Parcel People squad.", "Parcel People"),
        (
            "rate_limit",
            "One customer may send 30 calls per minute; more is queued.",
            "30 calls per minute",
        ),
        (
            "retention",
            "Signatures are preserved for 12 years since the law demands it.",
            "12 years",
        ),
        ("rotation", "Scanner certificates are replaced every 50 days.", "50 days"),
        ("supplier", "Map data is licensed from Terravue.", "Terravue"),
        ("backup_time", "A full dump is taken each night at 03:15 UTC.", "03:15 UTC"),
    ],
)
def test_a_sentence_states_a_known_fact(concept: str, sentence: str, answer: str) -> None:
    assert known(sentence)[concept] == answer


@pytest.mark.parametrize(
    "sentence",
    [
        "Write the times in UTC.",
        "Set OB_LOG_JSON to get logs that a machine can read.",
        "Labels are printed in English.",
        "The keys are kept in Safe B.",
        "In the north the same round belongs to Robin Vane.",
        "The van stands in Larch Lane until Monday.",
        "A driver signs in at 05:30.",
        "Prices differ by season.",
        "Updates for vans come on Fridays 07:00 to 09:00.",
        "Nobody is ever asked for more than 5 kg of luggage.",
        "See Clara Holt, who was the first driver.",
    ],
)
def test_a_sentence_of_other_things_states_none(sentence: str) -> None:
    assert known(sentence) == {}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("runtime", "language"),
        ("main site", "main_site"),
        ("standby site", "standby_site"),
        ("cost centre", "cost_centre"),
        ("in service since", "go_live"),
        ("sign-off for production changes", "change_approver"),
        ("changes approved by", "change_approver"),
        ("log level variable", "log_variable"),
        ("backlog alarm at", "backlog_alarm"),
        ("worker processes", "workers"),
        ("polling interval", "polling_interval"),
        ("export format", "export_format"),
        ("maintenance window", "maintenance_window"),
        ("deploy window", "deploy_window"),
        ("nightly backup", "backup_time"),
        ("dry-run flag", "dry_run"),
        ("session lifetime", "session_lifetime"),
        ("token lifetime", "token_lifetime"),
        ("maximum deviation", "deviation"),
    ],
)
def test_a_label_means_the_concept(label: str, name: str) -> None:
    meant = meant_by(label)
    assert meant is not None
    assert meant.concept.name == name


def test_the_interval_is_asked_for_alone_and_how_often_with_its_word() -> None:
    facts = {fact.answer: fact.questions for fact in mine(passage("Scales are read every 40 s."))}
    assert any("polling interval" in question for question in facts["40 s"])
    assert any("how often are scales read" in question for question in facts["every 40 s"])


@pytest.mark.parametrize("name", ["topic", "workers", "cost_centre", "dry_run", "go_live"])
def test_a_concept_of_services_is_asked_for_in_a_dozen_ways(name: str) -> None:
    concept = next(concept for concept in concepts() if concept.name == name)
    assert len(concept.asks) >= 10
