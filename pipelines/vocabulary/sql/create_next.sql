CREATE TABLE vocab.concept_next (LIKE vocab.concept);
CREATE TABLE vocab.concept_relationship_next (LIKE vocab.concept_relationship);
CREATE TABLE vocab.concept_ancestor_next (LIKE vocab.concept_ancestor);
CREATE TABLE vocab.concept_starter (LIKE vocab.concept);
CREATE TABLE vocab.concept_relationship_starter (LIKE vocab.concept_relationship);
CREATE TABLE vocab.concept_ancestor_starter (LIKE vocab.concept_ancestor);
