"""A message that names two people is also the second one's: erasing and trust depend on it."""

import json

from pipelines.hl7.ownership import whose_bytes
from resources.postgres import Database, Role
from tests.pipelines.hl7.adt.fold import patient, person, visit_key
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, visit

SWAP = message(
    "ADT^A17",
    "20260302100000",
    visit(location="4W"),
    patient("200"),
    visit(location="3E", f19="V2^^^HOSP"),
    patient=patient("100"),
)
MERGES = message(
    "ADT^A40",
    "20260303",
    "MRG|300^^^HOSP&urn:oid:1.2.3&ISO^MR",
    "MRG|400^^^HOSP&urn:oid:1.2.3&ISO^MR",
    patient=patient("100"),
)


def test_all_people_of_a_message_are_known_when_it_is_landed_and_when_it_is_folded(
    ingest: Ingest, db: Database
) -> None:
    for body, numbers in ((SWAP, ("100", "200")), (MERGES, ("100", "300", "400"))):
        whose = whose_bytes(body)
        assert whose is not None
        assert whose.people == {person(number) for number in numbers}
    ingest(SWAP, MERGES)
    with db.connect(Role.INGEST) as connection:
        found = connection.execute("SELECT named_key FROM landing.hl7_message_key WHERE alias_of IS NULL").fetchall()
    assert {key for (key,) in found} == {person("200"), visit_key("V2"), person("400")}


def test_a_message_goes_when_the_second_person_it_names_is_erased(ingest: Ingest, db: Database) -> None:
    ingest(SWAP)
    with db.connect(Role.INGEST) as connection:
        connection.execute("INSERT INTO landing.erased_person (person_key) VALUES (%s)", (person("200"),))
        connection.execute("UPDATE landing.hl7_message SET folded_at = NULL")
    assert ingest(message("ADT^A31", "20260304", patient=patient("500"))).excluded == {"erased": 1}
    with db.connect(Role.AUDITOR) as connection:
        events = connection.execute("SELECT e::text FROM audit.event AS e").fetchall()
    assert "DOE" not in json.dumps(events)
