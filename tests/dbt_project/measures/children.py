"""Childhood immunizations: CMS117. Cases take something from a child who has all ten, or add what stands for it."""

from tests.dbt_project.measures.cases import (
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    Case,
    Resource,
    case,
    condition,
    encounter,
    immunization,
    procedure,
)

_VISIT = encounter("preventive_care_established_child", "2026-02-03")
_BORN = "2024-07-01"
_ALL = {
    "dtap_vaccine": ("2024-08-12", "2024-10-12", "2024-12-12", "2025-10-01"),
    "polio_vaccine": ("2024-08-12", "2024-10-12", "2024-12-12"),
    "mmr_vaccine": ("2025-07-01",),
    "hib_vaccine_3_dose": ("2024-08-12", "2024-10-12", "2024-12-12"),
    "hepatitis_b_vaccine": ("2024-07-01", "2024-08-12", "2024-10-12"),
    "varicella_vaccine": ("2026-07-01",),
    "pneumococcal_conjugate_vaccine": ("2024-08-12", "2024-10-12", "2024-12-12", "2025-10-01"),
    "hepatitis_a_vaccine": ("2025-07-01",),
    "rotavirus_vaccine_2_dose": ("2024-08-12", "2024-10-12"),
    "child_influenza_vaccine": ("2024-12-28", "2025-10-01"),
}


def _given(**instead: tuple[str, ...]) -> list[Resource]:
    """All vaccinations; those named on other days."""
    return [immunization(name, day) for name, days in {**_ALL, **instead}.items() for day in days]


def _only(name: str, expected: frozenset[str], *resources: Resource, **instead: tuple[str, ...]) -> Case:
    return case("CMS117", name, expected, _VISIT, *_given(**instead), *resources, born=_BORN)


def _stands_for(name: str, vaccine: str, *diagnoses: str) -> Case:
    return _only(name, MET, *(condition(one, "2025-01-01") for one in diagnoses), **{vaccine: ()})


CASES = [
    _only("all ten", MET),
    *(_only(f"without {vaccine}", OPEN, **{vaccine: ()}) for vaccine in _ALL),
    *(_only(f"a {vaccine} fewer", OPEN, **{vaccine: days[1:]}) for vaccine, days in _ALL.items() if len(days) > 1),
    case("CMS117", "one year old", OUT, _VISIT, *_given(), born="2025-01-01"),
    case("CMS117", "three years old", OUT, _VISIT, *_given(), born="2023-12-31"),
    case("CMS117", "no visit", OUT, *_given(), born=_BORN),
    _only("first DTaP on day 41", OPEN, dtap_vaccine=("2024-08-11", "2024-10-12", "2024-12-12", "2025-10-01")),
    _only("two doses on one day", OPEN, dtap_vaccine=("2024-08-12", "2024-08-12", "2024-12-12", "2025-10-01")),
    _only("fourth DTaP after the second birthday", OPEN,
          dtap_vaccine=("2024-08-12", "2024-10-12", "2024-12-12", "2026-07-02")),
    _only("fourth DTaP as a procedure", MET, procedure("dtap_vaccine_administered", "2025-11-01"),
          dtap_vaccine=("2024-08-12", "2024-10-12", "2024-12-12")),
    _only("fourth DTaP by the code of a procedure", OPEN, immunization("dtap_vaccine_administered", "2025-11-01"),
          dtap_vaccine=("2024-08-12", "2024-10-12", "2024-12-12")),
    _only("fourth DTaP as a procedure by the code of a vaccine", OPEN, procedure("dtap_vaccine", "2025-11-01"),
          dtap_vaccine=("2024-08-12", "2024-10-12", "2024-12-12")),
    _only("fourth DTaP not done", OPEN, immunization("dtap_vaccine", "2025-11-01", "not-done"),
          dtap_vaccine=("2024-08-12", "2024-10-12", "2024-12-12")),
    _only("MMR before the first birthday", OPEN, mmr_vaccine=("2025-06-30",)),
    _only("one Hib of four doses, three in all", OPEN, immunization("hib_vaccine_4_dose", "2025-10-01"),
          hib_vaccine_3_dose=("2024-08-12", "2024-10-12")),
    _only("one Hib of four doses, four in all", MET, immunization("hib_vaccine_4_dose", "2025-10-01")),
    _only("one rotavirus of three doses, two in all", OPEN, immunization("rotavirus_vaccine_3_dose", "2024-10-12"),
          rotavirus_vaccine_2_dose=("2024-08-12",)),
    _only("one rotavirus of three doses, three in all", MET, immunization("rotavirus_vaccine_3_dose", "2024-12-12")),
    _only("newborn dose and two of hepatitis B", MET, procedure("newborn_vaccine", "2024-07-08"),
          hepatitis_b_vaccine=("2024-08-12", "2024-10-12")),
    _only("newborn dose too late", OPEN, procedure("newborn_vaccine", "2024-07-09"),
          hepatitis_b_vaccine=("2024-08-12", "2024-10-12")),
    _only("influenza on day 179", OPEN, child_influenza_vaccine=("2024-12-27", "2025-10-01")),
    _only("nasal influenza on the second birthday", MET, immunization("influenza_virus_laiv_vaccine", "2026-07-01"),
          child_influenza_vaccine=("2025-10-01",)),
    _only("nasal influenza the day before", OPEN, immunization("influenza_virus_laiv_vaccine", "2026-06-30"),
          child_influenza_vaccine=("2025-10-01",)),
    _stands_for("anaphylaxis by DTaP", "dtap_vaccine", "anaphylactic_reaction_to_dtap_vaccine"),
    _stands_for("encephalitis", "dtap_vaccine", "encephalitis_due_to_vaccine"),
    _stands_for("anaphylaxis by polio", "polio_vaccine", "anaphylaxis_by_polio_vaccine"),
    _only("measles mumps and rubella", MET, condition("measles", "2025-01-01", "encounter-diagnosis"),
          condition("mumps", "2025-01-01"), condition("rubella", "2025-01-01"), mmr_vaccine=()),
    _only("measles on the problem list alone", OPEN, condition("measles", "2025-01-01"),
          condition("mumps", "2025-01-01"), condition("rubella", "2025-01-01"), mmr_vaccine=()),
    _stands_for("chickenpox", "varicella_vaccine", "varicella_zoster"),
    _stands_for("hepatitis A", "hepatitis_a_vaccine", "hepatitis_a"),
    _stands_for("hepatitis B", "hepatitis_b_vaccine", "hepatitis_b_childhood"),
    _only("measles and mumps alone", OPEN, condition("measles", "2025-01-01", "encounter-diagnosis"),
          condition("mumps", "2025-01-01"), mmr_vaccine=()),
    _only("chickenpox after the second birthday", OPEN, condition("varicella_zoster", "2026-07-02"),
          varicella_vaccine=()),
    _only("immunodeficiency", EXCLUDED, condition("disorders_of_the_immune_system", "2026-07-01")),
    _only("immunodeficiency later", MET, condition("disorders_of_the_immune_system", "2026-07-02")),
    _only("intussusception", EXCLUDED, condition("intussusception", "2025-01-01", clinical="resolved")),
    _only("hospice", EXCLUDED, condition("hospice_diagnosis", "2026-05-01")),
]  # fmt: skip
