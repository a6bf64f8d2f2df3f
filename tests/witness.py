"""What the tests see of the API's answers: none that its document does not name, and every code at least once.

Every answer of every app of the tests passes by here. A test fails where the document does not know an answer of its
own; a run of the whole suite says which codes it never met.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from quart import Quart, Response, request, request_finished

from api.openapi import build_openapi
from domain.kernel.codes import Code
from domain.kernel.errors import DomainError
from web import errors

# The whole suite, with the long tests or without them, as `make test` runs it.
WHOLE = {"tests"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


class Witness:
    """Collects the codes that were answered and what the document does not know."""

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self.unknown: list[str] = []
        self._document: dict[str, Any] = {}

    def watch(self) -> None:
        """See every refusal and every answer from now on, also a refusal that a page or a job catches."""
        begin, answer = DomainError.__init__, errors.error_answer

        def note_raised(error: DomainError, *args: Any, **more: Any) -> None:
            begin(error, *args, **more)
            self.codes.add(error.code.value)

        def note_answered(status: int, message: str, code: Code, **more: Any) -> Response:
            self.codes.add(code.value)
            return answer(status, message, code, **more)

        DomainError.__init__ = note_raised  # type: ignore[method-assign, assignment]
        errors.error_answer = note_answered
        request_finished.connect(self._compare)

    async def _compare(self, app: Quart, response: Response) -> None:
        rule = request.url_rule
        if rule is None or not rule.rule.startswith("/api/") or request.method not in METHODS:
            return
        self._document = self._document or build_openapi(app)
        path = re.sub(r"<(?:[^:<>]*:)?([^<>]+)>", r"{\1}", rule.rule)
        answers = self._document["paths"][path][request.method.lower()]["responses"]
        if problem := find_problem(answers, response.status_code, response.mimetype or "", await _read_code(response)):
            self.unknown.append(f"{request.method} {path}: {problem}")


async def _read_code(response: Response) -> str:
    if response.status_code < 400 or response.mimetype != "application/json":
        return ""
    return str(orjson.loads(await response.get_data(as_text=False)).get("code", ""))


def find_problem(answers: dict[str, Any], status: int, kind: str, code: str) -> str:
    """Say what of an answer the document of its operation does not know; nothing where it knows all."""
    answer = answers.get(str(status))
    if answer is None:
        return f"{status} {code}".rstrip()
    if status in {204, 304} or "content" not in answer:
        return ""
    if kind not in answer["content"]:
        return f"{status} as {kind}"
    known = answer["content"][kind]["schema"].get("properties", {}).get("code", {}).get("enum", [code])
    return f"{status} {code}" if code and code not in known else ""


class WitnessPlugin:
    """Brings what the workers of a run saw together, and says after a whole run which codes nobody met."""

    complaint = ""

    def __init__(self) -> None:
        self.witness = Witness()
        self.codes: set[str] = set()

    def pytest_sessionstart(self) -> None:
        """See every answer of the run."""
        self.witness.watch()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Fail the test whose answers the document does not know."""
        try:
            yield
        finally:
            unknown, self.witness.unknown = self.witness.unknown, []
        assert not unknown, f"/openapi.json does not name (see @refuses and @answers_file): {', '.join(unknown)}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist ended: take over what it saw."""
        self.codes |= set(getattr(node, "workeroutput", {}).get("codes", ()))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand on what this worker saw, or judge what all of them did."""
        config = session.config
        if hasattr(config, "workeroutput"):
            config.workeroutput["codes"] = sorted(self.witness.codes)
            return
        missed = set(Code) - self.codes - self.witness.codes
        if exitstatus == 0 and is_whole(config) and missed:
            self.complaint = f"No test met these codes: {', '.join(sorted(missed))}"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what is missing."""
        if self.complaint:
            terminalreporter.write_line(self.complaint, red=True)


def is_whole(config: pytest.Config) -> bool:
    """True for a run of all tests, however they are spread: nothing was picked out."""
    return set(config.args) <= WHOLE and not config.option.keyword and not config.option.markexpr
