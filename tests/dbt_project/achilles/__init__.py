"""The analyses of OHDSI Achilles, asked of schema omop by SQL of our own, to compare with another's answers."""
