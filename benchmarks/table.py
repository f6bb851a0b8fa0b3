"""A table of figures against a bound."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of (what, figure, unit, ratio to the bound); the first row is the bound."""

    title: str
    unit: str
    rows: list[tuple[str, float]] = field(default_factory=list)

    def add(self, what: str, figure: float) -> None:
        """Append a measured figure."""
        self.rows.append((what, figure))

    def markdown(self) -> str:
        """The table as docs/benchmarks.md has it."""
        bound = self.rows[0][1]
        lines = [f"### {self.title}", "", f"| what | {self.unit} | ratio to the first row |", "|---|---:|---:|"]
        lines += [f"| {what} | {figure:,.1f} | {figure / bound:.2f} |" for what, figure in self.rows]
        return "\n".join(lines) + "\n"
