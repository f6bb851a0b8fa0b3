"""A journal in a dictionary, such as dlt's state, for those who have no database of Sanctum's."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.fhir_server.journal import OpenExport, Watermark


class StateJournal:
    """What must outlive a run, as plain values; it lives as long as the dictionary does."""

    def __init__(self, state: MutableMapping[str, Any]) -> None:
        self._state = state

    def open_export(self) -> OpenExport | None:
        """As ``Journal``."""
        found = self._state.get("export")
        if found is None:
            return None
        return OpenExport(found["export_id"], tuple(found["types"]), tuple(found["whole"]), found["status_url"])

    def begin_export(self, types: Sequence[str], whole: Sequence[str], status_url: str) -> OpenExport:
        """As ``Journal``."""
        number = int(self._state.get("exports", 0)) + 1
        self._state["exports"] = number
        self._state["export"] = {
            "export_id": number,
            "types": list(types),
            "whole": list(whole),
            "status_url": status_url,
        }
        return OpenExport(number, tuple(types), tuple(whole), status_url)

    def end_export(self, export: OpenExport, state: str) -> None:
        """As ``Journal``."""
        self._state["export"] = None
        self._state["last_export"] = {"export_id": export.export_id, "state": state}

    def watermarks(self, kinds: Iterable[str]) -> Mapping[str, Mapping[int, Watermark]]:
        """As ``Journal``."""
        kept = self._state.get("watermarks", {})
        return {
            kind: {
                int(key): Watermark(datetime.fromisoformat(until), datetime.fromisoformat(whole_at))
                for key, (until, whole_at) in kept.get(kind, {}).items()
            }
            for kind in kinds
        }

    def advance(self, marks: Iterable[tuple[str, int, Watermark]]) -> None:
        """As ``Journal``."""
        kinds = self._state.setdefault("watermarks", {})
        for kind, key, mark in marks:
            kinds.setdefault(kind, {})[str(key)] = [mark.until.isoformat(), mark.whole_at.isoformat()]

    def patients(self) -> Sequence[str]:
        """As ``Journal``: none; those are asked for that the same run finds."""
        return ()
