-- The administrator's statements, once, as a superuser on the database's machine:
--     sudo -u postgres psql --file setup.sql
--     sudo -u postgres psql --command '\password sanctum_owner'
-- \password sends a SCRAM verifier, so that no password reaches a log or psql's history.
CREATE ROLE sanctum_owner LOGIN CREATEROLE;
CREATE DATABASE sanctum OWNER sanctum_owner;
REVOKE ALL ON DATABASE sanctum FROM PUBLIC;
-- Nobody of Sanctum has a reason to be in the administrator's databases.
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;
\connect sanctum
CREATE EXTENSION vector WITH SCHEMA public;
CREATE EXTENSION pgaudit;
