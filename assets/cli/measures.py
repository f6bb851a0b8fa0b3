"""``sanctum measures``: compute the measures, and score them against published decks of test patients."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.cli.home import ensure_vocabulary, ready
from assets.cli.output import Json, failures, progress, report, say
from resources import dbt, warehouse
from resources.postgres import database
from resources.temporary_home import temporary_home

if TYPE_CHECKING:
    from pipelines.measures import Deck, DeckScore, Disagreement

measures = typer.Typer(invoke_without_command=True)


@measures.callback()
def compute(
    context: typer.Context,
    period: Annotated[str | None, typer.Option(help="Measurement period START/END, both days included.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day features are computed for.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute the care-gap measures and report how many people are open, closed and excluded."""
    if context.invoked_subcommand is not None:
        if period or as_of:
            raise typer.BadParameter("--period and --as-of are of 'sanctum measures' alone")
        return
    with failures(as_json=as_json):
        settings = ready()
        span = _parse_period(period)
        day = as_of.date() if as_of else span[1] if span else None
        dbt.build(settings, database(settings), as_of=day, period=span)
        found = database(settings)
        report(warehouse.care_gap_counts(found), as_json=as_json, title="Measures")
        if lacking := warehouse.missing_value_sets(found):
            say(f"{len(lacking)} measures lack value sets: 'sanctum measures missing' names them.")


@measures.command("missing")
def missing(as_json: Json = False) -> None:
    """Name the value sets that each measure lacks, by OID: nobody can be in what is decided by one of them.

    They are licensed, and not shipped: load them with 'sanctum vocab load-valuesets', then build.
    """
    with failures(as_json=as_json):
        report(warehouse.missing_value_sets(database(ready())), as_json=as_json, title="Value sets that are missing")


def _parse_period(text: str | None) -> tuple[date, date] | None:
    if text is None:
        return None
    try:
        start, end = (date.fromisoformat(part) for part in text.split("/"))
    except ValueError:
        raise ValueError("--period is START/END with ISO dates, such as 2026-01-01/2026-12-31") from None
    return start, end


@measures.command("score")
def score(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DECK…",
            help="Folders named by a measure, such as CMS122, with bundles.ndjson.gz and expected.json.",
        ),
    ],
    value_sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--valuesets",
            metavar="PATH",
            help="Value sets, as 'sanctum vocab load-valuesets' reads them; default: valuesets.csv.gz beside the "
            "folder the decks lie in, else the shipped public codes alone.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how far the measures agree with published decks of test patients, and of whom they do not, and why.

    The decks are loaded into a home of their own, which is gone afterwards. Ids and titles of their patients are
    printed: this is for published test patients, never for real ones. The exit status is 0 where all agree, 1 where
    not, and 2 where decks or value sets can't be read.
    """
    from pipelines.measures import DeckError, load_decks, read_decks, score_decks, value_sets_beside
    from pipelines.vocabulary import VocabularyError, load_value_sets

    with failures(as_json=as_json, unreadable=(DeckError, VocabularyError)), progress() as update:
        decks = read_decks(folders)
        chosen = value_sets or value_sets_beside(decks)
        with temporary_home("score") as (settings, own):
            ensure_vocabulary(settings)
            if chosen:
                load_value_sets(own, chosen)
            else:
                say(
                    "No value sets: only the shipped public codes count, which are not those of the published measures."
                )
            accounts = load_decks(settings, own, decks, update)
            scores = score_decks(settings, own, decks, update)
        for deck in decks:
            _say_of(deck, accounts[deck.measure_id].quarantined.total())
        if as_json:
            report({one.measure_id: one.as_dict() for one in scores}, as_json=True, title="")
        else:
            for one in scores:
                _print(one)
        if any(one.disagreements for one in scores):
            raise typer.Exit(1)


def _say_of(deck: "Deck", quarantined: int) -> None:
    """What the score can't say: what was not loaded, and of whom nothing is expected."""
    if quarantined:
        say(f"{deck.measure_id}: {quarantined} records could not be read and are not judged.")
    for patient in deck.unexpected:
        say(f"{deck.measure_id}: patient {patient} is in the bundles, and expected.json expects nothing of them.")


def _print(one: "DeckScore") -> None:
    value: dict[str, Any] = {"patients": one.patients, "agree": one.agree, "populations": one.populations}
    if one.disagreements:
        value["disagrees"] = [_line(case) for case in one.disagreements]
    report(value, as_json=False, title=one.measure_id)


def _line(case: "Disagreement") -> str:
    differing = ", ".join(
        f"{name} expected {expected}, found {'nothing' if got is None else got}"
        for name, (expected, got) in case.populations.items()
    )
    return f"{case.patient} ({case.title}): {differing}; {case.reason}"
