"""HL7 v2: files to landed messages, landed messages folded into bronze.

A visit, a person or an order is never updated message by message: all its messages are folded in the order in which
the events happened, so that late, repeated and shuffled messages end in the same rows.

Belongs here: splitting files, reading fields with hl7apy, what an event does to a visit, a person, a result.
Does not belong here: codes to concepts, resolving who is the same person (dbt does both), receiving over a network.
"""

from pipelines.hl7.folding import FoldReport, fold_messages, replay_messages
from pipelines.hl7.ingest import ingest_hl7
from pipelines.hl7.landing import land_hl7

__all__ = ["FoldReport", "fold_messages", "ingest_hl7", "land_hl7", "replay_messages"]
