"""S06: no DAG hands words to a shell. The rule is held on the files' syntax trees, and the rule itself is tested."""

from __future__ import annotations

import ast

import pytest

from pipelines.settings import PROJECT

DAGS = sorted((PROJECT / "dags").rglob("*.py"))
SHELLS = {"BashOperator", "bash", "SSHOperator", "DockerOperator", "KubernetesPodOperator"}
CALLS = {"system", "popen", "run", "Popen", "call", "check_call", "check_output", "eval", "exec"}


def findings(source: str) -> list[str]:
    """What in this file reaches a shell or builds code: imports, operators, calls."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [name for name in names
                      if name.split(".")[0] in {"subprocess", "os", "pty"} or name in SHELLS or name.endswith(".bash")]
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SHELLS | CALLS:
                found.append(called)
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            found.append("shell=")
    return found


def test_S06_no_dag_reaches_a_shell() -> None:
    assert len(DAGS) >= 10
    assert {path.name: found for path in DAGS if (found := findings(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize("planted", [
    "from airflow.providers.standard.operators.bash import BashOperator\nBashOperator(bash_command=f'x {conf}')",
    "import subprocess", "import os\nos.system('x')", "@task.bash\ndef f(): ...\nbash(f'{x}')", "eval(conf['x'])",
    "import subprocess as s\ns.run(x, shell=True)",
])
def test_S06_the_rule_sees_what_it_is_for(planted: str) -> None:
    assert findings(planted)
