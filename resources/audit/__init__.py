"""The audit log: written with what it records, signed from time to time, verified by anyone who has the public key.

Belongs here: appending events, signing the chains' ends, verifying, and reading the log as the auditor. Does not
belong here: what an event means to a domain (``pipelines.fhir.audit_event`` puts it in FHIR's words).
"""

from resources.audit.chains import BrokenEvent
from resources.audit.events import events_of, export, record
from resources.audit.heads import SignedHead, heads_file, restore, sign
from resources.audit.keys import AuditKeyError, public_key_file, signing_key_file
from resources.audit.verification import BrokenHead, Verification, verify

__all__ = [
    "AuditKeyError",
    "BrokenEvent",
    "BrokenHead",
    "SignedHead",
    "Verification",
    "events_of",
    "export",
    "heads_file",
    "public_key_file",
    "record",
    "restore",
    "sign",
    "signing_key_file",
    "verify",
]
