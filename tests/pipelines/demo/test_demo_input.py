"""The demo input: the same bytes every time, exact in number, whole in its references, true to its truth file."""

import shutil
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pysbd
import pytest
from hl7apy.parser import parse_message

from pipelines.demo import DemoInput, Protected, access, generate, read_protected
from pipelines.demo.cohort import MEDICAL_RECORD_NUMBER, read_cohort

PATIENTS = 16

KNOWN_DEFECTS = {"MedicationAdministration", "DiagnosticReport"}
"""Types of which clinosim 0.6.5 writes some that are not R4: the pipeline has to quarantine or exclude those."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoInput:
    return generate(tmp_path_factory.mktemp("demo") / "first", patients=PATIENTS)


@pytest.fixture(scope="module")
def resources(demo: DemoInput) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(demo.fhir_directory.glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            resource = orjson.loads(line)
            found[resource["resourceType"]].append(resource)
    return found


@pytest.fixture(scope="module")
def truths(demo: DemoInput) -> list[dict[str, Any]]:
    return orjson.loads(demo.truth_file.read_bytes())


@pytest.fixture(scope="module")
def texts(resources: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {
        document["id"]: b64decode(document["content"][0]["attachment"]["data"]).decode()
        for document in resources["DocumentReference"]
    }


@pytest.fixture(scope="module")
def messages(demo: DemoInput) -> list[str]:
    """All messages in the order of the files, without batch envelopes."""
    found: list[str] = []
    for path in sorted(demo.hl7_directory.glob("*.hl7")):
        for line in path.read_bytes().decode().split("\r"):
            if line.startswith("MSH"):
                found.append(line)
            elif line and line[:3] not in ("FHS", "BHS", "BTS", "FTS"):
                found[-1] += "\r" + line
    return found


def contents(demo: DemoInput) -> dict[str, bytes]:
    root = demo.truth_file.parent
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def field(message: str, segment: str, number: int) -> str:
    lines = [line.split("|") for line in message.split("\r") if line.startswith(segment)]
    offset = 1 if segment == "MSH" else 0
    return lines[0][number - offset]


def test_a_run_over_the_remains_of_a_killed_one_gives_the_same_bytes(demo: DemoInput, tmp_path: Path) -> None:
    remains = tmp_path / "second"
    shutil.copytree(demo.fhir_directory, remains / "fhir")
    (remains / "fhir" / "Patient.ndjson").write_bytes(b"{half a li")
    (remains / "fhir" / "Stray.ndjson").write_bytes(b"{}\n")
    (remains / "simulation-dead").mkdir()
    again = generate(remains, patients=PATIENTS)
    assert contents(again) == contents(demo)
    assert sorted(path.name for path in remains.iterdir()) == ["fhir", "generator.json", "hl7", "truth.json"]


def test_what_is_there_is_used_again(demo: DemoInput) -> None:
    def moments() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in demo.truth_file.parent.rglob("*")}

    before = moments()
    stages: list[str] = []
    generate(demo.truth_file.parent, patients=PATIENTS, progress=lambda stage, done, total: stages.append(stage))
    assert moments() == before
    assert stages == []


def test_a_demo_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        generate(tmp_path, patients=0)


def test_exactly_as_many_patients_as_asked_for(resources: dict[str, list[dict[str, Any]]]) -> None:
    assert len({patient["id"] for patient in resources["Patient"]}) == len(resources["Patient"]) == PATIENTS


def test_every_reference_resolves(resources: dict[str, list[dict[str, Any]]]) -> None:
    known = Counter(f"{kind}/{resource['id']}" for kind, found in resources.items() for resource in found)
    assert max(known.values()) == 1
    unknown = {r for found in resources.values() for resource in found for r in references(resource) if r not in known}
    assert unknown == set()


def test_what_we_add_is_valid_r4(demo: DemoInput) -> None:
    paths = [*demo.fhir_directory.glob("*.clinic.ndjson"), *demo.fhir_directory.glob("*.access.ndjson")]
    kinds = {path.name.partition(".")[0] for path in paths}
    assert kinds >= {"Encounter", "Observation", "DocumentReference", "CareTeam", "Consent"}
    for path in paths:
        for line in path.read_bytes().splitlines():
            validate(orjson.loads(line))


def test_what_clinosim_makes_is_valid_but_for_known_defects(resources: dict[str, list[dict[str, Any]]]) -> None:
    for kind, found in resources.items():
        if kind not in KNOWN_DEFECTS:
            for resource in found:
                validate(resource)


def validate(resource: dict[str, Any]) -> None:
    kind = resource["resourceType"]
    getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(resource)


def test_no_licensed_code_in_what_we_add(demo: DemoInput) -> None:
    for path in [*demo.fhir_directory.glob("*.clinic.ndjson"), *demo.fhir_directory.glob("*.access.ndjson")]:
        assert b"snomed" not in path.read_bytes()
        assert b"ama-assn" not in path.read_bytes()


def added_for_access(demo: DemoInput, kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (demo.fhir_directory / f"{kind}.access.ndjson").read_bytes().splitlines()]


def test_every_patient_has_a_team_and_no_team_has_every_patient(
    demo: DemoInput, resources: dict[str, list[dict[str, Any]]]
) -> None:
    teams = added_for_access(demo, "CareTeam")
    patients = [team["subject"]["reference"] for team in teams]
    assert sorted(patients) == sorted(f"Patient/{patient['id']}" for patient in resources["Patient"])
    for team in teams:
        practitioner, organisation = (participant["member"]["reference"] for participant in team["participant"])
        assert practitioner.startswith("Practitioner/")
        assert team["status"] == "active"
        assert [{"reference": organisation}] == team["managingOrganization"]
    sizes = Counter(team["managingOrganization"][0]["reference"] for team in teams)
    assert set(sizes) == {f"Organization/{identifier}" for identifier in access.TEAMS}
    assert set(sizes.values()) == {PATIENTS // 4}


def test_what_the_programme_records_is_labelled_and_half_of_it_may_be_disclosed(
    demo: DemoInput, resources: dict[str, list[dict[str, Any]]]
) -> None:
    protected = read_protected(demo.fhir_directory)
    assert Counter(protected.values()) == {
        Protected(frozenset({"42CFRPart2"}), has_consent=True): 1,
        Protected(frozenset({"42CFRPart2"}), has_consent=False): 1,
        Protected(frozenset({"PSYTHPN"}), has_consent=False): 2,
    }
    own = [r for kind in ("Encounter", "Condition", "MedicationRequest") for r in added_for_access(demo, kind)]
    of_programme = [r for r in own if protected[r["subject"]["reference"][8:]].labels == {"42CFRPart2"}]
    assert Counter(r["resourceType"] for r in of_programme) == {"Encounter": 4, "Condition": 2, "MedicationRequest": 2}
    assert all(r["meta"]["security"] == [access.SUBSTANCE_USE] for r in of_programme)
    for document in added_for_access(demo, "DocumentReference"):
        (label,) = protected[document["subject"]["reference"][8:]].labels
        assert [coding["code"] for part in document["securityLabel"] for coding in part["coding"]] == [label]
        assert ("security" in document["meta"]) == (label == "42CFRPart2")
    (consent,) = added_for_access(demo, "Consent")
    assert (consent["status"], consent["provision"]["type"]) == ("active", "permit")
    assert consent["policyRule"]["coding"] == consent["provision"]["securityLabel"] == [access.SUBSTANCE_USE]
    period = consent["provision"]["period"]
    assert (
        period["start"] < min(r["meta"]["lastUpdated"] for r in of_programme) < demo.as_of.isoformat() < period["end"]
    )
    others = {kind: [r for r in found if not labelled(r)] for kind, found in resources.items()}
    assert b"F11.20" not in orjson.dumps(others)
    assert b"buprenorphine" not in orjson.dumps(others)


def labelled(resource: dict[str, Any]) -> bool:
    return "security" in resource.get("meta", {})


def test_protected_text_is_nowhere_else(demo: DemoInput, texts: dict[str, str], truths: list[dict[str, Any]]) -> None:
    documents = {document["id"] for document in added_for_access(demo, "DocumentReference")}
    assert len(documents) == 4
    for name in documents:
        assert [other for other, text in texts.items() if texts[name].strip() in text] == [name]
    assert not documents & {truth["document_id"] for truth in truths}


def test_few_people_have_few_cases_and_children_none(demo: DemoInput) -> None:
    cohort = read_cohort(demo.fhir_directory)
    for people in (cohort[:1], cohort[:3], [person for person in cohort if person.age < 18]):
        added = access.write_access(people, [], 7, ["Practitioner/d1"])
        kinds = Counter(resource["resourceType"] for resource in added)
        adults = [person for person in people if person.age > 18 and person.alive and not person.in_hospital]
        assert kinds["CareTeam"] == len(people) > 0
        assert kinds["DocumentReference"] == len(adults)
        assert kinds["Condition"] == (len(adults) + 1) // 2


def test_nothing_happens_after_the_day_of_asking(
    demo: DemoInput, resources: dict[str, list[dict[str, Any]]], messages: list[str]
) -> None:
    times = [r["effectiveDateTime"] for r in resources["Observation"] if "effectiveDateTime" in r]
    times += [encounter["period"]["start"] for encounter in resources["Encounter"]]
    times += [document["date"] for document in resources["DocumentReference"]]
    assert max(times)[:10] <= demo.as_of.isoformat()
    assert max(field(message, "MSH", 7) for message in messages)[:8] <= f"{demo.as_of:%Y%m%d}"


def test_each_sentence_of_the_truth_is_in_exactly_the_document_it_names(
    truths: list[dict[str, Any]], texts: dict[str, str]
) -> None:
    for truth in truths:
        assert [name for name, text in texts.items() if truth["evidence"] in text] == [truth["document_id"]]


def test_each_sentence_of_the_truth_is_one_sentence(truths: list[dict[str, Any]], texts: dict[str, str]) -> None:
    segmenter = pysbd.Segmenter(language="en", clean=False)
    for truth in truths:
        sentences = {sentence.strip() for sentence in segmenter.segment(texts[truth["document_id"]])}
        assert truth["evidence"] in sentences


def test_the_truth_names_the_patient_of_the_document_both_ways(
    truths: list[dict[str, Any]], resources: dict[str, list[dict[str, Any]]]
) -> None:
    subjects = {document["id"]: document["subject"]["reference"] for document in resources["DocumentReference"]}
    numbers = {patient["id"]: patient["identifier"][0]["value"] for patient in resources["Patient"]}
    assert {truth["kind"] for truth in truths} == {"evidence", "distractor"}
    for truth in truths:
        assert subjects[truth["document_id"]] == f"Patient/{truth['patient_id']}"
        assert truth["identifier_value"] == numbers[truth["patient_id"]]
        assert truth["assigning_authority"] == MEDICAL_RECORD_NUMBER
        assert truth["closes_gap"] == (truth["kind"] == "evidence")


def test_the_structured_record_leaves_open_what_a_note_is_to_close(
    truths: list[dict[str, Any]], resources: dict[str, list[dict[str, Any]]]
) -> None:
    for truth in truths:
        subject = f"Patient/{truth['patient_id']}"
        observed = [o for o in resources["Observation"] if o["subject"]["reference"] == subject]
        procedures = [p for p in resources["Procedure"] if p["subject"]["reference"] == subject]
        match truth["measure_id"]:
            case "CMS122":
                percent = [o["valueQuantity"]["value"] for o in latest_day(observed, "4548-4")]
                assert not percent or min(percent) > 9
            case "CMS130":
                assert not with_code(observed, "29771-3") + with_code(observed, "77354-9")
                assert not with_code(procedures, "G0121")
            case "CMS165":
                (panel,) = latest_day(observed, "85354-9")
                assert panel["component"][0]["valueQuantity"]["value"] >= 140


def with_code(resources: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [r for r in resources if code in {coding["code"] for coding in r["code"].get("coding", [])}]


def latest_day(observations: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    """Results with ``code`` in 2026, those of the latest day only."""
    found = [o for o in with_code(observations, code) if o["effectiveDateTime"] >= "2026"]
    latest = max((o["effectiveDateTime"][:10] for o in found), default="")
    return [o for o in found if o["effectiveDateTime"].startswith(latest)]


def test_every_message_parses_and_ends_in_a_carriage_return(demo: DemoInput, messages: list[str]) -> None:
    for path in demo.hl7_directory.glob("*.hl7"):
        content = path.read_bytes()
        assert content.endswith(b"\r")
        assert b"\n" not in content
    for message in messages:
        parsed = parse_message(message, find_groups=False)
        assert parsed.version == "2.5.1"
        assert parsed.msh.msh_9.msh_9_3.value == field(message, "MSH", 9).split("^")[2]


def test_the_feed_has_every_kind_of_event(messages: list[str]) -> None:
    triggers = Counter(field(message, "MSH", 9).split("^")[1] for message in messages)
    assert set(triggers) == {"A01", "A02", "A03", "A04", "A08", "A11", "A13", "A28", "A40", "R01"}
    assert triggers["A11"] == triggers["A13"] == triggers["A28"] == triggers["A40"] == 1


def test_the_feed_is_about_patients_of_the_population(
    messages: list[str], resources: dict[str, list[dict[str, Any]]]
) -> None:
    numbers = {patient["identifier"][0]["value"] for patient in resources["Patient"]}
    retired = {field(m, "MRG", 1).split("^")[0] for m in messages if "\rMRG" in m}
    for message in messages:
        number, _, _, authority, kind = field(message, "PID", 3).split("^")
        assert number in numbers | retired
        assert authority.split("&")[1:] == [MEDICAL_RECORD_NUMBER, "URI"]
        assert kind == "MR"
    survivors = {field(m, "PID", 3).split("^")[0] for m in messages if "\rMRG" in m}
    assert survivors <= numbers
    assert not retired & numbers


def test_one_message_comes_twice_and_one_comes_late(messages: list[str]) -> None:
    controls = Counter(field(message, "MSH", 10) for message in messages)
    twice = [control for control, count in controls.items() if count == 2]
    assert len(twice) == 1
    assert len({message for message in messages if field(message, "MSH", 10) == twice[0]}) == 1
    order: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for message in messages:
        if "\rPV1" in message and "\rEVN" in message and field(message, "EVN", 1) != "A28":
            happened = datetime.strptime(field(message, "EVN", 6), "%Y%m%d%H%M%S%z")
            order[field(message, "PV1", 19)].append((field(message, "EVN", 1), happened))
    late = [events for events in order.values() if [t for _, t in events] != sorted(t for _, t in events)]
    assert ["A01", "A03", "A02"] in [[event for event, _ in events] for events in late]


def test_some_files_hold_several_messages_and_one_is_a_batch(demo: DemoInput) -> None:
    files = [path.read_bytes().split(b"\r") for path in demo.hl7_directory.glob("*.hl7")]
    counts = [sum(line.startswith(b"MSH") for line in lines) for lines in files]
    assert max(counts) > 1
    (batched,) = [lines for lines in files if lines[0].startswith(b"FHS")]
    assert f"BTS|{max(counts)}".encode() in batched
