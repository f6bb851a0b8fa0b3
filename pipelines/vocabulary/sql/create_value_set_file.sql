CREATE TEMPORARY TABLE value_set_file (
    oid text NOT NULL,
    name text NOT NULL,
    system text NOT NULL,
    code text NOT NULL,
    display text
) ON COMMIT DROP
