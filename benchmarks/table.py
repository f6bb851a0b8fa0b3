"""Tables of figures against a bound, and of the same figure at two sizes."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of (what, figure, unit, ratio to the bound); the first row is the bound.

    A row without a figure says in its words why there is none.
    """

    title: str
    unit: str
    rows: list[tuple[str, float | None]] = field(default_factory=list)

    def add(self, what: str, figure: float | None) -> None:
        """Append a measured figure."""
        self.rows.append((what, figure))

    def markdown(self) -> str:
        """The table as docs/benchmarks.md has it."""
        bound = self.rows[0][1]
        lines = [f"### {self.title}", "", f"| what | {self.unit} | ratio to the first row |", "|---|---:|---:|"]
        for what, figure in self.rows:
            shown = "none" if figure is None else f"{figure:,.1f}"
            ratio = "none" if figure is None or bound is None else f"{figure / bound:.2f}"
            lines.append(f"| {what} | {shown} | {ratio} |")
        return "\n".join(lines) + "\n"


@dataclass
class ScaleTable:
    """Rows of (what, unit, figure at one size, figure at another), with the ratio of the second to the first."""

    title: str
    sizes: tuple[str, str]
    rows: list[tuple[str, float, float]] = field(default_factory=list)

    def add(self, what: str, small: float, large: float) -> None:
        """Append what was measured at both sizes; ``what`` names the unit."""
        self.rows.append((what, small, large))

    def markdown(self) -> str:
        """The table as docs/benchmarks.md has it."""
        lines = [
            f"### {self.title}",
            "",
            f"| what | {self.sizes[0]} | {self.sizes[1]} | ratio |",
            "|---|---:|---:|---:|",
        ]
        lines += [f"| {what} | {small:,.1f} | {large:,.1f} | {large / small:.2f} |" for what, small, large in self.rows]
        return "\n".join(lines) + "\n"
