"""ADT.md 6.14: who may send, over what, and what is written down about it."""

import datetime
import ipaddress
import logging
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipelines.hl7.header import Header
from pipelines.hl7.mllp import arrival
from pipelines.hl7.mllp.listener import Listener, ListenerError
from resources.postgres import Database
from resources.private_files import PrivateFileError
from resources.settings import Settings
from tests.pipelines.hl7.mllp.conftest import Listen, Running, listening
from tests.pipelines.hl7.mllp.senders import Sender, acknowledged, admission, control, framed, landed


@dataclass
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.folder.name)])
        self.path = self.folder / "authority.pem"
        self.path.write_bytes(
            self._signed(self._name, self._key.public_key(), authority=True).public_bytes(serialization.Encoding.PEM)
        )

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        signed = self._signed(subject, key.public_key(), authority=False)
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, private

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture
def hospital(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "hospital")


def client(authority: Authority, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.path)
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


def test_6_14_messages_over_tls(listen: Listen, db: Database, hospital: Authority) -> None:
    certificate, key = hospital.issue("listener")
    running = listen(mllp_certificate_file=certificate, mllp_key_file=key)
    with Sender(running.port, client(hospital)) as sender:
        assert acknowledged(sender.send(admission("encrypted"))) == ("AA", "encrypted")
        sender.say(framed(*[admission(f"e{n}") for n in range(50)]))
        assert [acknowledged(sender.answer())[1] for _ in range(50)] == [f"e{n}" for n in range(50)]
    with Sender(running.port) as plain:
        plain.say(framed(admission("plain")))
        assert plain.is_closed()
    assert len(landed(db)) == 51


def test_6_14_with_an_authority_a_senders_certificate_is_required(
    listen: Listen, db: Database, hospital: Authority, tmp_path: Path
) -> None:
    certificate, key = hospital.issue("listener")
    running = listen(mllp_certificate_file=certificate, mllp_key_file=key, mllp_client_authority_file=hospital.path)
    with Sender(running.port, client(hospital, hospital.issue("engine"))) as sender:
        assert acknowledged(sender.send(admission("known"))) == ("AA", "known")
    stranger = Authority(tmp_path / "stranger").issue("engine")
    for shown in (None, stranger):
        # Of TLS 1.3 the client learns with its first read that it was refused.
        with (
            pytest.raises((ssl.SSLError, ConnectionError, EOFError)),
            Sender(running.port, client(hospital, shown)) as sender,
        ):
            sender.send(admission("unknown"))
    assert [row["message_control_id"] for row in landed(db)] == ["known"]


def test_6_14_a_key_that_others_may_read_is_refused(settings: Settings, db: Database, hospital: Authority) -> None:
    certificate, key = hospital.issue("listener")
    key.chmod(0o644)
    update = {"mllp_certificate_file": certificate, "mllp_key_file": key}
    with pytest.raises(PrivateFileError, match="chmod 600"):
        Listener(settings.model_copy(update=update), db)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mllp.example"])
def test_6_14_beyond_loopback_only_with_tls(settings: Settings, db: Database, hospital: Authority, host: str) -> None:
    with pytest.raises(ListenerError, match="SANCTUM_MLLP_CERTIFICATE_FILE"):
        Listener(settings.model_copy(update={"mllp_host": host}), db)
    certificate, key = hospital.issue("listener")
    tls = {"mllp_host": host, "mllp_certificate_file": certificate, "mllp_key_file": key}
    Listener(settings.model_copy(update=tls), db)
    Listener(settings.model_copy(update={"mllp_host": host, "mllp_plain": True}), db)


def test_6_14_loopback_is_the_default(settings: Settings, listener: Running) -> None:
    assert settings.mllp_host == "127.0.0.1"
    assert listener.address.host == "127.0.0.1"


def test_6_14_an_address_that_is_not_allowed_is_closed_unread(listen: Listen, db: Database) -> None:
    running = listen(mllp_allowed_addresses=frozenset({"10.0.0.0/8"}))
    with Sender(running.port) as sender:
        assert sender.is_closed()
    assert landed(db) == []


def test_6_14_no_more_connections_than_allowed(listen: Listen) -> None:
    running = listen(mllp_connections=2)
    with Sender(running.port) as first, Sender(running.port) as second:
        assert acknowledged(first.send(admission("a"))) == ("AA", "a")
        assert acknowledged(second.send(admission("b"))) == ("AA", "b")
        with Sender(running.port) as third:
            assert third.is_closed()
        assert acknowledged(first.send(admission("c"))) == ("AA", "c")


def test_6_14_a_sender_that_is_not_listed_is_answered_ar_and_not_stored(listen: Listen, db: Database) -> None:
    running = listen(mllp_allowed_senders=frozenset({"ADT|HOSP", "|CLINIC"}))
    asked = {"ADT|HOSP": "AA", "LAB|CLINIC": "AA", "LAB|HOSP": "AR", "ADT|": "AR", "|": "AR", "ADT^1|HOSP^2": "AA"}
    with Sender(running.port) as sender:
        told = {who: acknowledged(sender.send(admission(control(), sender=who)))[0] for who in asked}
    assert told == asked
    assert len(landed(db)) == 3


def test_6_14_a_fault_of_ours_is_logged_without_content_and_closes_its_connection_alone(
    listen: Listen, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = listen()
    read = arrival.read_header

    def faulty(body: bytes, zone: ZoneInfo) -> Header:
        if b"CANARYFAULT" in body:
            raise ValueError(body.decode())
        return read(body, zone)

    monkeypatch.setattr(arrival, "read_header", faulty)
    with Sender(running.port) as sender, Sender(running.port) as other:
        sender.say(framed(admission("CANARYFAULT")))
        assert sender.is_closed()
        assert acknowledged(other.send(admission("other"))) == ("AA", "other")
    assert "ValueError at test_security.py" in caplog.text
    assert "CANARY" not in caplog.text


def test_6_14_a_port_in_use_is_said(listen: Listen, settings: Settings) -> None:
    running = listen()
    in_use = listening(settings, mllp_port=running.port)
    with pytest.raises(ListenerError, match=f"port {running.port}"):
        in_use.__enter__()


def test_6_14_logs_and_figures_hold_no_content(listen: Listen, db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    running = listen(mllp_message_bytes=4000, mllp_metrics_port=0)
    long = admission("CANARYCONTROL5") + b"NTE|1||" + b"x" * 5000
    messages = [admission("CANARYCONTROL1"), admission("CANARYCONTROL2", mode="X"), b"PID|1||CANARYNAME", long]
    with Sender(running.port) as sender:
        for message in messages:
            sender.send(message)
    address = f"http://127.0.0.1:{running.address.metrics_port}/metrics"
    figures = urllib.request.urlopen(address).read().decode()
    assert "CANARY" not in caplog.text
    assert "CANARY" not in figures
    assert "ADT^A01 (sha256 " in caplog.text
    for line in (
        "sanctum_mllp_received_total 3.0",
        "sanctum_mllp_acked_total 1.0",
        'sanctum_mllp_nacked_total{code="AR"} 3.0',
        "sanctum_hl7_backlog_messages 1.0",
        "sanctum_hl7_database_up 1.0",
    ):
        assert line in figures
    assert float(figures.split("\nsanctum_hl7_backlog_oldest_seconds ")[1].split("\n")[0]) >= 0
