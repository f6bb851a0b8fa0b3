"""Amounts of claims: which adjudication category fills which column of OMOP's cost, and what a header adds to lines.

Sources: FHIR R4 Claim, ExplanationOfBenefit; CARIN Blue Button and BlueButton 2.0 categories; OMOP CDM 5.4 cost.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipelines.fhir.mapping.elements import Resource, codings

# Of the alternatives the first that is stated counts: benefit and payment to the provider are the same money.
_CATEGORIES: Mapping[str, tuple[frozenset[str], ...]] = {
    "total_charge": (frozenset({"submitted"}), frozenset({"line_sbmtd_chrg_amt"})),
    "amount_allowed": (frozenset({"eligible"}), frozenset({"allowed"}), frozenset({"line_alowd_chrg_amt"})),
    "paid_by_payer": (
        frozenset({"benefit"}),
        frozenset({"paidtoprovider", "paidtopatient"}),
        frozenset({"line_prvdr_pmt_amt"}),
    ),
    "paid_by_patient": (frozenset({"paidbypatient"}),),
    "paid_patient_copay": (frozenset({"copay"}),),
    "paid_patient_coinsurance": (frozenset({"coinsurance"}), frozenset({"line_coinsrnc_amt"})),
    "paid_patient_deductible": (frozenset({"deductible"}), frozenset({"line_bene_ptb_ddctbl_amt"})),
    "paid_by_primary": (frozenset({"priorpayerpaid"}),),
}
AMOUNTS = tuple(_CATEGORIES)
"""Columns of bronze.claim_line that hold amounts."""
_CENT = Decimal("0.01")
_ALL_CODES = frozenset(code for alternatives in _CATEGORIES.values() for codes in alternatives for code in codes)


@dataclass(frozen=True)
class Money:
    """What a header or a line states.

    Attributes:
        amounts: by column of cost, each in units of the currency.
        currencies: ISO 4217 codes that were named.
    """

    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    currencies: frozenset[str] = frozenset()


def line_money(line: Resource) -> Money:
    """Of an item: its adjudication; ``net`` is what was charged where no category says that.

    Raises:
        TypeError: an amount is no number.
    """
    return _money(line.get("adjudication") or (), line.get("net"), None)


def header_money(resource: Resource) -> Money:
    """Of a whole Claim or ExplanationOfBenefit: its totals, else its own adjudication, which the totals contain.

    ``payment`` is what the payer paid where no category says that.

    Source: FHIR R4 ExplanationOfBenefit.total; CARIN's examples of inpatient stays state both.

    Raises:
        TypeError: an amount is no number.
    """
    total = resource.get("total")
    payment = (resource.get("payment") or {}).get("amount")
    if isinstance(total, dict):
        return _money((), total, payment)
    totals = _money(total or (), None, None)
    own = _money(resource.get("adjudication") or (), None, None if "paid_by_payer" in totals.amounts else payment)
    return Money({**own.amounts, **totals.amounts}, own.currencies | totals.currencies)


def remainder(header: Money, lines: Iterable[Money]) -> Money:
    """What a header states beyond the sum of its lines; nothing where they state it all, or more.

    A difference below a cent is none: sources compute with binary fractions.
    """
    stated = [line.amounts for line in lines if line.amounts]
    if not stated:
        return header
    left = {}
    for name, amount in header.amounts.items():
        more = amount - sum((amounts[name] for amounts in stated if name in amounts), Decimal())
        if more >= _CENT:
            left[name] = more.quantize(_CENT)
    return Money(left, header.currencies if left else frozenset())


def _money(parts: Iterable[Resource], charge: Resource | None, payment: Resource | None) -> Money:
    found = list(_categorised(parts))
    amounts: dict[str, Decimal] = {}
    for name, alternatives in _CATEGORIES.items() if found else ():
        for codes in alternatives:
            values = [value for value, named, _ in found if named & codes]
            if values:
                amounts[name] = sum(values, Decimal())
                break
    currencies = {currency for _, named, currency in found if named & _ALL_CODES}
    for name, money in (("total_charge", charge), ("paid_by_payer", payment)):
        value = _value(money)
        if value is not None and name not in amounts:
            amounts[name] = value
            currencies.add((money or {}).get("currency"))
    return Money(amounts, frozenset(str(code) for code in currencies if code))


def _categorised(parts: Iterable[Resource]) -> Iterator[tuple[Decimal, frozenset[str], Any]]:
    """Amount, codes and currency; a code that is a URI counts by its last part."""
    for part in parts:
        value = _value(part.get("amount"))
        if value is not None:
            codes = frozenset(coding["code"].rsplit("/", 1)[-1].lower() for coding in codings(part.get("category")))
            yield value, codes, part["amount"].get("currency")


def _value(money: Resource | None) -> Decimal | None:
    value = (money or {}).get("value")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError("an amount is no number")
    return Decimal(str(value))
