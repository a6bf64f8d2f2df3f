"""Two prompts are compared line by line, and changed words are marked."""

from domain.voice.compare_prompts import compare_prompts, list_whole

OLD = "\n".join([*map(str, range(1, 9)), "Say the total before placing.", "I can only help with orders.", "Bye"])
NEW = "\n".join([*map(str, range(1, 9)), "Say the fee and the total before placing.", "Never argue.", "Listen.", "Bye"])


def test_changed_words_are_marked_and_equal_lines_are_skipped() -> None:
    lines = compare_prompts(OLD, NEW)
    assert [(line.kind, line.number) for line in lines] == [
        ("skipped", None), ("same", 7), ("same", 8), ("old", 9), ("old", 10), ("new", 9), ("new", 10), ("new", 11),
        ("same", 12),
    ]  # fmt: skip
    assert [text for text, is_changed in lines[5].pieces if is_changed] == ["the fee and "]
    assert lines[4].pieces == [("I can only help with orders.", False)]
    for prompt, kinds in ((OLD, {"old"}), (NEW, {"new"})):
        shown = ["".join(text for text, _ in line.pieces) for line in lines if line.kind in kinds]
        assert shown == prompt.splitlines()[8:-1]


def test_a_whole_prompt_has_every_line() -> None:
    assert [(line.number, line.pieces[0][0]) for line in list_whole("a\n\nb")] == [(1, "a"), (2, ""), (3, "b")]
