"""Would the tests notice if the model were wrong? Mutation testing with cosmic-ray.

    python bench/mutations.py [--sample 300] [--seed 1] [--only FILE...] [--session FILE] [--show]

Changes one small thing at a time in model/ and in engine/session.py, in a copy of this repository,
and runs the tests of both on it. Prints who survived, and fails if tests/unit/model/survivors.txt
does not say why. `--sample 0` takes all of them, `--only net.py trust.py` those of these files; a
session that was interrupted goes on. Fails at once if the tests fail before anything is changed.
Needs `pip install -e '.[dev,mutants]'`.
"""

from __future__ import annotations

import argparse
import ast
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
EXPLAINED = ROOT / "tests" / "unit" / "model" / "survivors.txt"
MUTATED = ("src/syncmodel/model", "src/syncmodel/engine/session.py")
COPIED = ("src", "strategies", "tests", "docs", "corpus", "bench", "stateful", "pyproject.toml")
TESTED = "tests/unit"
#: What else tests the model: steps that change the net, and sessions.
ALSO = (
    *("steps/membership", "steps/restoring", "steps/standstill", "steps/machines"),
    *("steps/plugins", "steps/hang", "steps/losses", "engine/session", "engine/beginning"),
)
#: These take many seconds: whoever falls by another test falls sooner.
LAST = (
    *("model/rest", "model/schema", "model/oracle", "model/long_runs", "model/soundness"),
    *("model/order_of_answers", "model/late_beside_answers"),
)
#: The kinds of changes that are tried. The others repeat these (a comparison by `is` instead of
#: `==`), or break every call (a set divided by another).
OPERATORS = (
    *("AddNot", "NumberReplacer", "ZeroIterationForLoop", "ExceptionReplacer"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ReplaceBinaryOperator_BitOr_BitAnd", "ReplaceBinaryOperator_BitOr_Sub"),
    *("ReplaceBinaryOperator_BitAnd_BitOr", "ReplaceBinaryOperator_BitXor_BitOr"),
    *("ReplaceBinaryOperator_Sub_BitOr", "ReplaceBinaryOperator_Sub_BitAnd"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq"),
    *("ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_LtE_Lt"),
    *("ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt"),
    *("ReplaceComparisonOperator_LtE_GtE", "ReplaceComparisonOperator_Lt_Gt"),
    *("ReplaceComparisonOperator_Gt_Lt", "ReplaceComparisonOperator_GtE_LtE"),
)
CONFIG = """
[cosmic-ray]
module-path = {paths}
timeout = {seconds}
excluded-modules = []
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


class Mutant(NamedTuple):
    """One change: where (line and column from 1 and 0), of which kind, and what stands there."""

    job: str
    path: str
    line: int
    column: int
    operator: str
    text: str

    @property
    def name(self) -> str:
        """What an explanation names it by: the line's text, as numbers of lines change."""
        return f"{Path(self.path).relative_to('src/syncmodel')} | {self.operator} | {self.text}"


def mutants(session: Path, copy: Path) -> Iterator[Mutant]:
    """Those of the session that are of a kind that is tried, and change what is executed."""
    rows = _asked(
        session,
        "select job_id, module_path, start_pos_row, start_pos_col, operator_name "
        "from mutation_specs order by module_path, start_pos_row, start_pos_col, operator_name, "
        "occurrence",
    )
    lines: dict[str, list[str]] = {}
    unread: dict[str, set[int]] = {}
    for job, path, line, column, operator in rows:
        if path not in lines:
            source = (copy / path).read_text(encoding="utf-8")
            lines[path], unread[path] = source.splitlines(), _unread(source)
        kind = operator.removeprefix("core/")
        if kind in OPERATORS and line * 1000 + column not in unread[path]:
            yield Mutant(job, path, line, column, kind, lines[path][line - 1].strip())


def _unread(source: str) -> set[int]:
    """The places (1000 times the line, and the column) that say nothing of what is right:
    annotations, how values are kept and how many, that two sequences are equally long."""
    found = set[int]()
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                parts = [node.returns]
            case ast.arg() | ast.AnnAssign():
                parts = [node.annotation]
            case ast.ClassDef():
                parts = [keyword.value for keyword in node.keywords]
            case ast.keyword(arg="strict" | "maxsize" | "cache_hash"):
                parts = [node.value]
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                parts = [node.test]
        for part in parts:
            for inner in ast.walk(part) if part is not None else ():
                if isinstance(inner, ast.expr):
                    lines = range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
                    found.update(
                        line * 1000 + column
                        for line in lines
                        for column in range(inner.col_offset, inner.end_col_offset or 0)
                    )
    return found


def _asked(session: Path, query: str) -> list[tuple[str, str, int, int, str]]:
    with sqlite3.connect(session) as database:
        return list(database.execute(query))


def explained() -> dict[str, str]:
    """Why each known survivor is no hole in the tests, by its name."""
    found = {}
    for line in EXPLAINED.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, why = line.rpartition(" | ")
            found[name] = why
    return found


def tests() -> list[str]:
    """The files of tests, the quick ones first: most mutants fall by them."""
    files = (ROOT / TESTED / "model").glob("test_*.py")
    names = {f"model/{path.stem.removeprefix('test_')}" for path in files}
    order = (*sorted(names.difference(LAST)), *ALSO, *LAST)
    return [f"{TESTED}/{'/test_'.join(name.split('/'))}.py" for name in order]


def prepared(
    copy: Path, session: Path, sample: int, seed: int, only: Sequence[str]
) -> list[Mutant]:
    """The mutants that are to be tried, in a session where all others are skipped."""
    if not session.exists():
        _cosmic_ray(copy, "init", "cosmic-ray.toml", str(session))
    every = [one for one in mutants(session, copy) if not only or Path(one.path).name in only]
    Random(seed).shuffle(every)
    chosen = every[:sample] if sample else every
    jobs = {mutant.job for mutant in chosen}
    with sqlite3.connect(session) as database:
        skipped = [
            (j,) for (j,) in database.execute("select job_id from work_items") if j not in jobs
        ]
        database.executemany(
            "insert or ignore into work_results (worker_outcome, output, job_id) "
            "values ('SKIPPED', 'not chosen', ?)",
            skipped,
        )
        database.executemany(
            "delete from work_results where worker_outcome = 'SKIPPED' and job_id = ?",
            [(job,) for job in jobs],
        )
    print(f"{len(chosen)} of {len(every)} mutants")
    return chosen


def _cosmic_ray(copy: Path, *arguments: str) -> None:
    script = Path(sys.executable).with_name("cosmic-ray")
    subprocess.run([script, *arguments], cwd=copy, env=_environment(copy), check=True)


def _environment(copy: Path) -> dict[str, str]:
    """So many rests that all which must happen sometimes does: else every mutant seems to fall."""
    return os.environ | {"PYTHONPATH": str(copy / "src"), "SYNCMODEL_RESTS": "1500"}


def passes(copy: Path) -> bool:
    """Whether the tests pass on what is whole: only then does it say something that one falls."""
    return subprocess.run(_command(), cwd=copy, env=_environment(copy), check=False).returncode == 0


def is_of(session: Path, copy: Path) -> bool:
    """Whether the session, if there is one, is of this very code; notes which code it is of."""
    note = session.with_suffix(".code")
    paths = [copy / name for name in MUTATED]
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) or [path])]
    digest = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if session.exists():
        return note.exists() and note.read_text(encoding="utf-8") == digest
    note.write_text(digest, encoding="utf-8")
    return True


def _command() -> list[str]:
    options = ("-x", "-q", "-p", "no:cacheprovider", "-m", "not long and not longer")
    return [sys.executable, "-m", "pytest", *options, *tests()]


def copied(copy: Path) -> None:
    """A copy of the repository, in which code may be broken."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            hidden = shutil.ignore_patterns("__pycache__", "node_modules", "results")
            shutil.copytree(source, copy / name, symlinks=True, ignore=hidden)
        else:
            shutil.copy(source, copy / name)
    text = CONFIG.format(paths=list(MUTATED), seconds=900.0, command=shlex.join(_command()))
    (copy / "cosmic-ray.toml").write_text(text, encoding="utf-8")


def main() -> int:
    """Try mutants, and say which of them nobody noticed."""
    parser = argparse.ArgumentParser(description="Would the tests notice a wrong model?")
    parser.add_argument("--sample", type=int, default=300, help="how many; 0: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE", help="of these files")
    parser.add_argument("--session", type=Path, help="keep results there, and go on from them")
    parser.add_argument("--show", action="store_true", help="only say what the session has")
    given = parser.parse_args()
    if find_spec("cosmic_ray") is None:
        print("There is no cosmic-ray here: pip install -e '.[dev,mutants]'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        session = (given.session or copy / "session.sqlite").absolute()
        copied(copy)
        if not is_of(session, copy):
            print(f"{session} is of other code: remove it, or name another.", file=sys.stderr)
            return 2
        chosen = prepared(copy, session, given.sample, given.seed, given.only)
        if not given.show:
            if not passes(copy):
                print(
                    "The tests fail before anything is changed: mend that first.", file=sys.stderr
                )
                return 2
            _cosmic_ray(copy, "exec", "cosmic-ray.toml", str(session))
    outcomes = {
        job: outcome
        for job, outcome, *_ in _asked(
            session, "select job_id, test_outcome from work_results where test_outcome is not null"
        )
    }
    survivors = [one for one in chosen if outcomes.get(one.job) == "SURVIVED"]
    known = explained()
    new = [mutant for mutant in survivors if mutant.name not in known]
    tried = sum(mutant.job in outcomes for mutant in chosen)
    print(f"tried {tried}, survived {len(survivors)}, of which {len(new)} are not explained:")
    for mutant in new:
        print(f"{mutant.name}    (line {mutant.line}, column {mutant.column})")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
