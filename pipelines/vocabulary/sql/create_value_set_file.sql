CREATE TEMPORARY TABLE value_set_file (oid text, name text, system text, code text, display text) ON COMMIT DROP
