"""Every action of the audit trail is written by the program, and begins with the noun of its record."""

import ast
from pathlib import Path

from models import AuditAction

ROOT = Path(__file__).parents[2]


def test_every_action_is_written_somewhere() -> None:
    written = {
        node.attr
        for file in (ROOT / "domain").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "AuditAction"
    }
    assert written == {action.name for action in AuditAction}
    assert all(action.name == action.value.replace(".", "_").upper() for action in AuditAction)
