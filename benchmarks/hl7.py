"""HL7 v2 messages folded into bronze a second, beside two parsers that only parse the same messages."""

import importlib
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from benchmarks.table import Table
from pipelines.hl7 import fold_messages, land_hl7
from pipelines.hl7.backlog import backlog
from resources.postgres import Database, Role
from resources.settings import Settings

PATIENTS = 2500
_PARSED = 300
"""Messages that hl7apy parses: it takes seconds for these."""
_TESTS = (("2345-7", "Glucose", "mg/dL"), ("2160-0", "Creatinine", "mg/dL"), ("718-7", "Hemoglobin", "g/dL"))


def messages(patients: int, seed: int = 1) -> Iterator[bytes]:
    """The feed of a hospital: per patient an admission, two transfers, three updates, two reports of three results, a
    discharge and, of one in ten, a merge; in the order of events of all patients together.
    """
    generator = random.Random(seed)
    feed: list[tuple[datetime, bytes]] = []
    for number in range(patients):
        at = datetime(2026, 1, 1) + timedelta(minutes=generator.randrange(60 * 24 * 30))
        for step, (kind, segments) in enumerate(_stay(generator, number, at)):
            feed.append((at, _message(kind, f"{number}-{step}", at, number, segments)))
            at += timedelta(minutes=generator.randrange(30, 600))
    return (body for _, body in sorted(feed))


def _stay(generator: random.Random, number: int, start: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    def place() -> str:
        return f"{generator.randrange(1, 9)}W^{generator.randrange(1, 40)}^{generator.randrange(1, 3)}^HOSP"

    def visit(location: str, more: str = "") -> str:
        return f"PV1|1|I|{location}||||1^DOCTOR^A||||||||||||{'V' + str(number)}^^^HOSP{more}"

    here = place()
    diagnosis = f"DG1|1||{generator.choice(('I10', 'E11.9', 'J18.9'))}^Text^I10C||{start:%Y%m%d}|A"
    yield "ADT^A01", (visit(here, "|" * 25 + f"{start:%Y%m%d%H%M}"), "AL1|1|DA|7980^Penicillin G^RXNORM", diagnosis)
    yield "ADT^A08", (visit(here),)
    for turn in range(2):
        here = place()
        yield "ADT^A02", (visit(here),)
        yield "ADT^A08", (visit(here), diagnosis)
        results = tuple(
            f"OBX|{line}|NM|{code}^{name}^LN||{generator.uniform(1, 200):.1f}|{unit}^^UCUM|1-200|N|||F"
            for line, (code, name, unit) in enumerate(_TESTS, start=1)
        )
        yield (
            "ORU^R01",
            (visit(here), f"OBR|1|P{number}-{turn}|F{number}-{turn}^LAB|24323-8^CMP^LN|||{start:%Y%m%d}", *results),
        )
    yield "ADT^A03", (visit(here, "|" * 17 + "01"),)
    if number % 10 == 0:
        yield "ADT^A40", (f"MRG|OLD{number}^^^HOSP^MR",)


def _message(kind: str, control: str, at: datetime, number: int, segments: tuple[str, ...]) -> bytes:
    trigger = kind.partition("^")[2]
    head = (
        f"MSH|^~\\&|ADT|HOSP|SANCTUM|HUB|{at:%Y%m%d%H%M%S}||{kind}|{control}|P|2.5.1",
        f"EVN|{trigger}|{at:%Y%m%d%H%M%S}||||{at:%Y%m%d%H%M%S}",
        f"PID|1||{number}^^^HOSP^MR~{number}^^^SSA^SS||FAMILY^GIVEN||19{number % 90:02d}0203|F||2106-3^White^CDCREC|"
        "1 Way^^Boston^MA^02101",
    )
    return "".join(f"{line}\r" for line in (*head, *segments)).encode()


def run(settings: Settings, database: Database) -> Iterator[Table]:
    """Messages a second folded, landing not counted; the parsers store and understand nothing."""
    feed = list(messages(PATIENTS))
    path = settings.home / "feed.hl7"
    path.write_bytes(b"".join(feed))
    land_hl7(settings, database, [path])
    waiting = backlog(database).messages
    began = time.perf_counter()
    fold_messages(settings, database)
    seconds = time.perf_counter() - began
    table = Table(f"HL7 v2 into bronze ({waiting:,} messages of {PATIENTS:,} patients)", "messages/s")
    table.add("folded into bronze", waiting / seconds)
    table.add("hl7apy parse_message, parsed only", _parsed(feed[:_PARSED], _with_hl7apy))
    other = _python_hl7()
    if other is None:
        table.add("python-hl7 parse, parsed only (not installed)", None)
    else:
        table.add("python-hl7 parse, parsed only", _parsed(feed, other))
    with database.connect(Role.INGEST) as connection:
        _prove(connection.execute("SELECT count(*) FROM bronze.visit_occurrence").fetchone())
    yield table


def _prove(found: Any) -> None:
    """A fold that did nothing has no speed."""
    if found is None or found[0] != PATIENTS:
        raise RuntimeError("folding did not make the visits that the feed tells of")


def _parsed(feed: list[bytes], parse: Callable[[str], object]) -> float:
    texts = [body.decode() for body in feed]
    began = time.perf_counter()
    for text in texts:
        parse(text)
    return len(texts) / (time.perf_counter() - began)


def _with_hl7apy(text: str) -> object:
    try:
        return parse_message(text, find_groups=False)
    except HL7apyException:
        return None


def _python_hl7() -> Callable[[str], object] | None:
    try:
        parse: Callable[[str], object] = importlib.import_module("hl7").parse
    except ModuleNotFoundError:
        return None
    return parse
