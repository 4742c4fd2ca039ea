"""S05: braces in what a person typed stay braces: no field of an operator is a template made of conf."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import PROJECT

DAGS = sorted((PROJECT / "dags").rglob("*.py"))
PAYLOAD = "{{ var.value.x }} {{ 7 * 7 }} {% if true %}yes{% endif %}"


def templates() -> Iterator[tuple[str, str]]:
    """Every text with braces in a DAG file: a template, or an f-string that makes one."""
    for path in DAGS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts = [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            yield from ((path.name, text) for text in texts if "{{" in text or "{%" in text)


def test_S05_the_only_template_pulls_what_our_own_task_wrote() -> None:
    assert len(DAGS) >= 10
    found = list(templates())
    assert {name for name, _ in found} <= {"promote.py"}
    for name, text in found:
        assert not any(word in text for word in ("conf", "params", "dag_run", "var.")), (name, text)


def test_S05_a_text_with_braces_comes_out_of_the_question_as_it_went_in(tmp_path: Path, monkeypatch: Any) -> None:
    """The words of a request go through the one template there is; the trainer's name in them is a person's word."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    pytest.importorskip("airflow")
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    class Instance:
        def xcom_pull(self, task_ids: str, key: str) -> dict[str, str]:
            assert (task_ids, key) == ("end_shadows", "churn")
            return {"words": PAYLOAD}

    text = "{{ ti.xcom_pull(task_ids='end_shadows', key='churn')['words'] }}"
    ask = ApprovalOperator(task_id="ask", subject="Promote churn?", body=text, execution_timeout=None)
    ask.render_template_fields({"ti": Instance()})
    assert ask.body == PAYLOAD
    source = (PROJECT / "dags" / "promote.py").read_text(encoding="utf-8")
    assert "ti.xcom_pull(task_ids='end_shadows', key='{model}')['words']" in source
