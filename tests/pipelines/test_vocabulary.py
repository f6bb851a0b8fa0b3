"""Vocabulary loads: both file forms, the starter under a download, all or nothing."""

import gzip
import zipfile
from pathlib import Path

import pytest

from pipelines.vocabulary import VocabularyError, ensure_starter, load_vocabulary
from resources.postgres import Database, Role
from tests.pipelines.vocabulary import downloads

CONCEPT = [
    "concept_id",
    "concept_name",
    "domain_id",
    "vocabulary_id",
    "concept_class_id",
    "standard_concept",
    "concept_code",
]
CONCEPT += ["valid_start_date", "valid_end_date", "invalid_reason"]
LINK = ["concept_id_1", "concept_id_2", "relationship_id", "valid_start_date", "valid_end_date", "invalid_reason"]
ANCESTOR = ["ancestor_concept_id", "descendant_concept_id"]
ANCESTOR += ["min_levels_of_separation", "max_levels_of_separation"]
DAYS = ["19700101", "20991231", ""]
# A name with a lone quotation mark, as Athena's unquoted files hold them.
RECORDS = {
    "CONCEPT": [CONCEPT, ["35206882", 'T2DM, the "real" one', "Condition", "ICD10CM", "code", "", "E11.9", *DAYS]],
    "CONCEPT_RELATIONSHIP": [LINK, ["35206882", "201826", "Maps to", *DAYS]],
    "CONCEPT_ANCESTOR": [ANCESTOR, ["201820", "201826", "1", "1"]],
}


def tab_separated(records: list[list[str]]) -> bytes:
    return "".join("\t".join(record) + "\n" for record in records).encode()


def comma_separated(records: list[list[str]]) -> bytes:
    quoted = [[value.replace('"', '""') for value in record] for record in records]
    return "".join(",".join(f'"{value}"' if value else "" for value in record) + "\r\n" for record in quoted).encode()


def rows(db: Database, query: str) -> list[tuple]:
    with db.connect(Role.TRANSFORM) as connection:
        return connection.execute(query).fetchall()


def write_folder(folder: Path, form: str) -> Path:
    folder.mkdir()
    for stem, records in RECORDS.items():
        if form == "gzip":
            (folder / f"{stem}.csv.gz").write_bytes(gzip.compress(tab_separated(records)))
        else:
            content = tab_separated(records) if form == "tab" else comma_separated(records)
            (folder / f"{stem}.csv").write_bytes(content)
    return folder


def test_starter_is_loaded_once(db: Database) -> None:
    first = ensure_starter(db)
    assert first.changed
    assert first.concepts > 500
    assert not ensure_starter(db).changed
    assert rows(db, "SELECT concept_name FROM vocab.concept WHERE concept_id = 0") == [("No matching concept",)]


@pytest.mark.parametrize("form", ["tab", "comma", "gzip"])
def test_a_download_wins_over_the_starter_by_code(db: Database, tmp_path: Path, form: str) -> None:
    ensure_starter(db)
    report = load_vocabulary(db, write_folder(tmp_path / "download", form))
    assert report.changed
    query = (
        "SELECT concept_id, concept_name FROM vocab.concept WHERE vocabulary_id = 'ICD10CM' AND concept_code = 'E11.9'"
    )
    assert rows(db, query) == [(35206882, 'T2DM, the "real" one')]
    assert rows(db, "SELECT count(*) FROM vocab.concept WHERE concept_code = 'I10'") == [(1,)]
    concepts = "SELECT concept_id FROM vocab.concept"
    assert rows(db, f"SELECT 1 FROM vocab.concept_relationship WHERE concept_id_1 NOT IN ({concepts})") == []


def test_a_zip_is_read_and_the_same_content_changes_nothing(db: Database, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "download", "tab")
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"vocabulary/{path.name}")
    assert load_vocabulary(db, folder).changed
    assert not load_vocabulary(db, tmp_path / "download.zip").changed


def test_a_bad_download_leaves_the_vocabulary_as_it_was(db: Database, tmp_path: Path) -> None:
    before = ensure_starter(db)
    folder = write_folder(tmp_path / "download", "tab")
    (folder / "CONCEPT_ANCESTOR.csv").write_bytes(b"ancestor\tdescendant\n1\t2\n")
    with pytest.raises(VocabularyError, match="CONCEPT_ANCESTOR has other columns"):
        load_vocabulary(db, folder)
    (folder / "CONCEPT_ANCESTOR.csv").unlink()
    with pytest.raises(VocabularyError, match="lacks CONCEPT_ANCESTOR"):
        load_vocabulary(db, folder)
    assert rows(db, "SELECT count(*) FROM vocab.concept") == [(before.concepts,)]


def test_the_shared_download_and_value_sets_load(db: Database, shared_data: Path) -> None:
    report = load_vocabulary(db, shared_data / "vocabulary")
    assert report.concepts > 2_400
    members = load_vocabulary(db, shared_data / "ecqm")
    assert members.value_set_members > 16_000
    assert members.concepts == report.concepts
    assert not load_vocabulary(db, shared_data / "ecqm").changed


@pytest.mark.parametrize(
    ("invalid", "links", "expected"),
    [
        ("U", [], [(46_236_952,)]),
        # What the download itself says of it stands, and so does a code that it has as valid.
        ("U", [downloads.link(3_030_354, downloads.TYPE_2, "Concept replaced by")], []),
        ("U", [downloads.link(3_030_354, downloads.TYPE_2, invalid="D")], []),
        ("", [], []),
    ],
)
def test_the_starter_says_what_replaced_a_code_that_a_download_only_deprecates(
    db: Database, tmp_path: Path, invalid: str, links: list[list[str]], expected: list[tuple[int]]
) -> None:
    code = downloads.concept(3_030_354, "33914-3", standard="", vocabulary="LOINC", invalid=invalid)
    concepts = [*downloads.ROWS["CONCEPT"], code]
    added = {"CONCEPT": concepts, "CONCEPT_RELATIONSHIP": [*downloads.ROWS["CONCEPT_RELATIONSHIP"], *links]}
    load_vocabulary(db, downloads.write(tmp_path / "download", {**downloads.ROWS, **added}))
    query = (
        "SELECT concept_id_2 FROM vocab.concept_relationship "
        "WHERE concept_id_1 = 3030354 AND relationship_id = 'Maps to' AND invalid_reason IS NULL"
    )
    assert rows(db, query) == expected
