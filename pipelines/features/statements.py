"""The SQL of feature days, by file name."""

from resources.sql_files import statements

statement = statements(__file__)
