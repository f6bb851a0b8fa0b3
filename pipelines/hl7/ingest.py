"""Landing and folding in one go, with an account that closes over both."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pipelines.account import Account
from pipelines.hl7 import identity
from pipelines.hl7.folding import fold_messages
from pipelines.hl7.landing import SPLIT, land_and_split
from pipelines.hl7.statements import statement
from pipelines.landing import LandedFile
from pipelines.object_store import Source
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings


def ingest_hl7(
    settings: Settings, database: Database, sources: Iterable[Source], progress: Progress | None = None
) -> Account:
    """Land files and fold every pending message.

    Messages that were stored before count as read and excluded, ``already_loaded``, unless they are still pending:
    then this run folds them and they count as what becomes of them.

    Raises:
        as ``land_hl7``, and
        pipelines.bronze.BronzeLoadError: bronze could not be loaded and is as it was.
    """
    report, split_now = land_and_split(settings, database, sources, progress)
    total = Account()
    for account in split_now.values():
        # Messages stored now are read, loaded and excluded by the fold.
        total += Account(account.read - account.loaded, excluded=account.excluded, quarantined=account.quarantined)
    total += _known(database, report.files, set(split_now))
    return total + fold_messages(settings, database, progress).account


def _known(database: Database, files: Sequence[LandedFile], split_now: set[int]) -> Account:
    """The account of files whose messages were stored before, without those that the fold will read."""
    total = Account()
    with without_row_values(), database.connect(Role.INGEST) as connection:
        wanted = {"file_ids": [file.file_id for file in files], **SPLIT}
        former = dict(connection.execute(statement("accounts_of_files"), wanted).fetchall())
        pending: dict[int, Counter[str]] = defaultdict(Counter)
        for file_id, code, trigger, count in connection.execute(statement("pending_by_type"), wanted):
            pending[file_id][identity.kind(code, trigger)] += count
    seen: set[int] = set()
    for file in files:
        is_repeated = file.file_id in seen
        seen.add(file.file_id)
        if file.file_id in split_now and not is_repeated:
            continue
        read = Account.from_dict(former[file.file_id]).read
        read -= Counter() if is_repeated else pending[file.file_id]
        total += Account(read, excluded=Counter({"already_loaded": read.total()}))
    return total
