"""A language model on loopback with scripted answers, like OpenAI's chat endpoint."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from settings import Settings
from tests.fakes.http_server import FakeHttp, fake_http


def completion(content: Any) -> tuple[int, object]:
    """A chat completion whose message is this text, or this value as JSON."""
    text = content if isinstance(content, str) else orjson.dumps(content).decode()
    return 200, {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake-1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def verdict(score: int, **more: Any) -> dict[str, Any]:
    """The evaluator's answer, good by default."""
    usual = {
        "score": score,
        "resolution": "resolved",
        "hallucination": False,
        "escalation_needed": False,
        "summary": "",
        "reasons": [],
    }
    return usual | more


@asynccontextmanager
async def language_model(settings: Settings, *answers: tuple[int, object]) -> AsyncIterator[tuple[FakeHttp, Settings]]:
    """The running model with what it will answer, and settings that name it."""
    async with fake_http(*answers) as model:
        more = {"llm_api_key": "key", "llm_base_url": f"{model.url}/v1", "llm_model": "fake-1"}
        yield model, settings.model_copy(update=more)
