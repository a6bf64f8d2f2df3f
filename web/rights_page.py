"""Generates docs/rights.md from the live routes: what each right allows, and which right each route requires."""

from collections.abc import Iterator

from quart import Quart

from domain.access.rights import GRANTS, SCOPE_RIGHTS
from models import Role
from web.guards import Guard, guard_of

# The gallery of shared components exists only in development.
_HIDDEN = ("/portal/parts",)
_HEAD = """# Who may do what

Printed by `python run.py rights > docs/rights.md` from `domain/access/rights.py` and the live routes; a test keeps it
true. A route is refused with 403 before its body is read; beside each right it says what a role sees.
"""


def print_rights(app: Quart) -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_HEAD, *_list_rights(), "", *_list_scopes(), "", *_list_routes(app)]) + "\n"


def _list_rights() -> Iterator[str]:
    yield "## Rights\n"
    yield f"| right | allows | {' | '.join(Role)} |"
    yield f"|---|---|{':-:|' * len(Role)}"
    for right, grant in GRANTS.items():
        marks = " | ".join("✓" if role in grant.roles else "–" for role in Role)
        yield f"| {right} | {grant.allows} | {marks} |"


def _list_scopes() -> Iterator[str]:
    yield "## API keys\n"
    yield "| scope | rights |"
    yield "|---|---|"
    for scope, rights in SCOPE_RIGHTS.items():
        yield f"| {scope} | {', '.join(sorted(rights))} |"


def _list_routes(app: Quart) -> Iterator[str]:
    yield "## Routes\n"
    yield f"| route | asks for | {' | '.join(Role)} |"
    yield f"|---|---|{':-:|' * len(Role)}"
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        guard = guard_of(app, rule.endpoint)
        if guard is None or rule.rule.startswith(_HIDDEN):
            continue
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        marks = " | ".join("✓" if guard.is_public or role in guard.roles else "–" for role in Role)
        address = rule.rule.replace("|", "\\|")
        yield f"| {' '.join(methods)} `{address}` | {_describe(guard)} | {marks} |"


def _describe(guard: Guard) -> str:
    """Describe in words who is admitted."""
    if guard.is_public:
        return "nothing; a signed-in customer is known" if guard.optional_customer else "nothing"
    asked = []
    if guard.customer:
        asked.append("customer")
    if guard.staff:
        asked.append(str(guard.right) if guard.right else "any colleague")
    asked += [f"key: {scope}" for scope in sorted(guard.scopes)]
    if guard.internal:
        asked.append("internal secret")
    return " or ".join(asked)
