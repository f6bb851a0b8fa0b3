"""Emergency access and consent."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

import typer

from assets.cli.identity import TokenFile, caller, officer
from assets.cli.output import Json, failures, report
from resources.identity import emergency
from resources.identity.consent import consents_of, record_consent
from resources.postgres import database
from resources.settings import load_settings

Person = Annotated[int, typer.Option("--person", help="person_id as in omop.person.")]
Code = Annotated[str, typer.Option(help="Label the decision is about, such as 42CFRPart2.")]
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]

glass = typer.Typer(no_args_is_help=True, help="Emergency access (break-glass).")
consent = typer.Typer(no_args_is_help=True, help="A person's decisions about sensitive records.")


@glass.command("open")
def glass_open(
    person: Person,
    reason: Annotated[str, typer.Option(prompt=True, help="Why, in 10 to 1,000 characters; an auditor reads it.")],
    minutes: Annotated[int, typer.Option(min=1, max=240)] = 30,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Open one person's record outside of the caller's sites and teams, for a time. An auditor is alerted."""
    with failures(as_json=as_json):
        settings = load_settings()
        who = caller(settings, token_file)
        number = emergency.break_glass(settings, database(settings), who, person, reason, minutes)
        report({"emergency_access_id": number, "minutes": minutes}, as_json=as_json, title="Emergency access")


@glass.command("alerts")
def glass_alerts(token_file: TokenFile = None, as_json: Json = False) -> None:
    """List, as an auditor, emergency accesses that nobody has acknowledged. Looking is audited."""
    with failures(as_json=as_json):
        settings = load_settings()
        found = emergency.unacknowledged(settings, database(settings), officer(settings, token_file))
        report({"unacknowledged": [asdict(one) for one in found]}, as_json=as_json, title="Emergency access")


@glass.command("acknowledge")
def glass_acknowledge(
    number: Annotated[int, typer.Argument(metavar="ID")], token_file: TokenFile = None, as_json: Json = False
) -> None:
    """Say, as an auditor, that an emergency access was looked into."""
    with failures(as_json=as_json):
        settings = load_settings()
        emergency.acknowledge(settings, database(settings), officer(settings, token_file), number)
        report({"acknowledged": number}, as_json=as_json, title="Emergency access")


@consent.command("record")
def consent_record(
    person: Person,
    code: Code,
    decision: Annotated[str, typer.Option(help="permit or deny.")],
    from_day: _Day = None,
    to_day: _Day = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Record a person's decision; it counts at once, and the newest in force wins."""
    with failures(as_json=as_json):
        settings = load_settings()
        who = caller(settings, token_file)
        first = from_day.date() if from_day else date.today()
        last = to_day.date() if to_day else None
        number = record_consent(settings, database(settings), who, person, code, decision, first, last)
        report({"consent_id": number}, as_json=as_json, title="Consent")


@consent.command("list")
def consent_list(person: Person, token_file: TokenFile = None, as_json: Json = False) -> None:
    """List a person's decisions, newest first."""
    with failures(as_json=as_json):
        settings = load_settings()
        found = consents_of(settings, database(settings), caller(settings, token_file), person)
        report({"person_id": person, "consents": [asdict(one) for one in found]}, as_json=as_json, title="Consent")
