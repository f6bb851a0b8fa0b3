CREATE INDEX concept_relationship_1_next ON vocab.concept_relationship_next (concept_id_1, relationship_id);
CREATE INDEX concept_ancestor_descendant_next ON vocab.concept_ancestor_next (descendant_concept_id);
CREATE INDEX concept_ancestor_ancestor_next ON vocab.concept_ancestor_next (ancestor_concept_id);
ANALYZE vocab.concept_relationship_next, vocab.concept_ancestor_next;

DROP TABLE vocab.concept, vocab.concept_relationship, vocab.concept_ancestor;
ALTER TABLE vocab.concept_next RENAME TO concept;
ALTER TABLE vocab.concept_relationship_next RENAME TO concept_relationship;
ALTER TABLE vocab.concept_ancestor_next RENAME TO concept_ancestor;
ALTER INDEX vocab.concept_id_next RENAME TO concept_id;
ALTER INDEX vocab.concept_code_next RENAME TO concept_code;
ALTER INDEX vocab.concept_relationship_1_next RENAME TO concept_relationship_1;
ALTER INDEX vocab.concept_ancestor_descendant_next RENAME TO concept_ancestor_descendant;
ALTER INDEX vocab.concept_ancestor_ancestor_next RENAME TO concept_ancestor_ancestor;
GRANT SELECT ON vocab.concept, vocab.concept_relationship, vocab.concept_ancestor
TO sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer;
