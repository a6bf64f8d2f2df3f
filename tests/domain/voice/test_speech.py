"""The words for numbers are loaded once in a thread, however many callers wait for them."""

import asyncio
import threading

import pytest
import typeguard

from domain.voice import speech


async def test_callers_wait_for_the_words_without_stopping_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, begun, loaded = [], threading.Event(), threading.Event()

    def load() -> None:
        loading.append(threading.current_thread())
        begun.set()
        loaded.wait(10)
        words()

    words = speech._words
    words.cache_clear()
    monkeypatch.setattr(speech, "prepare_speech", load)
    callers = [asyncio.create_task(speech.await_speech()) for _ in range(5)]
    await asyncio.to_thread(begun.wait, 10)
    assert not any(caller.done() for caller in callers)
    loaded.set()
    await asyncio.gather(*callers)
    assert len(loading) == 1
    assert loading[0] is not threading.main_thread()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Tulip wine glass, 8.5 oz", "Tulip wine glass, 8.5 oz"),
        ("Glass carafe, 0.25 L.", "Glass carafe, 0.25 L"),
        ("Pan 2.5in. deep. No. 10!", "Pan 2.5in deep No 10"),
        ("Order now. Or else? <b>", "Order now Or else b"),
    ],
)
def test_a_size_keeps_its_point_and_a_name_ends_no_sentence(written: str, said: str) -> None:
    assert speech.say_text(written) == said


def test_the_words_are_loaded_without_checks_of_their_types() -> None:
    assert speech.say_number(21) == "twenty-one"
    engine = type(speech._words())
    checked = {"check_argument_types", "check_return_type"}
    assert not checked & set(engine.number_to_words.__code__.co_names + engine.plural.__code__.co_names)
    assert typeguard.typechecked.__name__ == "typechecked"
