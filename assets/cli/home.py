"""The home that a command works in, made ready."""

from resources import warehouse
from resources.postgres import database
from resources.settings import Settings, load_settings


def ensure_vocabulary(settings: Settings) -> int:
    """Load the starter vocabulary if there is none; how many concepts there are."""
    from pipelines.vocabulary import ensure_starter

    return ensure_starter(database(settings)).concepts


def ready() -> Settings:
    """Settings of a home whose database is up, migrated and has a vocabulary."""
    settings = load_settings()
    warehouse.ready(settings)
    ensure_vocabulary(settings)
    return settings
