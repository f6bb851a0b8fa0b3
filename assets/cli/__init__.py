"""The command line ``sanctum``: each command calls one function of another room and reports what it returned.

Belongs here: arguments, progress bars, reports as text or JSON, exit codes. Does not belong here: work.
"""

from assets.cli.main import main

__all__ = ["main"]
