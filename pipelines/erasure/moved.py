"""Visits that a message moved to a person from somebody else's number (HL7 v2 A43 to A45), and what came under that.

Such a message names the other patient. It is theirs as far as it can be read, and about the person as far as folding
goes, which is asked here: without the move, which goes with the person, it would be the other's again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.hl7 import identity
from pipelines.hl7.message import Message, parse, parts
from pipelines.hl7.ownership import stay_key, whose
from pipelines.hl7.policy import Policy
from pipelines.hl7.reading import Reader
from pipelines.hl7.triggers import TRIGGERS
from pipelines.hl7.world import World
from pipelines.tombstones import read as read_tombstones
from resources.postgres import Database, Role
from resources.settings import Settings

_VISITS_OF_MERGE = (5, 6, 3)


@dataclass
class Moved:
    """What came to a person with visits.

    Attributes:
        messages: ids of messages of others that are about these visits.
        stays: keys (``pipelines.hl7.ownership.stay_key``) of the visits under the numbers they were moved from.
        numbers: of the visits, as written.
    """

    messages: set[int] = field(default_factory=set)
    stays: set[int] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set, repr=False)


def moved(settings: Settings, database: Database, people: frozenset[int]) -> Moved:
    """What came to the source persons ``people`` with visits, as a fold of all that is landed says; changes nothing."""
    found = Moved()
    with database.connect(Role.INGEST) as connection:
        others_erased = read_tombstones(connection).people - people
        reader = Reader(connection, Policy.of(settings), frozenset(others_erased))
        ids, aliases = reader.related((), people)
        world = World(reader.policy, aliases)
        told, moves = list[tuple[int, int, int]](), set[int]()
        for event in reader.in_order(ids):
            world.apply(event)
            is_move = event.is_admission and TRIGGERS[event.trigger].on_person == "move_visits"
            for party in event.parties:
                if party.visit_key is not None and party.person_key not in people:
                    told.append((event.message_id, party.person_key, party.visit_key))
                if is_move and party.person_key in people and party.retired_key is not None:
                    moves.add(event.message_id)
                    found.stays.update(stay_key(party.retired_key, visit) for visit in party.former_visits)
        for message_id, person, visit in told:
            if world.owner(person, visit)[0] in people:
                found.messages.add(message_id)
                found.stays.add(stay_key(person, visit))
        query = "SELECT message_id, body FROM landing.hl7_message WHERE message_id = ANY(%s)"
        for message_id, body in connection.execute(query, (sorted(moves | found.messages),)):
            message = parse(body)
            found.numbers.update(_numbers(message))
            if message_id in found.messages and len(parts(message)) == 1:
                # Landing knows nothing of the policy by which folding keys people.
                found.stays |= whose(message).stays
        # Reading has noted whom pending messages name, which is the next fold's to do.
        connection.rollback()
    return found


def _numbers(message: Message) -> Iterator[str]:
    for part in parts(message):
        merge, visit = part.first("MRG"), identity.visit_identifier(part)
        for number in _VISITS_OF_MERGE:
            yield from (one.value for one in identity.numbers(part, merge, number))
        if visit is not None:
            yield visit.value
