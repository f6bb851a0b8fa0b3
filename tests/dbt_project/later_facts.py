"""Facts of one person that a source knew by a day, and others that it knew only later: what is true may be older."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.dbt_project.population import ICD10, MRN, RXNORM, coded, condition, of, patient, result, visit

Resource = dict[str, Any]
DAY = "2021-06-30"
BY_THEN = ["2021-01-15T08:00:00Z", "2021-03-31T23:59:59Z", "2021-04-01T00:00:00Z", "2021-06-30T23:59:59Z"]
LATER = ["2021-07-01T00:00:00Z", "2021-07-01T00:30:00+00:00", "2021-08-15T12:00:00-05:00"]
HAPPENED = ["2020-09-01", "2021-01-10", "2021-02-11", "2021-06-01", "2021-06-30"]


@dataclass(frozen=True)
class Story:
    """What is loaded: first what was known by the day, in the order in which it was known, then what was known later.

    Attributes:
        before: versions of one load each.
        after: the same, each said after the day.
        feed_before: HL7 v2 messages sent by the day.
        feed_after: HL7 v2 messages sent after it.
    """

    before: list[list[Resource]]
    after: list[list[Resource]]
    feed_before: str
    feed_after: str


def _encounter(person: str, number: int, draw: st.DrawFn) -> Resource:
    start, end = sorted(draw(st.lists(st.sampled_from(HAPPENED), min_size=2, max_size=2)))
    kind = draw(st.sampled_from(["IMP", "IMP", "EMER", "AMB"]))
    found = visit(person, f"{person}-v{number}", start, draw(st.sampled_from([end, None])), kind)
    whole = draw(st.sampled_from([None, None, f"{person}-v{1 - number}"]))
    return found | ({"partOf": {"reference": f"Encounter/{whole}"}} if whole else {})


def _problem(person: str, number: int, draw: st.DrawFn) -> Resource:
    status = draw(st.sampled_from(["active", "active", "resolved"]))
    code = draw(st.sampled_from(["E11.9", "I10", "J45.909"]))
    ended = {"abatementDateTime": "2021-05-05"} if status == "resolved" and draw(st.booleans()) else {}
    began = draw(st.sampled_from(HAPPENED))
    named = condition(person, f"{person}-c{number}", coded(ICD10, code), "problem-list-item", onsetDateTime=began)
    clinical = coded("http://terminology.hl7.org/CodeSystem/condition-clinical", status)
    return {**named, **ended, "clinicalStatus": clinical}


def _order(person: str, number: int, draw: st.DrawFn) -> Resource:
    days = {"expectedSupplyDuration": {"value": draw(st.sampled_from([10, 365])), "unit": "days", "code": "d"}}
    return of(
        person,
        "MedicationRequest",
        f"{person}-m{number}",
        status=draw(st.sampled_from(["active", "active", "stopped"])),
        intent="order",
        medicationCodeableConcept=coded(RXNORM, draw(st.sampled_from(["6809", "860975"]))),
        authoredOn=draw(st.sampled_from(HAPPENED)),
        **({"dispenseRequest": days} if draw(st.booleans()) else {}),
    )


def _value(person: str, number: int, draw: st.DrawFn) -> Resource:
    code, unit = draw(st.sampled_from([("4548-4", "%"), ("4548-4", "mmol/mol"), ("29463-7", "kg")]))
    value = draw(st.integers(5, 90))
    return result(person, f"{person}-r{number}", code, draw(st.sampled_from(HAPPENED)), value, unit)


def _patient(person: str, _: int, draw: st.DrawFn) -> Resource:
    died = draw(st.sampled_from([{}, {}, {"deceasedDateTime": "2021-05-20"}, {"deceasedBoolean": True}]))
    born = draw(st.sampled_from(["1950-05-05", "1971-01-01"]))
    return {**patient(person, born, person), **died, "gender": draw(st.sampled_from(["female", "male"]))}


_MAKERS = (_patient, _encounter, _problem, _order, _value)


def deleted(resource: Resource, at: str) -> Resource:
    """An entry that says that a record is gone."""
    request = {"method": "DELETE", "url": f"{resource['resourceType']}/{resource['id']}"}
    entry = {"request": request, "response": {"lastModified": at}}
    return {"resourceType": "Bundle", "type": "history", "entry": [entry]}


def _said(resource: Resource, at: str) -> Resource:
    return {**resource, "meta": {"lastUpdated": at}}


def _in_error(resource: Resource) -> Resource:
    if resource["resourceType"] == "Condition":
        status = coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "entered-in-error")
        return {**resource, "verificationStatus": status}
    return {**resource, "status": "entered-in-error"}


@st.composite
def _versions(draw: st.DrawFn, person: str, times: list[str]) -> list[Resource]:
    """Versions of some records, some of which take back what was said; each later than the one before."""
    found = []
    for at in times:
        made = draw(st.sampled_from(_MAKERS))(person, draw(st.integers(0, 1)), draw)
        fate = draw(st.sampled_from(["said", "said", "said", "deleted", "in error"]))
        if fate == "said" or made["resourceType"] == "Patient":
            found.append(_said(made, at))
        else:
            found.append(deleted(made, at) if fate == "deleted" else _said(_in_error(made), at))
    return found


def _message(person: str, number: int, trigger: str, at: str, occurred: str, draw: st.DrawFn) -> str:
    stay = f"{person}-{draw(st.integers(1, 2))}^^^WEST&1.2.3.4.5&ISO"
    kind = draw(st.sampled_from("IIEO"))
    fields = {2: kind, 3: "4E^1^A", 19: stay, 44: occurred, 45: occurred if trigger == "A03" else ""}
    coded_as = draw(st.sampled_from(["E11.9", "I10"]))
    segments = [
        f"MSH|^~\\&|ADT|WEST|SANCTUM|HUB|{at}||ADT^{trigger}|{person}{number}|P|2.5",
        f"EVN|{trigger}|{at}||||{occurred}",
        f"PID|1||{person}^^^WEST&{MRN.removeprefix('urn:oid:')}&ISO^MR||DOE^JANE||19500505|F",
        "PV1|" + "|".join(fields.get(place, "") for place in range(1, 46)),
        f"DG1|1||{coded_as}^Diagnosis^I10||{occurred}|F",
    ]
    return "\r".join(segments) + "\r"


@st.composite
def _feed(draw: st.DrawFn, person: str, sent: list[str], first: int) -> str:
    triggers = ["A01", "A03", "A08", "A11", "A13"]
    return "".join(
        _message(
            person,
            first + number,
            draw(st.sampled_from(triggers)) if first or number else "A01",
            at,
            draw(st.sampled_from(HAPPENED)).replace("-", "") + "0900",
            draw,
        )
        for number, at in enumerate(sent)
    )


@st.composite
def stories(draw: st.DrawFn, person: str) -> Story:
    """Any story of one person of a FHIR server and another of an HL7 v2 feed, whose own records are known first.

    They stay two people: who is whom is as it is known now, whatever the day.
    """
    own = _said(_patient(person, 0, draw), BY_THEN[0])
    before = [[own], *([one] for one in draw(_versions(person, BY_THEN * 2)))]
    after = [[one] for one in draw(_versions(person, sorted(LATER * 2)))]
    # Nobody says of this version when it was so: it is known from when it comes.
    undated = draw(st.sampled_from(_MAKERS))(person, 0, draw)
    sent = ["20210115080000+0000", "20210331235900+0000", "20210630235900+0000"]
    return Story(
        _in_turns(before),
        [*_in_turns(after), [undated]],
        draw(_feed(f"{person}h", sent, 0)),
        draw(_feed(f"{person}h", ["20210701000000+0000", "20210815120000-0500"], 10)),
    )


def _in_turns(versions: list[list[Resource]]) -> list[list[Resource]]:
    """Two loads: what of one resource is said twice comes in both, so that bronze has had the first."""
    half = len(versions) // 2
    return [[one for (one,) in part] for part in (versions[:half], versions[half:])]
