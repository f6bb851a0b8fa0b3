"""The SQL of HL7 v2 landing and folding, by file name."""

from resources.sql_files import statements

statement = statements(__file__)
