"""Concepts that the starter vocabulary lacks and a site's download has: what golden cases need of them."""

SNOMED = "http://snomed.info/sct"
REQUESTED, NOT_DONE, REFUSED = 2100000001, 2100000002, 2100000003
CARDIOLOGY, SURGERY = 2100000004, 2100000005
ADVERSE, GOAL = 2100000006, 2100000007
FOOT_ULCER, ALLERGY_HISTORY, NO_ALLERGY, ORAL_ROUTE = (2100000201 + number for number in range(4))
OLD_NAME, FEVER, STENT, HOSPITAL, BLOOD, FOREARM = (2100000211 + number for number in range(6))
POSITIVE = 9191
DIABETES = 201820
"""Any diabetes, above type 2 in the hierarchy that the starter has."""

CONCEPTS = [
    (REQUESTED, "Requested", "Qualifier", "SNOMED", "385644000"),
    (NOT_DONE, "Procedure not done", "Observation", "SNOMED", "416237000"),
    (REFUSED, "Refusal of treatment by patient", "Observation", "SNOMED", "105480006"),
    (ADVERSE, "Adverse reaction", "Condition", "SNOMED", "281647001"),
    (GOAL, "Goal", "Qualifier", "SNOMED", "410518001"),
    (CARDIOLOGY, "Cardiology", "Provider", "NUCC", "207RC0000X"),
    (SURGERY, "Surgery", "Provider", "NUCC", "208600000X"),
    (FOOT_ULCER, "Ulcer of foot", "Condition", "SNOMED", "95345008"),
    (ALLERGY_HISTORY, "History of drug allergy", "Observation", "SNOMED", "161648005"),
    (NO_ALLERGY, "No known allergy", "Observation", "SNOMED", "716186003"),
    (ORAL_ROUTE, "Oral route", "Route", "SNOMED", "26643006"),
    (FEVER, "Fever", "Condition", "SNOMED", "386661006"),
    (STENT, "Coronary stent", "Device", "SNOMED", "705643001"),
    (HOSPITAL, "Hospital", "Visit", "SNOMED", "22232009"),
    (BLOOD, "Blood specimen", "Specimen", "SNOMED", "119297000"),
    (FOREARM, "Forearm", "Spec Anatomic Site", "SNOMED", "14975008"),
    (POSITIVE, "Positive", "Meas Value", "SNOMED", "10828004"),
]
"""Standard ones: id, name, domain, vocabulary, code."""

FOOT_CODE, PENICILLIN_CODE, UNMAPPED_CODE, OUTDATED_CODE, UNSPECIFIC_CODE = (2100000101 + number for number in range(5))
NDC_CODE, RENAMED_CODE = 2100000106, 2100000107
SOURCE_CONCEPTS = [
    (FOOT_CODE, "Type 2 diabetes with foot ulcer", "Condition", "ICD10CM", "E11.621"),
    (PENICILLIN_CODE, "Allergy status to penicillin", "Observation", "ICD10CM", "Z88.0"),
    (UNMAPPED_CODE, "Code without a map", "Condition", "ICD10CM", "U99.9"),
    (OUTDATED_CODE, "Code whose map is out of date", "Condition", "ICD10CM", "U98.9"),
    (UNSPECIFIC_CODE, "Unspecified diabetes", "Condition", "ICD10CM", "E14"),
    (NDC_CODE, "Aspirin 81 mg", "Drug", "NDC", "00777310502"),
    (RENAMED_CODE, "Former name", "Condition", "SNOMED", "12345003"),
]
"""Ones that are not standard."""

OUTDATED_CONCEPTS = [(OLD_NAME, "Concept of former days", "Condition", "SNOMED", "99999001")]
"""Ones that no longer count."""

RELATIONSHIPS = [
    (FOOT_CODE, 201826, "Maps to"),
    (FOOT_CODE, FOOT_ULCER, "Maps to"),
    (PENICILLIN_CODE, ALLERGY_HISTORY, "Maps to"),
    (PENICILLIN_CODE, 1112807, "Maps to value"),
    (OUTDATED_CODE, OLD_NAME, "Maps to"),
    (UNSPECIFIC_CODE, DIABETES, "Maps to"),
    (NDC_CODE, 1112807, "Maps to"),
    (RENAMED_CODE, FEVER, "Maps to"),
]
