"""What live nodes say of a failure lies beside its page, without their keys."""

import json
import re
from pathlib import Path

import pytest

from syncmodel.cli import main

#: It starts many processes.
pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parents[2] / "corpus"
#: It takes no time: what a rollback leaves behind shows at once.
BUG = "rollback-leaves-table"
KEY = re.compile(r"\b[0-9a-f]{64}\b")


def test_a_run_that_fails_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (file,) = (
        one for one in CORPUS.glob("*.json") if json.loads(one.read_text()).get("bug") == BUG
    )
    assert main(["replay", str(file), "--target", "embedded", "--report", "pages"]) == 1
    page = (tmp_path / "pages" / f"{file.stem}.html").read_text()
    facts = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.S)[0])["facts"]
    links = [link for name, *linked in facts if name == "artefacts of n1" for link in linked[1::2]]
    files = {Path(link).name: tmp_path / "pages" / link for link in links}
    assert {"app.log", "supervisor.log", "status.json", "rows.json", "links.json"} <= files.keys()
    (folder,) = (tmp_path / "pages").glob("*.artefacts")
    assert (folder / "story.txt").is_file()
    assert main(["judge", str(folder)]) == 1
    known = set(KEY.findall(files["nodes.json"].read_text()))
    for one in files.values():
        assert set(KEY.findall(one.read_text())) <= known, one
    assert json.loads(files["store-tables.json"].read_text())
