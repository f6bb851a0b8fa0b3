"""Demo input: a synthetic hospital population as FHIR R4 NDJSON, an HL7 v2 feed for some of it, the truth of its notes.

Belongs here: running the population package (clinosim) reproducibly, and generating what it lacks (clinic visits with
care-gap findings, notes with evidence, an ADT feed). Does not belong here: landing or loading any of it.

Modules: ``population`` runs the package, ``cohort`` reads what it made, ``scenarios`` decides each person's gaps,
``clinic`` writes the visits, ``notes`` the documents and their truth, ``access`` care teams and what is protected,
``messages`` and ``feed`` the HL7 v2 side.
"""

from pipelines.demo.access import Protected, read_protected
from pipelines.demo.generate import DemoInput, forget, generate
from pipelines.demo.notes import Truth, read_truth
from pipelines.demo.population import PopulationFailed

__all__ = [
    "DemoInput",
    "PopulationFailed",
    "Protected",
    "Truth",
    "forget",
    "generate",
    "read_protected",
    "read_truth",
]
