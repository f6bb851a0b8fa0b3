"""What goes wrong with a server, in words that hold no token, key, query or id."""


class FhirServerError(RuntimeError):
    """A server can't be asked, refuses, or answers what can't be used.

    The text names the server as configured and what was being done. It never has a path or a query, since those hold
    ids of patients, nor ``OperationOutcome.issue.diagnostics``, which may quote them.

    Attributes:
        status: the HTTP status, None where there was no answer.
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class ServersFileError(RuntimeError):
    """The file of servers is missing or wrong; the text names the place in it."""
