"""The conformance report: by place and hash, without a word of what a message says."""

import json
from collections import Counter
from pathlib import Path

from typer.testing import CliRunner

from assets.cli.main import app
from pipelines.hl7.conformance import check
from tests.pipelines.hl7.messages import message, visit


def test_a_report_names_rules_and_elements_and_quotes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "feed.hl7"
    good = message("ADT^A01", "20260301100000", visit(location="3E"), control="CANARYCONTROL")
    odd = good.replace(b"||19600203|F|", b"||19600203|CANARYSEX|")
    five = good.replace(b"|^~\\&|", b"|^~\\&#|")
    path.write_bytes(good + odd + five + b"MSH|\r")
    result = CliRunner().invoke(app, ["hl7", "check", str(path), "--json"])
    assert result.exit_code == 0, result.output
    assert "CANARY" not in result.output
    found = json.loads(result.stdout)
    assert (found["messages"], found["outcomes"]["refused"], found["outcomes"]["no_message"]) == (4, 1, 1)
    assert found["findings"]["InvalidEncodingChars"] == 1
    assert "not_in_table PID_8" in found["message"][1]["findings"]
    assert [one["byte_offset"] for one in found["message"]][:2] == [0, len(good)]
    assert found["message"][0]["control_id_sha256"] == found["message"][1]["control_id_sha256"]


def test_samples_are_reported_whatever_they_are(shared_data: Path) -> None:
    outcomes: Counter[str] = Counter()
    for path in sorted((shared_data / "hl7v2" / "samples-b").glob("*.hl7"))[:60]:
        outcomes.update(one.outcome for one in check(path))
    assert outcomes.total() == 60
    assert set(outcomes) <= {"conforms", "differs", "refused", "no_message"}
    assert outcomes["differs"] > 10
