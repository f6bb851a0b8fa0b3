"""Golden cases of devices and their use."""

from typing import Any

from tests.dbt_project.golden.case import Case, Resource, at, key, left_out
from tests.dbt_project.golden.orders import COLONOSCOPY, procedure
from tests.dbt_project.population import HCPCS, coded, of

WHEELCHAIR = coded(HCPCS, "E1130", "wheelchair")
_DEVICE = (
    "device_concept_id, device_source_value, device_exposure_start_date::text, device_exposure_end_date::text, "
    "unique_device_id, production_id"
)


def device(name: str, **parts: Any) -> Resource:
    made = {"type": WHEELCHAIR, "manufactureDate": "2001-01-01", "udiCarrier": [{"deviceIdentifier": "0084"}]}
    return {"resourceType": "Device", "id": name, **made, **parts}


def _owned(person: str) -> Resource:
    return device(f"{person}-own", serialNumber="S-9", patient={"reference": f"Patient/{person}"})


_SECRET = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}

DEVICES = [
    Case(
        "labelled",
        [
            device("secret-pump", meta=_SECRET),
            of(
                "labelled", "DeviceUseStatement", "secret-use", status="active", recordedOn="2026-02-01",
                device={"reference": "Device/secret-pump"},
            ),
            of("labelled", "Specimen", "secret-blood", receivedTime="2026-02-01", meta=_SECRET),
        ],
        "omop.specimen",
        "specimen_id",
        [(key("Specimen", "secret-blood"),)],
    ),
    Case(
        "device-used",
        [
            _owned("device-used"),
            of(
                "device-used", "DeviceUseStatement", "used", status="completed",
                device={"reference": "Device/device-used-own"},
                timingPeriod={"start": "2026-02-01", "end": "2026-02-09"},
            ),
        ],
        "omop.device_exposure",
        _DEVICE,
        [(0, "E1130", "2026-02-01", "2026-02-09", "0084", "S-9")],
    ),
    Case(
        "device-of-a-procedure",
        [
            _owned("device-of-a-procedure"),
            procedure(
                "device-of-a-procedure", COLONOSCOPY, status="completed",
                focalDevice=[{"manipulated": {"reference": "Device/device-of-a-procedure-own"}}],
            ),
        ],
        "omop.device_exposure",
        _DEVICE,
        [(0, "E1130", "2026-03-04", None, "0084", "S-9")],
    ),
    Case("device-nobody-used", [_owned("device-nobody-used")], "omop.device_exposure", "person_id", []),
    *(
        left_out(
            f"device-use-{status}",
            of(f"device-use-{status}", "DeviceUseStatement", "", status=status, recordedOn="2026-02-01",
               device=at("Device", "secret-pump")),
            f"status:{status}", "f2o-060", "f2o-062",
        )
        for status in ("intended", "on-hold", "entered-in-error")
    ),
    Case(
        "a-device-inside",
        [of("a-device-inside", "DeviceUseStatement", "use-inside", status="active", timingDateTime="2026-02-01",
            contained=[device("in", lotNumber="L-1")], device={"reference": "#in"})],
        "omop.device_exposure", _DEVICE, [(0, "E1130", "2026-02-01", None, "0084", "L-1")], ("f2o-032",),
    ),
    Case(
        "a-device-that-never-came",
        [of("a-device-that-never-came", "DeviceUseStatement", "use-of-none", status="stopped", recordedOn="2026-02-01",
            device={"reference": "Device/never-came", "display": "Pump"})],
        "omop.device_exposure", _DEVICE, [(0, "Pump", "2026-02-01", None, None, None)], ("f2o-032", "f2o-033"),
    ),
    Case(
        "a-device-over-a-period",
        [_owned("a-device-over-a-period"),
         of("a-device-over-a-period", "DeviceUseStatement", "long-use", status="completed",
            device=at("Device", "a-device-over-a-period-own"), timingPeriod={"start": "2026-01", "end": "2026-02"})],
        "omop.device_exposure", _DEVICE, [(0, "E1130", "2026-01-01", "2026-02-28", "0084", "S-9")], ("f2o-071",),
    ),
]  # fmt: skip
