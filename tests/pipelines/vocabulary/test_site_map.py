"""A site's own codes are checked line by line, all or nothing."""

from pathlib import Path

import pytest

from pipelines.vocabulary import VocabularyError, load_site_map, load_vocabulary, report
from resources.postgres import Database, database
from resources.settings import Settings
from tests.pipelines.vocabulary import downloads
from tests.pipelines.vocabulary.downloads import CODE, DIABETES, OLD_CODE, TYPE_2

SHORT = "source_code,source_vocabulary_id,target_concept_id\n"
STORED = (
    "SELECT source_code, source_vocabulary_id, target_concept_id, target_vocabulary_id, source_concept_id, "
    "valid_start_date::text, valid_end_date::text, invalid_reason FROM vocab.source_to_concept_map ORDER BY 1, 2, 3"
)


@pytest.fixture(scope="module")
def loaded(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """One for all: every test gives a map of its own, which replaces the one before."""
    found = database(module_settings)
    load_vocabulary(found, downloads.write(tmp_path_factory.mktemp("good") / "download"))
    return found


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "codes.csv"
    path.write_text(text)
    return path


def test_what_a_site_leaves_out_is_filled_in(loaded: Database, tmp_path: Path) -> None:
    path = write(tmp_path, f'{SHORT}"DM, II",LOCAL,{TYPE_2}\nDM0,http://hospital.example/codes,0\n')
    told = load_site_map(loaded, path)
    assert (told.rows, told.codes, told.changed) == (2, 2, True)
    assert downloads.rows(loaded, STORED) == [
        ("DM, II", "LOCAL", TYPE_2, "SNOMED", 0, "1970-01-01", "2099-12-31", None),
        ("DM0", "http://hospital.example/codes", 0, "None", 0, "1970-01-01", "2099-12-31", None),
    ]
    assert not load_site_map(loaded, path).changed


def test_a_whole_file_replaces_the_one_before(loaded: Database, tmp_path: Path) -> None:
    load_site_map(loaded, write(tmp_path, f"{SHORT}A,LOCAL,{TYPE_2}\nB,LOCAL,{TYPE_2}\n"))
    whole = (
        "source_code\tsource_concept_id\tsource_vocabulary_id\tsource_code_description\ttarget_concept_id\t"
        "target_vocabulary_id\tvalid_start_date\tvalid_end_date\tinvalid_reason\n"
        f'B\t{CODE}\tLOCAL\tthe "B"\t{TYPE_2}\tSNOMED\t20200101\t20991231\t\n'
        f"B\t0\tLOCAL\t\t{DIABETES}\tSNOMED\t20200101\t20201231\tD\n"
    )
    assert load_site_map(loaded, write(tmp_path, whole)).rows == 2
    assert downloads.rows(loaded, STORED) == [
        ("B", "LOCAL", DIABETES, "SNOMED", 0, "2020-01-01", "2020-12-31", "D"),
        ("B", "LOCAL", TYPE_2, "SNOMED", CODE, "2020-01-01", "2099-12-31", None),
    ]


BROKEN = {
    f"A,LOCAL,{CODE}": "line 3, column target_concept_id: the concept is not standard, or no longer valid",
    "A,LOCAL,999": "line 3, column target_concept_id: there is no such concept in the vocabulary in use",
    "A,LOCAL,": "line 3, column target_concept_id: a value is required",
    f",LOCAL,{TYPE_2}": "line 3, column source_code: a value is required",
    f"A,,{TYPE_2}": "line 3, column source_vocabulary_id: a value is required",
    f'" fine ",LOCAL,{TYPE_2}': "line 3, column source_code: an earlier line has the same code and target",
    "A,LOCAL,Jane": "line 3, column target_concept_id: it is no number",
    "A,LOCAL": "line 3, column target_concept_id: it has other than 3 fields",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_named_and_nothing_changes(loaded: Database, tmp_path: Path, line: str) -> None:
    load_site_map(loaded, write(tmp_path, f"{SHORT}KEPT,LOCAL,{TYPE_2}\n"))
    with pytest.raises(VocabularyError) as refused:
        load_site_map(loaded, write(tmp_path, f"{SHORT}FINE,LOCAL,{TYPE_2}\n{line}\n"))
    assert BROKEN[line] in str(refused.value)
    assert "Jane" not in str(refused.value)
    assert [row[0] for row in downloads.rows(loaded, STORED)] == ["KEPT"]


def test_every_broken_line_is_told_up_to_twenty(loaded: Database, tmp_path: Path) -> None:
    lines = "".join(f"C{number},LOCAL,999\n" for number in range(25))
    with pytest.raises(VocabularyError, match=r"line 2, .*line 21, .*; and 5 more\. Nothing was loaded"):
        load_site_map(loaded, write(tmp_path, SHORT + lines))


@pytest.mark.parametrize(
    ("columns", "values", "message"),
    [
        ("target_vocabulary_id", "LOINC", "the concept is of another vocabulary"),
        ("source_concept_id", "999", "there is no such concept in the vocabulary in use"),
        ("valid_start_date,valid_end_date", "20200102,20200101", "it is before valid_start_date"),
        ("invalid_reason", "X", "it is neither empty nor D or U"),
    ],
)
def test_the_other_columns_are_checked_too(
    loaded: Database, tmp_path: Path, columns: str, values: str, message: str
) -> None:
    with pytest.raises(VocabularyError, match=f"line 2, column [a-z_]+: {message}"):
        load_site_map(loaded, write(tmp_path, f"{SHORT.strip()},{columns}\nA,LOCAL,{TYPE_2},{values}\n"))


def test_a_release_that_takes_a_target_away_is_reported(db: Database, tmp_path: Path) -> None:
    load_vocabulary(db, downloads.write(tmp_path / "download"))
    load_site_map(db, write(tmp_path, f"{SHORT}A,LOCAL,{OLD_CODE}\nB,LOCAL,{TYPE_2}\nC,LOCAL,0\n"))
    assert report(db).site_codes_without_target == 0
    newer = [*downloads.ROWS["CONCEPT"][:2], downloads.concept(OLD_CODE, "99999001", standard="", invalid="U")]
    told = load_vocabulary(db, downloads.write(tmp_path / "newer", {**downloads.ROWS, "CONCEPT": newer}))
    assert (told.site_codes, told.site_codes_without_target) == (3, 1)


def test_no_file_is_an_error_of_its_own(loaded: Database, tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="there is none of that name"):
        load_site_map(loaded, tmp_path / "absent.csv")
