"""Files of buckets and of file:// URLs become bronze as files of folders do, once, and nothing tells their names."""

import gzip
import http.server
import json
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.cli.main import app
from pipelines import tombstones
from pipelines.account import Account
from pipelines.fhir import ingest_fhir, land_fhir
from pipelines.fhir.redaction import search
from pipelines.hl7 import land_hl7
from pipelines.landing import InputError, LandingError, LandingReport, landed_path
from pipelines.object_store import ObjectStoreError, to_source
from pipelines.redaction import forget, redact_due
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import database_url, make_settings
from tests.pipelines.fhir.synthetic import bundle, key, ndjson, observation, patient, rows
from tests.pipelines.hl7.messages import message, visit
from tests.pipelines.object_store.bucket import NAME, Bucket, s3_server

PERSON = "Okonkwo-Adaeze-1960"
CREDENTIALS = "SOURCES__FILESYSTEM__CREDENTIALS__"
STRANGE = ("ward 7/Ünï çödé.ndjson", "a+b&c=d.ndjson", "100%25.ndjson", "x?y#z/[1]*.ndjson", "'q\"/%2F.ndjson")


@pytest.fixture(scope="module")
def server_of_objects() -> Iterator[Bucket]:
    with s3_server() as bucket:
        yield bucket
    assert not {"moto", "flask", "werkzeug"} & sys.modules.keys()


@pytest.fixture
def bucket(server_of_objects: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    server_of_objects.clear()
    set_keys(monkeypatch, server_of_objects.endpoint, server_of_objects.key, server_of_objects.secret)
    return server_of_objects


@pytest.fixture(scope="module")
def module_settings(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_settings(server, tmp_path_factory.mktemp("home"), object_store_hosts="127.0.0.1")


@pytest.fixture
def settings(server: Database, tmp_path: Path) -> Settings:
    return make_settings(server, tmp_path / "home", object_store_hosts="127.0.0.1", validation="structural")


def set_keys(monkeypatch: pytest.MonkeyPatch, endpoint: str, name: str = "known", secret: str = "secret") -> None:
    monkeypatch.setenv(f"{CREDENTIALS}ENDPOINT_URL", endpoint)
    monkeypatch.setenv(f"{CREDENTIALS}AWS_ACCESS_KEY_ID", name)
    monkeypatch.setenv(f"{CREDENTIALS}AWS_SECRET_ACCESS_KEY", secret)


def landed(settings: Settings) -> set[bytes]:
    """Contents that lie in landing; nothing else may lie there."""
    return {path.read_bytes() for path in settings.landing_directory.rglob("*") if path.is_file()}


def stored(report: LandingReport) -> tuple[int, int]:
    """Files stored now, and before."""
    return report.files_new, report.files_known


def taken(account: Account) -> tuple[int, int]:
    """Loaded now, and loaded before."""
    assert account.closes
    return account.loaded.total(), account.excluded["already_loaded"]


def test_a_bucket_is_loaded_and_what_is_unchanged_is_not_read_again(
    settings: Settings, db: Database, bucket: Bucket
) -> None:
    plain, document = ndjson([patient("p1")]), json.dumps(bundle([patient("p2")]), indent=1).encode()
    packed = gzip.compress(ndjson([observation("o1", valueInteger=1)]), mtime=0)
    bucket.put(f"in/{PERSON}/Patient.ndjson", plain)
    bucket.put("in/document.json", document)
    bucket.put("in/Observation.ndjson.gz", packed)
    for left_alone in ("in/readme.txt", "in/.half.ndjson", "other/Patient.ndjson", "index/Patient.ndjson"):
        bucket.put(left_alone, ndjson([patient("p9")]))
    assert taken(ingest_fhir(settings, db, [f"s3://{NAME}/in"])) == (3, 0)
    assert landed(settings) == {plain, document, packed}
    assert {row["kind"] for row in rows(db, "landing.file") if row["byte_length"] == len(document)} == {"fhir-json"}

    before = len(bucket.requests())
    assert stored(land_fhir(settings, db, [f"s3://{NAME}/in/"])) == (0, 3)
    assert bucket.requests()[before:] == [("GET", f"/{NAME}")]

    bucket.put("in/Observation.ndjson.gz", gzip.compress(ndjson([observation("o1", valueInteger=2)]), mtime=0))
    before = len(bucket.requests())
    assert taken(ingest_fhir(settings, db, [f"s3://{NAME}/in"])) == (1, 2)
    assert bucket.requests()[before:] == [("GET", f"/{NAME}"), ("GET", f"/{NAME}/in/Observation.ndjson.gz")]
    assert [row["value_number"] for row in rows(db, "measurement")] == [2]
    assert PERSON not in str(rows(db, "landing.object") + rows(db, "landing.file"))


def test_one_object_and_an_object_of_two_prefixes(settings: Settings, db: Database, bucket: Bucket) -> None:
    bucket.put("in/a.ndjson", ndjson([patient("p1")]))
    bucket.put("in/b.ndjson", ndjson([patient("p2")]))
    assert stored(land_fhir(settings, db, [f"s3://{NAME}/in/a.ndjson"])) == (1, 0)
    assert stored(land_fhir(settings, db, [f"s3://{NAME}", f"s3://{NAME}/in"])) == (1, 1)


def test_any_name_of_an_object_is_read(settings: Settings, db: Database, bucket: Bucket, tmp_path: Path) -> None:
    for number, name in enumerate(STRANGE):
        bucket.put(f"in/{name}", ndjson([patient(f"s{number}")]))
        (tmp_path / "local" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / name).write_bytes(ndjson([patient(f"f{number}")]))
    assert stored(land_fhir(settings, db, [f"s3://{NAME}/in"])) == (len(STRANGE), 0)
    for one in ("ward 7", "ward 7/Ünï çödé.ndjson", "100%25.ndjson", "a+b&c=d.ndjson"):
        assert stored(land_fhir(settings, db, [f"s3://{NAME}/in/{one}"])) == (0, 1)
    assert stored(land_fhir(settings, db, [(tmp_path / "local").as_uri()])) == (len(STRANGE), 0)


def test_an_object_that_is_larger_than_one_request_reads(settings: Settings, db: Database, bucket: Bucket) -> None:
    content = ndjson([patient("p1")]) + b"\n" * (9 << 20)
    bucket.put("in/Patient.ndjson", content)
    assert stored(land_fhir(settings, db, [f"s3://{NAME}/in"])) == (1, 0)
    assert landed(settings) == {content}


def test_what_was_erased_does_not_come_back(settings: Settings, db: Database, bucket: Bucket) -> None:
    both = ndjson([patient("p1", name=[{"family": PERSON}]), patient("p2")])
    bucket.put("in/Patient.ndjson", both)
    assert taken(ingest_fhir(settings, db, [f"s3://{NAME}"])) == (2, 0)
    with db.connect(Role.INGEST) as connection:
        tombstones.add(connection, {key("Patient", "p1")})
        forget(connection, [row["file_id"] for row in rows(db, "landing.file")])
    assert redact_due(settings, db, ("fhir-ndjson",), search) == 1

    def nothing_of_them() -> bool:
        return not any(PERSON.encode() in content for content in landed(settings))

    assert nothing_of_them()
    before = len(bucket.requests())
    land_fhir(settings, db, [f"s3://{NAME}"])
    assert nothing_of_them()
    assert bucket.requests()[before:] == [("GET", f"/{NAME}")]
    bucket.put("in/copy.ndjson", both)
    land_fhir(settings, db, [f"s3://{NAME}"])
    assert nothing_of_them()
    assert len(rows(db, "landing.file")) == 1
    bucket.put("in/Patient.ndjson", both + ndjson([patient("p3")]))
    account = ingest_fhir(settings, db, [f"s3://{NAME}"])
    assert (account.loaded["Patient"], account.excluded["erased"]) == (1, 1)
    assert nothing_of_them()


def test_bytes_that_are_gone_are_read_again(settings: Settings, db: Database, bucket: Bucket) -> None:
    bucket.put("in/Patient.ndjson", ndjson([patient("p1")]))
    land_fhir(settings, db, [f"s3://{NAME}"])
    ((sha256,),) = [(row["sha256"].hex(),) for row in rows(db, "landing.file")]
    landed_path(settings, sha256).unlink()
    land_fhir(settings, db, [f"s3://{NAME}"])
    assert landed(settings) == {ndjson([patient("p1")])}


def test_messages_come_from_a_bucket_too(settings: Settings, db: Database, bucket: Bucket) -> None:
    bucket.put("feed/1.hl7", message("ADT^A01", "20260101080000", visit()))
    assert stored(land_hl7(settings, db, [f"s3://{NAME}/feed"])) == (1, 0)
    assert stored(land_hl7(settings, db, [f"s3://{NAME}/feed"])) == (0, 1)


@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_a_wrong_key_is_not_told(
    wrong: str, module_settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(f"{PERSON}/Patient.ndjson", ndjson([patient("p1")]))
    name, secret = ("AKIAWRONGNAME", bucket.secret) if wrong == "key" else (bucket.key, "WRONGSECRET")
    set_keys(monkeypatch, bucket.endpoint, name, secret)
    with pytest.raises(ObjectStoreError, match="refused us: check the keys") as caught:
        land_fhir(module_settings, database(module_settings), [f"s3://{NAME}/{PERSON}"])
    assert caught.value.__suppress_context__
    for told in (name, secret, PERSON):
        assert told not in str(caught.value)


def test_errors_of_a_command_name_a_digest(settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SANCTUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SANCTUM_HOME", str(settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(settings))
    bucket.put(f"{PERSON}/Patient.ndjson", ndjson([patient("p1")]))
    url = f"s3://{NAME}/{PERSON}"

    def said(expected_status: int) -> str:
        result = CliRunner().invoke(app, ["ingest", "fhir", url, "--json"], catch_exceptions=False)
        assert result.exit_code == expected_status
        assert not any(told in result.output for told in (PERSON, bucket.key, bucket.secret))
        return result.output

    assert "the host 127.0.0.1 of the object store may not be connected to: SANCTUM_OBJECT_STORE_HOSTS" in said(1)
    monkeypatch.setenv("SANCTUM_OBJECT_STORE_HOSTS", "127.0.0.1")
    assert json.loads(said(0).splitlines()[0])["loaded"] == {"Patient": 1}
    url = f"s3://{NAME}/nobody"
    assert "nothing to load: URL number 1" in said(1)
    url = f"s3://no-such-bucket/{PERSON}"
    assert "nothing to load" in said(1) or "is not there" in said(1)


def test_an_object_that_goes_or_changes_while_objects_are_read(
    settings: Settings, db: Database, bucket: Bucket
) -> None:
    bucket.put("in/1.ndjson", ndjson([patient("p1")]))
    name = f"in/{PERSON}.ndjson"
    changes: list[Callable[[], object]] = [
        lambda: bucket.put(name, ndjson([patient("p2", active=True)])),
        lambda: bucket.client.delete_object(Bucket=NAME, Key=name),
    ]
    for change, said in zip(changes, ("changed while it was read: run again", "is not there"), strict=True):
        bucket.put(name, ndjson([patient("p2")]))
        bucket.put("in/1.ndjson", ndjson([patient("p1", language=said)]))
        once = iter([change])

        def progress(stage: str, done: int, total: int | None, once: Iterator[Callable[[], object]] = once) -> None:
            if stage == "landing objects":
                next(once, lambda: None)()

        with pytest.raises(ObjectStoreError, match=f"^object [0-9a-f]{{12}} {said}") as caught:
            land_fhir(settings, db, [f"s3://{NAME}/in"], progress)
        assert PERSON not in str(caught.value)
    bucket.put(name, ndjson([patient("p2")]))
    assert stored(land_fhir(settings, db, [f"s3://{NAME}/in"])) == (1, 1)
    assert landed(settings) > {ndjson([patient("p2")])}


class Elsewhere(http.server.ThreadingHTTPServer):
    """A server that counts who comes, and answers as it is told."""

    def __init__(self, status: int, location: str = "") -> None:
        self.visits: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.visits.append(self.path)
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                    self.send_header("x-amz-bucket-region", "eu-west-1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_CONNECT = do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere(200) as found:
        yield found
        found.shutdown()


@pytest.mark.parametrize("status", [301, 307])
def test_no_redirect_leads_to_another_host(
    status: int, module_settings: Settings, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Elsewhere(status, f"http://localhost:{elsewhere.port}/") as redirecting:
        set_keys(monkeypatch, f"http://127.0.0.1:{redirecting.port}")
        with pytest.raises(ObjectStoreError):
            land_fhir(module_settings, database(module_settings), [f"s3://{NAME}/in"])
        redirecting.shutdown()
    assert redirecting.visits
    assert not elsewhere.visits


def test_no_proxy_no_profile_and_no_other_address_is_used(
    module_settings: Settings,
    bucket: Bucket,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    other = f"http://localhost:{elsewhere.port}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, other)
    configuration = tmp_path / "aws"
    configuration.write_text(
        "[default]\ndefaults_mode = auto\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
        f"endpoint_url = {other}\ns3 =\n  addressing_style = virtual\n  use_accelerate_endpoint = true\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
    monkeypatch.setenv("SOURCES__FILESYSTEM__CLIENT_KWARGS", json.dumps({"endpoint_url": other}))
    bucket.put("in/Patient.ndjson", ndjson([patient("p1")]))
    assert stored(land_fhir(module_settings, database(module_settings), [f"s3://{NAME}/in"])) == (1, 0)
    assert not elsewhere.visits


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("", "the object store's address is not set: name it in SOURCES__FILESYSTEM__CREDENTIALS__ENDPOINT_URL"),
        ("http://localhost:1", "the host localhost of the object store may not be connected to"),
        ("https://s3.us-east-1.amazonaws.com", "the host s3.us-east-1.amazonaws.com of the object store may not"),
        ("https://127.0.0.1.evil.example", "may not be connected to: SANCTUM_OBJECT_STORE_HOSTS names those that may"),
        ("https://127.0.0.1@evil.example", "no URL with a host and without a password"),
        ("http://minio.example", "no https URL; http is allowed on loopback alone"),
        ("ftp://127.0.0.1", "no https URL"),
        ("127.0.0.1:9000", "no URL with a host"),
    ],
)
def test_only_hosts_that_the_setting_names(
    endpoint: str, said: str, module_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_keys(monkeypatch, endpoint, "AKIATHEKEY", "THESECRET")
    with pytest.raises(ObjectStoreError) as caught:
        land_fhir(module_settings, database(module_settings), [f"s3://{NAME}/{PERSON}"])
    assert said in str(caught.value)
    assert not any(told in str(caught.value) for told in ("AKIATHEKEY", "THESECRET", PERSON))


def test_keys_that_are_missing_are_asked_for(module_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{CREDENTIALS}ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(f"{CREDENTIALS}AWS_ACCESS_KEY_ID", "AKIATHEKEY")
    with pytest.raises(ObjectStoreError, match="SOURCES__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY") as caught:
        land_fhir(module_settings, database(module_settings), [f"s3://{NAME}"])
    assert "AKIATHEKEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gs://lake/x", "gs:// is no object store that Sanctum reads"),
        ("https://example.org/x.ndjson", "https:// is no object store"),
        ("s3:///x", "names no bucket"),
        ("s3://arn:aws:s3:us-east-1:1:accesspoint/x", "names no bucket"),
        ("s3://user:word@lake/x", "names no bucket"),
        ("s3://lake/x?versionId=1", "has one of the characters"),
        ("s3://lake/*/x", "has one of the characters"),
        ("file://server/share", "three slashes"),
        ("file:///x/%2A", "has one of the characters"),
    ],
)
def test_urls_that_are_none_of_ours(url: str, said: str, module_settings: Settings) -> None:
    with pytest.raises(ObjectStoreError) as caught:
        land_fhir(module_settings, database(module_settings), [url])
    assert said in str(caught.value)


def test_files_by_url_need_no_setting(server: Database, tmp_path: Path) -> None:
    settings = make_settings(server, tmp_path / "home", validation="structural")
    db = database(settings)
    folder = tmp_path / "my files" / "in"
    folder.mkdir(parents=True)
    source = folder / f"{PERSON}.ndjson"
    source.write_bytes(ndjson([patient("p1")]))
    (folder / "o.ndjson.gz").write_bytes(gzip.compress(ndjson([observation("o1", valueInteger=1)]), mtime=0))
    whole, one = to_source(folder.as_uri()), to_source(source.as_uri())
    assert isinstance(whole, str)
    assert isinstance(to_source(str(folder)), Path)
    assert stored(land_fhir(settings, db, [one])) == (1, 0)
    assert stored(land_fhir(settings, db, [whole, tmp_path / "my files"])) == (1, 3)
    source.chmod(0)
    assert stored(land_fhir(settings, db, [whole])) == (0, 2)
    source.chmod(0o600)
    source.write_bytes(ndjson([patient("p1", active=True), patient("p2")]))
    assert stored(land_fhir(settings, db, [whole])) == (1, 1)
    with pytest.raises(ObjectStoreError, match="is not there"):
        land_fhir(settings, db, [whole, (tmp_path / "nowhere").as_uri()])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to load: URL number 2"):
        land_fhir(settings, db, [whole, (tmp_path / "empty").as_uri()])


def test_a_copy_that_can_t_be_written(settings: Settings, db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / f"{PERSON}.ndjson").write_bytes(ndjson([patient("p1")]) + b"\n" * (3 << 20))
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, unlimited[1]))
    try:
        with pytest.raises(LandingError, match=r"^object [0-9a-f]{12} could not be copied to .* \(File too large\)"):
            land_fhir(settings, db, [folder.as_uri()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert landed(settings) == set()
