"""Value sets come as FHIR expansions and as tables; each one replaces itself, all or none."""

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.vocabulary import VocabularyError, load_value_sets
from resources.postgres import Database, database
from resources.settings import Settings
from tests.pipelines.vocabulary import downloads

LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
STORED = "SELECT oid, value_set_name, system, code, display FROM vocab.value_set_member ORDER BY 1, 3, 4"
CODES = "SELECT code FROM vocab.value_set_member WHERE oid = '{}' ORDER BY 1"


def value_set(oid: str, *codes: str, url: str | None = None, **expansion: Any) -> dict[str, Any]:
    contains = [{"system": LOINC, "code": code, "display": f"test {code}"} for code in codes]
    return {
        "resourceType": "ValueSet",
        "url": url or f"http://cts.nlm.nih.gov/fhir/ValueSet/{oid}",
        "title": f"Set {oid}",
        "expansion": {"timestamp": "2026-01-01", "contains": contains, **expansion},
    }


@pytest.fixture(scope="module")
def db(module_settings: Settings) -> Database:
    """One for all: every test has value sets of its own, and what is refused leaves no trace."""
    return database(module_settings)


def write(path: Path, *resources: object) -> Path:
    content = "\n".join(json.dumps(one) for one in resources).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def codes(db: Database, oid: str) -> list[str]:
    return [code for (code,) in downloads.rows(db, CODES.format(oid))]


@pytest.mark.parametrize("name", ["one.json", "one.ndjson", "one.json.gz", "one.ndjson.gz"])
def test_each_form_gives_the_same_members(db: Database, tmp_path: Path, name: str) -> None:
    first, second = value_set("1.20.1", "1-8", "2-6"), value_set("1.20.2", "3-4")
    measure = {"resourceType": "Measure", "id": "m"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in (measure, first)] + [{"fullUrl": "x"}]}
    path = write(tmp_path / name, *([bundle, second] if "nd" in name else [[bundle, second]]))
    told = load_value_sets(db, [path])
    assert (told.files, told.value_sets, told.codes) == (1, 2, 3)
    assert codes(db, "1.20.1") == ["1-8", "2-6"]
    assert not load_value_sets(db, [path]).changed


@pytest.mark.parametrize(
    "named",
    [
        {
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.21.1"}],
            "url": "http://x.example/vs/Tests",
        },
        {"url": "urn:oid:1.21.1"},
        {"url": "http://x.example/ValueSet/1.21.1|20260101"},
        {"url": "http://x.example/vs/Tests", "id": "1.21.1"},
        {"identifier": [{"value": "no oid"}], "url": "http://x.example/ValueSet/1.21.1"},
    ],
)
def test_the_oid_is_found_where_it_is_written(db: Database, tmp_path: Path, named: dict[str, Any]) -> None:
    load_value_sets(db, [write(tmp_path / "set.json", value_set("-", "9-1") | named)])
    assert codes(db, "1.21.1") == ["9-1"]


def test_a_set_without_an_oid_is_known_by_its_url(db: Database, tmp_path: Path) -> None:
    load_value_sets(db, [write(tmp_path / "set.json", value_set("-", "1-8", url="http://x.example/vs/direct:yes"))])
    assert codes(db, "direct:yes") == ["1-8"]


def test_entries_below_entries_and_inactive_ones_are_members_and_abstract_ones_are_not(
    db: Database, tmp_path: Path
) -> None:
    below = [{"system": LOINC, "code": "2-2", "inactive": True}, {"system": RXNORM, "code": "3-3"}]
    group = [
        {"display": "a heading", "contains": [{"system": LOINC, "code": "1-1", "abstract": True, "contains": below}]}
    ]
    load_value_sets(db, [write(tmp_path / "set.json", value_set("1.22.1", contains=group, total=4))])
    found = [row[2:] for row in downloads.rows(db, STORED) if row[0] == "1.22.1"]
    assert found == [(LOINC, "2-2", None), (RXNORM, "3-3", None)]


def test_a_set_replaces_itself_and_no_other(db: Database, tmp_path: Path) -> None:
    load_value_sets(db, [write(tmp_path / "two.ndjson", value_set("1.23.1", "1-1", "2-2"), value_set("1.23.2", "3-3"))])
    told = load_value_sets(db, [write(tmp_path / "one.json", value_set("1.23.1", "2-2", "4-4"))])
    assert (told.value_sets, told.codes, told.added, told.removed) == (1, 2, 1, 1)
    assert (codes(db, "1.23.1"), codes(db, "1.23.2")) == (["2-2", "4-4"], ["3-3"])


def test_a_dry_run_says_what_it_would_do_and_does_nothing(db: Database, tmp_path: Path) -> None:
    before = downloads.rows(db, STORED)
    told = load_value_sets(db, [write(tmp_path / "set.json", value_set("1.24.1", "1-1"))], dry_run=True)
    assert (told.codes, told.added, told.changed, told.value_set_members) == (1, 1, False, len(before))
    assert downloads.rows(db, STORED) == before


def test_a_table_may_name_code_systems_as_vsac_does(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "sets.csv.gz"
    lines = 'oid,name,system,code,display\nurn:oid:1.25.1,"A, b",LOINC,1-8,"x, y"\n1.25.1,"A, b",RXNORM,5,\n'
    path.write_bytes(
        gzip.compress((lines + f'1.25.1,"A, b",{LOINC},1-8,"x, y"\n1.25.1,"A, b",urn:oid:1.2,7,\n').encode())
    )
    told = load_value_sets(db, [path])
    assert (told.value_sets, told.codes) == (1, 3)
    assert [row for row in downloads.rows(db, STORED) if row[0] == "1.25.1"] == [
        ("1.25.1", "A, b", LOINC, "1-8", "x, y"),
        ("1.25.1", "A, b", RXNORM, "5", None),
        ("1.25.1", "A, b", "urn:oid:1.2", "7", None),
    ]
    assert not load_value_sets(db, [path]).changed


def test_a_folder_is_read_whole_and_what_holds_no_set_is_left_alone(db: Database, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "set.json", value_set("1.26.1", "1-1"))
    write(tmp_path / "library.json", {"resourceType": "Library"})
    (tmp_path / "README.md").write_text("no value set")
    (tmp_path / "more.csv").write_text(f"oid,name,system,code,display\n1.26.2,More,{LOINC},2-2,\n")
    told = load_value_sets(db, [tmp_path])
    assert (told.files, told.value_sets) == (3, 2)
    assert (codes(db, "1.26.1"), codes(db, "1.26.2")) == (["1-1"], ["2-2"])


def test_pages_of_an_expansion_are_put_together(db: Database, tmp_path: Path) -> None:
    pages = [value_set("1.27.1", "1-1", "2-2", total=3, offset=0), value_set("1.27.1", "3-3", total=3, offset=2)]
    load_value_sets(db, [write(tmp_path / f"{number}.json", page) for number, page in enumerate(pages)])
    assert codes(db, "1.27.1") == ["1-1", "2-2", "3-3"]


COMPOSE = {"resourceType": "ValueSet", "url": "http://x.example/1.28.1", "name": "Only", "compose": {"include": []}}
REFUSED = {
    "no expansion": ([COMPOSE], "Only (1.28.1) in set.ndjson has no expansion, only a definition: export it expanded"),
    "empty": ([value_set("1.28.2")], "Set 1.28.2 (1.28.2) in set.ndjson has an empty expansion: export it"),
    "a page alone": (
        [value_set("1.28.3", "1-1", total=1200)],
        "Set 1.28.3 (1.28.3) in set.ndjson has 1 of the 1,200 codes of its expansion: export all of it",
    ),
    "twice, differing": (
        [value_set("1.28.4", "1-1"), value_set("1.28.4", "1-1", "2-2")],
        "Set 1.28.4 (1.28.4) has other codes in set.ndjson than in set.ndjson: keep one of them",
    ),
    "without a system": (
        [value_set("1.28.5", contains=[{"code": "1-1"}])],
        "Set 1.28.5 (1.28.5) in set.ndjson lists a code without a code system",
    ),
    "no list": ([value_set("1.28.6", contains="1-1")], "has an expansion that is no list of codes"),
    "no name": ([{"resourceType": "ValueSet", "title": "Lost"}], "Lost in set.ndjson has neither an OID nor a url"),
    "no value set": ([{"resourceType": "Measure"}], "set.ndjson holds no ValueSet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_set_that_can_not_be_used_refuses_all(db: Database, tmp_path: Path, case: str) -> None:
    resources, message = REFUSED[case]
    before = downloads.rows(db, STORED)
    good = write(tmp_path / "good.json", value_set("1.28.9", "1-1"))
    with pytest.raises(VocabularyError, match=re.escape(message)):
        load_value_sets(db, [good, write(tmp_path / "set.ndjson", *resources)])
    assert downloads.rows(db, STORED) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("set.json", b"<ValueSet/>", "set.json is no JSON: give FHIR JSON, or CSV"),
        ("set.ndjson", b"{}\n{}\nJane\n", "set.ndjson is no JSON, nor NDJSON by its line 3"),
        ("set.json.gz", gzip.compress(b"{}")[:-9], "set.json.gz can't be read"),
        ("set.csv", b"oid,name,system,code,display\n1.29,Set,LOINC,,Jane\n", "set.csv, line 2, column code: a value"),
        ("set.csv", b"oid,code\n1.29,1-1\n", "set.csv has other columns than it should"),
        ("set.csv", b"oid,name,system,code,display\n", "the files hold no value set"),
    ],
)
def test_a_file_that_can_not_be_read_refuses_all(
    db: Database, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    before = downloads.rows(db, STORED)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VocabularyError, match=re.escape(message)) as refused:
        load_value_sets(db, [tmp_path / name])
    assert "Jane" not in str(refused.value)
    assert downloads.rows(db, STORED) == before


def test_a_table_that_contradicts_an_expansion_is_refused(db: Database, tmp_path: Path) -> None:
    table = tmp_path / "sets.csv"
    table.write_text(f"oid,name,system,code,display\nurn:oid:1.30.1,Set,{LOINC},1-1,\n")
    same = write(tmp_path / "same.json", value_set("1.30.1", "1-1"))
    assert load_value_sets(db, [table, same], dry_run=True).codes == 1
    other = write(tmp_path / "other.json", value_set("1.30.1", "1-1", "2-2"))
    with pytest.raises(VocabularyError, match=r"\(1\.30\.1\) is there more than once, with other codes"):
        load_value_sets(db, [table, other])
    assert codes(db, "1.30.1") == []


def test_a_path_that_leads_nowhere_is_refused(db: Database, tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="there is no file or folder"):
        load_value_sets(db, [tmp_path / "nothing"])
    with pytest.raises(VocabularyError, match="holds no file that ends in"):
        load_value_sets(db, [tmp_path])


def test_published_sets_are_the_same_as_a_table_and_as_expansions(
    db: Database, shared_data: Path, tmp_path: Path
) -> None:
    table = shared_data / "ecqm" / "valuesets.csv.gz"
    loaded = load_value_sets(db, [table])
    assert (loaded.value_sets > 200, loaded.codes > 16_000) == (True, True)
    sets: dict[str, dict[str, Any]] = {}
    names: dict[str, set[str]] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(table.read_bytes()).decode())):
        one = sets.setdefault(row["oid"], value_set(row["oid"], total=0) | {"title": row["name"]})
        entry = {name: row[name] for name in ("system", "code", "display") if row[name]}
        one["expansion"]["contains"].append(entry)
        one["expansion"]["total"] += 1
        names.setdefault(row["oid"], set()).add(row["name"])
    # An expansion has one name, and a table may give a set several.
    published = [one for oid, one in sets.items() if len(names[oid]) == 1]
    again = load_value_sets(db, [write(tmp_path / "all.ndjson.gz", *published)])
    assert (again.value_sets, again.added, again.removed) == (len(published), 0, 0)
    assert len(published) > 200
