"""A language model behind any endpoint with OpenAI's chat protocol: one question, one answer in a given form."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from integrations.errors import ServiceFailed, ServiceRefused
from integrations.http import UNREADABLE, read_trusted

TIMEOUT_SECONDS = 60
RETRIES = 1
LONGEST_REPLY = 200_000

AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LlmAccount:
    """The model and the account."""

    model: str
    api_key: str = field(repr=False)
    base_url: str = ""
    # US dollars per million tokens; 0 if unknown.
    input_price: Decimal = Decimal(0)
    output_price: Decimal = Decimal(0)

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Return the price of these tokens in US dollars; None if the prices are unknown."""
        if not (self.input_price or self.output_price):
            return None
        return (self.input_price * input_tokens + self.output_price * output_tokens) / 1_000_000


@dataclass(frozen=True, slots=True)
class Reply(Generic[AnswerT]):
    """The model's answer, its usage and cost."""

    answer: AnswerT
    model: str
    input_tokens: int
    output_tokens: int
    raw: str
    cost_dollars: Decimal | None = None


async def ask_model(account: LlmAccount, *, system: str, question: str, form: type[AnswerT]) -> Reply[AnswerT]:
    """Ask once, and once more if the answer does not have the form.

    Not every endpoint enforces a schema, so the answer is checked here. Raises ServiceRefused if the endpoint refuses
    permanently, else ServiceFailed.
    """
    # The library takes most of a second to load, once.
    await asyncio.to_thread(import_module, "openai")
    import openai

    messages: list[Any] = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    schema: Any = {"name": form.__name__, "schema": form.model_json_schema()}
    tokens = [0, 0]
    named_cost = Decimal(0)
    trouble = ""
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS * (RETRIES + 1) * 2),
            openai.AsyncOpenAI(
                api_key=account.api_key,
                base_url=account.base_url or None,
                timeout=TIMEOUT_SECONDS,
                max_retries=RETRIES,
                http_client=openai.DefaultAsyncHttpxClient(verify=await read_trusted()),
            ) as client,
        ):
            for _ in range(2):
                done: Any = await client.chat.completions.create(
                    model=account.model,
                    messages=messages,
                    response_format={"type": "json_schema", "json_schema": schema},
                )
                text = (done.choices[0].message.content or "") if done.choices else ""
                if done.usage is not None:
                    tokens = [tokens[0] + done.usage.prompt_tokens, tokens[1] + done.usage.completion_tokens]
                    named_cost += _read_cost(done.usage)
                try:
                    answer = form.model_validate_json(_strip_code_fence(text[:LONGEST_REPLY]))
                    cost = named_cost or account.cost(tokens[0], tokens[1])
                    model = done.model or account.model
                    return Reply(answer, model, tokens[0], tokens[1], text[:LONGEST_REPLY], cost)
                except ValidationError as error:
                    trouble = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
                    messages += [
                        {"role": "assistant", "content": text[:LONGEST_REPLY]},
                        {
                            "role": "user",
                            "content": f"That does not fit the schema ({trouble}). Answer again, in JSON.",
                        },
                    ]
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
        raise ServiceRefused(f"The language model refused us ({error.status_code}).") from error
    except openai.APIStatusError as error:
        raise ServiceFailed(f"The language model answered {error.status_code}.") from error
    except openai.OpenAIError as error:
        raise ServiceFailed(f"The language model could not be reached: {type(error).__name__}.") from error
    except TimeoutError as error:
        raise ServiceFailed("The language model's answer took too long.") from error
    except UNREADABLE as error:
        raise ServiceFailed("The language model's answer could not be read.") from error
    raise ServiceFailed(f"The language model's answer has the wrong form ({trouble}).")


def _read_cost(usage: Any) -> Decimal:
    """Return the cost in US dollars that some endpoints report themselves; else 0."""
    cost = getattr(usage, "cost", None)
    is_number = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 10_000
    return Decimal(str(cost)) if is_number else Decimal(0)


def _strip_code_fence(text: str) -> str:
    """Return the JSON of an answer, which some models put into a code block."""
    stripped = text.strip()
    if not stripped.startswith("```"):
        return stripped
    return stripped.strip("`").removeprefix("json").strip()
