"""Prompt versions: what a suggested one changes line by line, and putting one live."""

from enum import StrEnum

from quart import Blueprint, Response

from domain.access.rights import Right
from domain.kernel.inputs import Input
from domain.voice.compare_prompts import compare_prompts, list_whole
from domain.voice.prompts import (
    EditPrompt,
    dismiss_prompt,
    edit_prompt,
    get_version,
    list_agents,
    list_versions,
    mark_words,
    put_live,
)
from domain.voice.suggest_prompt import SuggestPrompt, suggest_prompt
from domain.voice.trials import DONE, Trial, queue_trial, read_trial
from portal.attempts import Attempt, attempt, attempt_in_own_transaction, refusal_of
from portal.render import page_or_block, redirect_to
from portal.voice.sections import make_sections
from web.guards import staff_page
from web.reading import reads_query
from web.request import current_actor, db, settings

blueprint = Blueprint("portal_voice_prompts", __name__)
LIST = "/portal/voice/prompts"
PUT_LIVE, DISMISS = "put-live", "dismiss"


class View(StrEnum):
    """How a prompt's text is shown."""

    DIFFERENCES = "differences"
    WHOLE = "whole"


class PromptView(Input):
    """The chosen view."""

    view: View = View.DIFFERENCES


@blueprint.get(LIST)
@staff_page(Right.REVIEW_CALLS)
async def show_prompts() -> Response:
    """All agents' versions, newest first."""
    return await _show_list(200, "")


@blueprint.post(f"{LIST}/agents/<id:agent_id>/suggest")
@staff_page(Right.SUGGEST_PROMPTS)
async def suggest(agent_id: int) -> Response:
    """Request a prompt suggestion from the agent's worst calls."""

    async def act(_data: Input) -> int:
        asked = SuggestPrompt(min_calls=1)
        return (await suggest_prompt(agent_id, asked, by=current_actor(), settings=settings()))[1]

    tried = await attempt_in_own_transaction(Input, act)
    if tried.result is None:
        return await _show_list(tried.status, tried.problem)
    return await redirect_to(f"{LIST}/{tried.result}", toast="A prompt is proposed")


@blueprint.get(f"{LIST}/<id:version_id>")
@staff_page(Right.REVIEW_CALLS)
@reads_query(PromptView)
async def show_prompt(query: PromptView, version_id: int) -> Response:
    """One version compared with the live one, or in full."""
    return await _show_version(version_id, 200, "", view=query.view)


@blueprint.get(f"{LIST}/<id:version_id>/edit")
@staff_page(Right.SUGGEST_PROMPTS)
async def show_editor(version_id: int) -> Response:
    """The form for editing a suggestion before it goes live."""
    return await _show_editor(version_id, None)


@blueprint.post(f"{LIST}/<id:version_id>/edit")
@staff_page(Right.SUGGEST_PROMPTS)
async def edit(version_id: int) -> Response:
    """Change the text of a suggestion."""

    async def act(data: EditPrompt) -> object:
        return await edit_prompt(db(), version_id, data, by=current_actor())

    tried = await attempt(EditPrompt, act)
    if tried.result is None:
        return await _show_editor(version_id, tried)
    return await redirect_to(f"{LIST}/{version_id}", toast="The prompt is changed")


async def _show_editor(version_id: int, tried: Attempt[object] | None) -> Response:
    version, agent, _ = await get_version(db(), version_id)
    return await page_or_block(
        "voice/edit_prompt.html",
        block="prompt_editor",
        version=version,
        agent=agent,
        url=f"{LIST}/{version_id}",
        words=tried.typed.get("prompt", version.prompt) if tried else version.prompt,
        opened=tried.typed.get("opened", "") if tried else mark_words(version.prompt),
        **refusal_of(tried),
    )


@blueprint.post(f"{LIST}/<id:version_id>/trial")
@staff_page(Right.SUGGEST_PROMPTS)
async def try_prompt(version_id: int) -> Response:
    """Replay recorded calls with this prompt."""

    async def act(_data: Input) -> str:
        await queue_trial(db(), version_id, by=current_actor(), settings=settings())
        return "queued"

    tried = await attempt(Input, act)
    if tried.result is None:
        return await _show_version(version_id, tried.status, tried.problem)
    return await redirect_to(f"{LIST}/{version_id}", toast="Recorded calls are replayed with this prompt")


async def _show_version(version_id: int, status: int, problem: str, view: View = View.DIFFERENCES) -> Response:
    version, agent, other = await get_version(db(), version_id)
    trial = read_trial(version)
    changes = compare_prompts(other.prompt if other else "", version.prompt)
    views = [{"word": one.capitalize(), "url": f"?view={one}", "current": one is view} for one in View]
    return await page_or_block(
        "voice/prompt.html",
        block="trial",
        status=status,
        problem=problem,
        trial=trial,
        version=version,
        agent=agent,
        other=other,
        lines=changes if view is View.DIFFERENCES else list_whole(version.prompt),
        added=sum(line.kind == "new" for line in changes),
        removed=sum(line.kind == "old" for line in changes),
        views=views,
        url=f"{LIST}/{version_id}",
    )


@blueprint.get(f"{LIST}/<id:version_id>/put-live")
@staff_page(Right.SUGGEST_PROMPTS)
async def ask_put_live(version_id: int) -> Response:
    """Ask for confirmation before a prompt goes live."""
    return await _ask(version_id, PUT_LIVE, 200, "")


@blueprint.post(f"{LIST}/<id:version_id>/put-live")
@staff_page(Right.SUGGEST_PROMPTS)
async def make_live(version_id: int) -> Response:
    """Put a prompt live."""
    return await _do(version_id, PUT_LIVE)


@blueprint.get(f"{LIST}/<id:version_id>/dismiss")
@staff_page(Right.SUGGEST_PROMPTS)
async def ask_dismiss(version_id: int) -> Response:
    """Ask for confirmation before discarding a suggestion."""
    return await _ask(version_id, DISMISS, 200, "")


@blueprint.post(f"{LIST}/<id:version_id>/dismiss")
@staff_page(Right.SUGGEST_PROMPTS)
async def dismiss(version_id: int) -> Response:
    """Discard a suggestion."""
    return await _do(version_id, DISMISS)


async def _do(version_id: int, what: str) -> Response:
    do = put_live if what == PUT_LIVE else dismiss_prompt

    async def act(_data: Input) -> object:
        return await do(db(), version_id, by=current_actor())

    tried = await attempt(Input, act)
    if tried.result is None:
        return await _ask(version_id, what, tried.status, tried.problem)
    word = "live" if what == PUT_LIVE else "put aside"
    return await redirect_to(LIST, toast=f"The prompt is {word}")


async def _ask(version_id: int, what: str, status: int, problem: str) -> Response:
    version, agent, other = await get_version(db(), version_id)
    is_live = what == PUT_LIVE
    old = f"Version {other.number} retires. " if other and is_live else ""
    title = f"Put version {version.number} of {agent.name} live?"
    text = f"{old}{_say_trial(read_trial(version))} Copy the text to the voice platform, too."
    if not is_live:
        title, text = f"Discard version {version.number}?", "It stays in the list, marked as discarded."
    return await page_or_block(
        "shared/confirm.html",
        block="dialog",
        status=status,
        title=title,
        text=text,
        verb="Put live" if is_live else "Discard",
        danger=not is_live,
        url=f"{LIST}/{version_id}/{what}",
        back_url=f"{LIST}/{version_id}",
        problem=problem,
    )


def _say_trial(trial: Trial | None) -> str:
    """The result of a prompt's simulated calls, before it goes live."""
    if trial is None or trial.state != DONE:
        return "It was not tested on simulated calls."
    return f"Of {len(trial.rows)} simulated calls {trial.count('better')} got better and {trial.count('worse')} worse."


async def _show_list(status: int, problem: str) -> Response:
    return await page_or_block(
        "voice/prompts.html",
        status=status,
        sections=await make_sections("prompts"),
        versions=await list_versions(db()),
        agents=await list_agents(db()),
        problem=problem,
    )
