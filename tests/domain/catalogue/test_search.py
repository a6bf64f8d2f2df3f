"""How a searched text is taken apart."""

from domain.catalogue.search import Word, read_search


def test_nothing_is_searched_for_a_blank_text() -> None:
    assert read_search(None) is None
    assert read_search("  ") is None


def test_one_or_two_letters_are_a_beginning() -> None:
    search = read_search(" Wh ")
    assert search is not None
    assert (search.prefix, search.words) == ("wh%", ())


def test_characters_of_patterns_mean_themselves() -> None:
    short, long = read_search("%"), read_search("50%_off\\")
    assert short is not None
    assert short.prefix == "\\%%"
    assert long is not None
    assert long.words == (Word("%50\\%\\_off\\\\%", None),)


def test_the_longest_word_comes_first_and_only_words_may_be_misspelled() -> None:
    search = read_search("Pan SHEET pan-0012 9 sheet")
    assert search is not None
    assert search.words == (
        Word("%pan-0012%", None), Word("%sheet%", "sheet"), Word("%pan%", None), Word("%9%", None),
    )  # fmt: skip


def test_words_too_short_for_the_index_are_searched_together() -> None:
    search = read_search("2 oz")
    assert search is not None
    assert search.words == (Word("%2 oz%", None),)
