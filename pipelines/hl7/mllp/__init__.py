"""HL7 v2 over MLLP: messages from an interface engine to landing, acknowledged when they are durable.

Belongs here: frames, acknowledgements, who may send, group commit. Does not belong here: what a message means, which
is folded from landing afterwards, and is never a reason not to take it.
"""

from pipelines.hl7.mllp.listener import Address, ListenerError, run

__all__ = ["Address", "ListenerError", "run"]
