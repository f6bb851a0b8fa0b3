"""Coverage as a page: Markdown with aggregate figures and names of the CDM and of vocabularies, nothing else."""

from collections.abc import Iterable, Sequence

from pipelines.coverage.report import Counts, CoverageReport

_FIGURES = ("rows", "mapped", "%", "codes", "mapped", "%")


def page(report: CoverageReport) -> str:
    """The page that ``docs`` can show: a paragraph and three tables, from headings of the third level on."""
    happened = [(name, *_figures(counts)) for name, counts in report.by_domain().items()]
    if happened:
        happened.append(("all", *_figures(report.everything())))
    every_row, sent = (
        [
            (one.cdm_table, one.cdm_field, one.vocabulary, *_figures(one))
            for one in report.fields
            if one.is_of_every_row is wanted
        ]
        for wanted in (True, False)
    )
    by_field = ("table", "field", "vocabulary", *_FIGURES)
    return "\n".join(
        [
            f"Build as of {report.as_of.isoformat()}, vocabulary release {report.vocabulary_release}.",
            "",
            "Codes are counted and not shown, since a source may have written anything as a code:",
            "`sanctum coverage --unmapped 20` lists the unmapped ones that cost most rows.",
            "",
            "### What happened, by domain",
            "",
            *_table(("domain", *_FIGURES), happened, names=1),
            "",
            "### Fields of every row, by vocabulary",
            "",
            *_table(by_field, every_row, names=3),
            "",
            "### Fields that may be empty, where something was sent, by vocabulary",
            "",
            *_table(by_field, sent, names=3),
            "",
        ]
    )


def _figures(counts: Counts) -> tuple[str, ...]:
    return (
        f"{counts.rows:,}",
        f"{counts.rows_mapped:,}",
        _percent(counts.rows_percent),
        f"{counts.codes:,}",
        f"{counts.codes_mapped:,}",
        _percent(counts.codes_percent),
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, names: int) -> list[str]:
    """Lines of a table whose first columns are names and whose others are numbers."""
    marks = ["---"] * names + ["--:"] * (len(heads) - names)
    return [_line(heads), f"|{'|'.join(marks)}|", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
