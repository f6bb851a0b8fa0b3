"""One run's questions to a server, in order: exports, then searches; each gives files and the watermarks they allow."""

import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipelines.fhir_server import bulk
from pipelines.fhir_server.attachments import embed_attachments
from pipelines.fhir_server.capability import Capabilities, Way, choose, read_capabilities
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Export, Mode, Search
from pipelines.fhir_server.download import Downloaded, download, report_errors
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.journal import Journal, OpenExport, Watermark
from pipelines.fhir_server.search import Parameters, Sink, run_search, window
from pipelines.keys import resource_key
from resources.private_files import make_private_directory
from resources.progress import Progress

NO_SERVER_TIME = "the server does not say what time it is"

Mark = tuple[str, int, Watermark]


@dataclass
class Gathered:
    """Files of one export or of all searches, and what to do when they are loaded.

    Attributes:
        paths: NDJSON files, in the order in which to load them.
        lines: resources by type, as counted in the files.
        marks: watermarks to set after the load; those of types that are held are left out.
        export: the export to close after the load, None for searches.
        folder: what to remove after the load.
        as_of: the server's time of what the files hold, None where it says none.
    """

    folder: Path
    paths: list[Path] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    export: OpenExport | None = None
    as_of: datetime | None = None


@dataclass
class Gathering:
    """Asks one server.

    Attributes:
        root: folder for the files.
        guard: entered while files of the server lie in the folder.
    """

    client: Client
    journal: Journal
    root: Path
    findings: Findings
    progress: Progress | None = None
    guard: Callable[[], AbstractContextManager[object]] = nullcontext
    sleep: Callable[[float], None] | None = None

    def run(self) -> Generator[Gathered, None, None]:
        """Give the files of each export, then of the searches. What the caller does between counts as their load.

        Raises:
            FhirServerError: the server refuses, can't be reached or gives what can't be used.
        """
        capabilities = read_capabilities(self.client)
        if self.client.server.export is not None:
            yield from self._exports(self.client.server.export, capabilities)
        if self.client.server.searches:
            with self.guard():
                gathered = self._searches(capabilities)
                yield gathered
                shutil.rmtree(gathered.folder)

    def mark_loaded(self, gathered: Gathered) -> None:
        """Record that files are loaded: watermarks move, the export is closed and deleted at the server."""
        held = self.findings.held
        self.journal.advance([mark for mark in gathered.marks if mark[0] not in held])
        if gathered.export is not None:
            partial = any(kind in held for kind in gathered.export.types)
            self.journal.end_export(gathered.export, "partial" if partial else "loaded")
            bulk.delete(self.client, gathered.export, self.findings)

    def abandon(self) -> bool:
        """Give up the export that an earlier run left, if there is one."""
        left = self.journal.open_export()
        if left is None:
            return False
        self.journal.end_export(left, "abandoned")
        bulk.delete(self.client, left, self.findings)
        shutil.rmtree(self._export_folder(left), ignore_errors=True)
        return True

    def _exports(self, export: Export, capabilities: Capabilities) -> Iterator[Gathered]:
        """The export that was left, then those that are due. One that is gone at the server is asked for anew."""
        left = self.journal.open_export()
        if left is not None:
            self.findings.add("export_resumed")
            try:
                yield from self._export(export, left)
            except bulk.ExportGoneError:
                self.findings.add("export_gone")
                self.journal.end_export(left, "abandoned")
                shutil.rmtree(self._export_folder(left), ignore_errors=True)
            else:
                # What was asked for then is here now; the next run asks for what has changed since.
                return
        ways = {kind: choose(self.client.server, capabilities, kind) for kind in export.types}
        marks = {kind: found[0] for kind, found in self.journal.watermarks(export.types).items() if 0 in found}
        for ask in bulk.plan(self.client.server, ways, marks):
            status_url = bulk.kick_off(self.client, export, ask)
            yield from self._export(export, self.journal.begin_export(ask.types, ask.whole, status_url))

    def _export(self, export: Export, begun: OpenExport) -> Iterator[Gathered]:
        waiting = {} if self.sleep is None else {"sleep": self.sleep}
        if self.progress:
            self.progress("waiting for the export", 0, None)
        manifest = bulk.wait_for(self.client, export, begun.status_url, self.findings, **waiting)
        with self.guard():
            folder = self._export_folder(begun)
            _make_folder(folder)
            files = download(self.client, manifest, begun.types, folder, export.parallel_downloads, self.findings)
            report_errors([file for file in files if file.file.section == "error"], begun.types, self.findings)
            gathered = Gathered(folder, export=begun, as_of=manifest.transaction_time)
            for file in sorted(files, key=lambda file: file.file.section == "deleted"):
                self._add(gathered, file, export)
            gathered.marks = self._marks(begun, manifest)
            yield gathered
            shutil.rmtree(folder)

    def _add(self, gathered: Gathered, file: Downloaded, export: Export) -> None:
        kind = file.file.name
        if file.file.section == "error" or not file.lines:
            return
        gathered.paths.append(embed_attachments(self.client, file.path, kind, export.parallel_downloads, self.findings))
        gathered.lines[kind] = gathered.lines.get(kind, 0) + file.lines
        if self.progress:
            self.progress("files of the export", len(gathered.paths), None)

    def _marks(self, begun: OpenExport, manifest: bulk.Manifest) -> list[Mark]:
        time = manifest.transaction_time
        if time is None:
            for kind in begun.types:
                self.findings.hold(kind, NO_SERVER_TIME)
            return []
        former = {kind: found.get(0) for kind, found in self.journal.watermarks(begun.types).items()}
        return [
            (kind, 0, Watermark(time, time if kind in begun.whole or mark is None else mark.whole_at))
            for kind, mark in former.items()
        ]

    def _export_folder(self, export: OpenExport) -> Path:
        return self.root / f"export-{export.export_id}"

    def _searches(self, capabilities: Capabilities) -> Gathered:
        folder = self.root / "search"
        shutil.rmtree(folder, ignore_errors=True)
        _make_folder(folder)
        gathered = Gathered(folder)
        patients = set(self.journal.patients())
        former = self.journal.watermarks(search.type for search in self.client.server.searches)
        for number, search in enumerate(self.client.server.searches):
            way = choose(self.client.server, capabilities, search.type)
            with Sink(folder / f"{number:03d}.raw") as sink:
                gathered.marks += self._search(search, way, sorted(patients), former[search.type], sink)
            patients |= sink.patients
            if sink.lines:
                gathered.paths.append(embed_attachments(self.client, sink.path, search.type, 4, self.findings))
            for kind, lines in sink.lines.items():
                gathered.lines[kind] = gathered.lines.get(kind, 0) + lines
            if self.progress:
                self.progress("searches", number + 1, len(self.client.server.searches))
        gathered.as_of = min((mark.until for _, _, mark in gathered.marks), default=None)
        return gathered

    def _search(
        self, search: Search, way: Way, patients: Sequence[str], marks: Mapping[int, Watermark], sink: Sink
    ) -> list[Mark]:
        if search.per_patient is None:
            return self._one_search(search, way, (), 0, marks, sink)
        found: list[Mark] = []
        for patient in patients:
            key = resource_key(self.client.server.name, "Patient", patient)
            try:
                found += self._one_search(search, way, ((search.per_patient, patient),), key, marks, sink)
            except FhirServerError as error:
                # Behind a break-the-glass one patient is refused, and the others are not.
                if error.status != 403:
                    raise
                self.findings.add("patient_refused")
        return found

    def _one_search(
        self,
        search: Search,
        way: Way,
        patient: Parameters,
        key: int,
        marks: Mapping[int, Watermark],
        sink: Sink,
    ) -> list[Mark]:
        mark = marks.get(key)
        changed = window(self.client.server, way, mark)
        needed = [name for name, _value in patient]
        result = run_search(self.client, search, (*patient, *changed), needed, sink, self.findings)
        problem = NO_SERVER_TIME if result.server_time is None else result.problem
        if problem is not None and key == 0:
            self.findings.hold(search.type, problem)
        if problem is not None or result.server_time is None:
            self.findings.add("search_incomplete")
            return []
        whole_at = mark.whole_at if mark is not None and changed and way.mode is Mode.CREATED else result.server_time
        return [(search.type, key, Watermark(result.server_time, whole_at))]


def _make_folder(folder: Path) -> None:
    make_private_directory(folder.parent.parent)
    make_private_directory(folder.parent)
    make_private_directory(folder)
