"""A small download of all nine files, written in each of the forms that are read."""

import gzip
import zipfile
from collections.abc import Mapping
from pathlib import Path

from resources.postgres import Database, Role

Records = Mapping[str, list[list[str]]]
DAYS = ["19700101", "20991231", ""]
TYPE_2, DIABETES, OLD_CODE, ASPIRIN, CODE = 201826, 201820, 45000001, 1112807, 35206882
_COLUMNS = {
    "CONCEPT": "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code VALID",
    "CONCEPT_RELATIONSHIP": "concept_id_1 concept_id_2 relationship_id VALID",
    "CONCEPT_ANCESTOR": ("ancestor_concept_id descendant_concept_id min_levels_of_separation max_levels_of_separation"),
    "CONCEPT_SYNONYM": "concept_id concept_synonym_name language_concept_id",
    "VOCABULARY": "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id",
    "DOMAIN": "domain_id domain_name domain_concept_id",
    "CONCEPT_CLASS": "concept_class_id concept_class_name concept_class_concept_id",
    "RELATIONSHIP": (
        "relationship_id relationship_name is_hierarchical defines_ancestry reverse_relationship_id "
        "relationship_concept_id"
    ),
    "DRUG_STRENGTH": (
        "drug_concept_id ingredient_concept_id amount_value amount_unit_concept_id numerator_value "
        "numerator_unit_concept_id denominator_value denominator_unit_concept_id box_size VALID"
    ),
}
HEADERS = {
    stem: columns.replace("VALID", "valid_start_date valid_end_date invalid_reason").split()
    for stem, columns in _COLUMNS.items()
}


def concept(number: int, code: str, standard: str = "S", domain: str = "Condition", **changed: str) -> list[str]:
    """A concept of SNOMED unless ``vocabulary`` names another; ``invalid`` is its invalid_reason."""
    name = changed.get("name", f"Concept {code}")
    vocabulary = changed.get("vocabulary", "SNOMED")
    coded = [vocabulary, "Clinical Finding", standard, code]
    return [str(number), name, domain, *coded, *DAYS[:2], changed.get("invalid", "")]


def link(one: int, other: int, kind: str = "Maps to", invalid: str = "") -> list[str]:
    return [str(one), str(other), kind, *DAYS[:2], invalid]


ROWS: Records = {
    "CONCEPT": [
        concept(TYPE_2, "44054006", name='Type 2 diabetes, the "real" one'),
        concept(DIABETES, "73211009", name="Diabetes \\N \\. mellitus"),
        concept(OLD_CODE, "99999001", name="Zuckerkrankheit (süß)"),
        concept(ASPIRIN, "1191", domain="Drug", vocabulary="RxNorm"),
        concept(CODE, "E11.9", standard="", vocabulary="ICD10CM"),
    ],
    "CONCEPT_RELATIONSHIP": [link(CODE, TYPE_2), link(TYPE_2, DIABETES, "Is a"), link(OLD_CODE, TYPE_2, invalid="D")],
    "CONCEPT_ANCESTOR": [[str(DIABETES), str(TYPE_2), "1", "1"]],
    "CONCEPT_SYNONYM": [[str(TYPE_2), "Non-insulin-dependent diabetes, ' and \"", "4180186"]],
    "VOCABULARY": [["SNOMED", "Systematic Nomenclature of Medicine", "", "2026-09-01", "44819097"]],
    "DOMAIN": [["Condition", "Condition", "19"]],
    "CONCEPT_CLASS": [["Clinical Finding", "Clinical Finding", "44819089"]],
    "RELATIONSHIP": [["Maps to", "Non-standard to standard", "0", "0", "Mapped from", "44818976"]],
    "DRUG_STRENGTH": [[str(ASPIRIN), str(ASPIRIN), "81.5", "8576", "", "", "", "", "", *DAYS]],
}


def tab_separated(header: list[str], rows: list[list[str]], end: str = "\n") -> bytes:
    return "".join("\t".join(row) + end for row in (header, *rows)).encode()


def comma_separated(header: list[str], rows: list[list[str]]) -> bytes:
    """Eunomia's form: everything quoted, ISO dates."""
    lines = [",".join(f'"{name}"' for name in header)]
    for row in rows:
        values = [_iso(name, value).replace('"', '""') for name, value in zip(header, row, strict=True)]
        lines.append(",".join(f'"{value}"' for value in values))
    return ("\r\n".join(lines) + "\r\n").encode()


def _iso(name: str, value: str) -> str:
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if name.endswith("_date") else value


def write(folder: Path, rows: Records = ROWS, form: str = "tab") -> Path:
    """Write a download in one of the forms; the path of its folder or zip."""
    folder.mkdir(parents=True)
    for stem, found in rows.items():
        header, path = HEADERS[stem], folder / f"{stem}.csv"
        if form == "comma":
            path.write_bytes(comma_separated(header, found))
        elif form == "gzip":
            (folder / f"{stem}.csv.gz").write_bytes(gzip.compress(tab_separated(header, found)))
        elif form == "crlf with a byte order mark":
            path.write_bytes(b"\xef\xbb\xbf" + tab_separated(header, found, "\r\n"))
        elif form == "no last line end":
            path.write_bytes(tab_separated(header, found).removesuffix(b"\n"))
        elif form == "other order and case":
            turned = [list(reversed(row)) for row in found]
            path.write_bytes(tab_separated([name.upper() for name in reversed(header)], turned))
        else:
            path.write_bytes(tab_separated(header, found))
    if form != "zip":
        return folder
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"download/{path.name}")
        # What Athena adds for CPT4, and macOS for itself.
        for name in ("cpt.sh", "cpt.bat", "cpt4.jar", "readme.txt", "__MACOSX/._CONCEPT.csv"):
            archive.writestr(name, b"\x00")
    return folder.with_suffix(".zip")


def rows(db: Database, query: str) -> list[tuple]:
    with db.connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode()).fetchall()


def contents(db: Database) -> dict[str, list[str]]:
    """Every row of every table of a download, as text."""
    return {stem: sorted(row for (row,) in rows(db, f"SELECT t::text FROM vocab.{stem.lower()} AS t")) for stem in ROWS}


def left_over(db: Database) -> list[tuple]:
    """Tables of a version that never came into force."""
    return rows(db, "SELECT relname FROM pg_class WHERE relnamespace = 'vocab_next'::regnamespace AND relkind = 'r'")
