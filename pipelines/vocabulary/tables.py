"""The tables that a download fills, their keys and indexes.

Source: OMOP CDM 5.4, its tables, required columns and primary keys. It names no keys for concept_relationship,
concept_ancestor, concept_synonym and drug_strength, and none are made here. Its foreign keys are not made either: a
download of some vocabularies has relationships with concepts of others.
"""

from dataclasses import dataclass, field

VALUE_SETS = "VALUESETS"
"""Stem of the file of value sets, which may be beside a download or alone."""


@dataclass(frozen=True)
class Index:
    """An index; ``relationship`` makes it one of the valid relationships of that name alone."""

    name: str
    columns: tuple[str, ...]
    relationship: str | None = None


@dataclass(frozen=True)
class VocabularyTable:
    """A table ``vocab.name``, filled from the file of the stem.

    Attributes:
        stem: name of the file in upper case, without its ending.
        required: whether a download must have the file.
        key: column of the primary key, if it has one.
        indexes: made after the rows are in.
    """

    stem: str
    required: bool = False
    key: str | None = None
    indexes: tuple[Index, ...] = field(default=())

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.stem.lower()


TABLES: tuple[VocabularyTable, ...] = (
    VocabularyTable(
        "CONCEPT",
        required=True,
        key="concept_id",
        indexes=(Index("concept_code", ("vocabulary_id", "concept_code")),),
    ),
    VocabularyTable(
        "CONCEPT_RELATIONSHIP",
        required=True,
        indexes=(
            Index("concept_relationship_1", ("concept_id_1",)),
            Index("concept_relationship_maps_to", ("concept_id_1", "concept_id_2"), "Maps to"),
            Index("concept_relationship_value", ("concept_id_1", "concept_id_2"), "Maps to value"),
        ),
    ),
    VocabularyTable(
        "CONCEPT_ANCESTOR",
        required=True,
        indexes=(
            Index("concept_ancestor_descendant", ("descendant_concept_id",)),
            Index("concept_ancestor_ancestor", ("ancestor_concept_id",)),
        ),
    ),
    VocabularyTable("CONCEPT_SYNONYM", indexes=(Index("concept_synonym_concept", ("concept_id",)),)),
    VocabularyTable("VOCABULARY", key="vocabulary_id"),
    VocabularyTable("DOMAIN", key="domain_id"),
    VocabularyTable("CONCEPT_CLASS", key="concept_class_id"),
    VocabularyTable("RELATIONSHIP", key="relationship_id"),
    VocabularyTable("DRUG_STRENGTH", indexes=(Index("drug_strength_drug", ("drug_concept_id",)),)),
)
"""Every table of a download."""

CHANGES = "concept_change"
"""Table of what a release changed; made and switched with the others, from no file."""
