"""Spectral and Redocly find nothing in /openapi.json: no error and no warning."""

from tests.clients.tools import HERE, find_node_tool, run


async def test_spectral_finds_nothing(document_file) -> None:
    options = ("--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "hint", "--format", "text")
    said = await run(find_node_tool("spectral"), "lint", *options, str(document_file), cwd=HERE)
    assert "No results" in said, said


async def test_redocly_finds_nothing(document_file) -> None:
    options = ("--config", str(HERE / "redocly.yaml"), "--format", "json")
    said = await run(find_node_tool("redocly"), "lint", *options, str(document_file), cwd=HERE)
    totals = said[said.index('"totals"') :]
    assert '"errors": 0' in totals, said
    assert '"warnings": 0' in totals, said
