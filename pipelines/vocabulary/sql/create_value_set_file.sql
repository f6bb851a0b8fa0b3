-- Lines of value set files; source tells the files, and within one the value sets, apart.
CREATE TEMPORARY TABLE value_set_file (
    oid text NOT NULL,
    name text NOT NULL,
    system text NOT NULL,
    code text NOT NULL,
    display text,
    source integer NOT NULL DEFAULT 0
) ON COMMIT DROP
