"""The options of a question, and which of them a piece of text names.

    options = Options(("red", "green"))
    options.whole("(B) green")                    # {"B"}
    options.leading("B, since A is too dark")     # {"B"}: behind "the answer is"
    options.whole("B. red")                       # None: letter and words disagree
    Options(()).whole("A and C")                  # {"A", "C"}: options that nobody told, by their letters

Not covered: where in a reply to look.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from codedance.reward.rules.numerals import Number, about
from codedance.reward.rules.wrapping import unwrapped, words

_WORD = r"(?:(?:the\s+)?(?:options?|choices?|answers?|letters?|选项|选)\s*[:#]?\s*)?"
_LETTER = r"[(\[{<\"']*(?P<letter>[A-Za-z])[)\]}>\"']*"
_LONE = re.compile(rf"{_WORD}{_LETTER}[.:,;!]?", re.IGNORECASE)
_SEVERAL = re.compile(
    rf"{_WORD}[(\[{{]*(?P<letters>[A-Z][)\]]?(?:\s*(?:,|;|/|&|\+|(?<![A-Za-z])and(?![A-Za-z])|(?<![A-Za-z])or(?![A-Za-z])|,\s*and|和|、)\s*[(\[]?[A-Z][)\]]?)+)[)\]}}]*[.!]?"
)
_GLUED = re.compile(rf"{_WORD}[(\[{{]*(?P<letters>[A-Z]{{2,10}})[)\]}}]*[.!]?")
_MARKED = re.compile(r"(?:[(\[]\s*(?P<bracketed>[A-Z])\s*[)\]]\s*[.:,-]*|(?P<plain>[A-Z])\s*[.):,-]+)\s*(?P<rest>.*)", re.DOTALL)
_LEADING = re.compile(
    r"(?i:(?:the\s+)?(?:option|choice|answer|letter|选项)\s*[:#]?\s*)?(?P<open>[(\[{<\"']*)(?P<letter>[A-Z])(?P<close>[)\]}>\"']*)(?![A-Za-z0-9_'+#°^])\s*(?P<rest>.*)",
    re.DOTALL,
)
_REASON = re.compile(
    r"(?:because|since|as|for|and (?:not|so|I|the)|with|which|but|not|rather|instead|is|, )\b|[^\w\s]", re.IGNORECASE
)
_MORE = re.compile(r"(?:,|/|&|\+|and|or|和|、)\s*[(\[]?(?P<other>[A-Z])[)\]]?(?![\w'])")
_PERHAPS = re.compile(
    r"[\s,;.(-]*(?:[>→]|(?:(?:or|and)\s+)?"
    r"(?:possibly|maybe|perhaps|potentially|could be|might be|may be|is it|no,|rather|then|wait,?))"
    r"\s*(?:also\s+)?[(\[]?[A-Z][)\]]?(?![\w'])"
)
_THAT_IS = re.compile(r"(?:[-:.,(=]\s*)*(?:(?:it|that|this)(?:'s| is)\s+|which is\s+|i\.e\.?,?\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:a|an|the)\s+", re.IGNORECASE)
_AND_ANOTHER = re.compile(r"\s*(?:[,;/&+]|\n|\b(?:and|or)\b)\s*(?:and\s+|or\s+)?")
_NAME = re.compile(r"[a-z]+(?: [a-z]+){0,2}\.?")
_RULED_OUT = re.compile(
    r"\s*(?:(?:is|was|can be|should be|seems)\s+)?(?:not\b|out\b|wrong|incorrect|false|impossible|excluded|eliminated|ruled out)",
    re.IGNORECASE,
)
_END = re.compile(r"\s*(?:[.,:-](?!\s?[0-9])|[;!()?\n]|\b(?:because|since|as|which|not|instead|rather)\b|\Z)", re.IGNORECASE)
_PREFIX = re.compile(r"[(\[]?[A-Z][)\].:]+\s*")
_MOST = 500


class Options:
    """Reads letters and texts; letters only where the texts are not known."""

    def __init__(self, choices: Sequence[str]) -> None:
        self._texts = [_bare(_PREFIX.sub("", words(choice), count=1) or choice) for choice in choices]
        self._letters = ascii_uppercase[: len(choices)] if choices else ascii_uppercase
        self._numbers: list[Number | None] = [about(choice) for choice in choices]
        self._are_letters = all(len(text) == 1 for text in self._texts)

    def wanted(self, gold: str) -> frozenset[str] | None:
        """The letters that a known answer names; None where it names none of the options."""
        said = words(gold)
        if (lone := _LONE.fullmatch(said)) and lone["letter"].upper() in self._letters:
            return frozenset(lone["letter"].upper())
        if (several := _SEVERAL.fullmatch(said) or _GLUED.fullmatch(said)) and (letters := self._known(several["letters"])):
            return letters if _bare(said) not in self._texts else frozenset(self._letters[self._texts.index(_bare(said))])
        return self.whole(gold)

    def whole(self, text: str) -> frozenset[str] | None:
        """What a text is that holds nothing besides: a letter, several letters, an option's text, or a letter and its text."""
        said = words(text)
        if not said or len(said) > _MOST:
            return None
        if (lone := _LONE.fullmatch(said)) and lone["letter"].upper() in self._letters:
            return frozenset(lone["letter"].upper())
        if (picked := self._by_text(said)) is not None:
            return picked
        if several := _SEVERAL.fullmatch(said) or (_GLUED.fullmatch(said) if not self._texts else None):
            return self._known(several["letters"])
        if (
            (marked := _MARKED.fullmatch(said))
            and (letter := marked["bracketed"] or marked["plain"]) in self._letters
            and self._texts
        ):
            return frozenset(letter) if self._compact(marked["rest"]) == self._compact(self._text_of(letter)) else None
        return self._by_number(text)

    def leading(self, text: str) -> frozenset[str] | None:
        """What a text begins with that stands behind "the answer is"."""
        if (picked := self.whole(text)) is not None:
            return picked
        said = words(text).replace("$", "").lstrip("*: ")
        if (match := _LEADING.match(said)) and match["letter"] in self._letters:
            return self._with_rest(match["letter"], match["rest"], bool(match["open"] or match["close"]))
        return self._leading_text(said)

    def labelled(self, text: str) -> frozenset[str] | None:
        """What a reply begins with: "B. green", "B because ...", "Green, since ...", "Option B"."""
        said = words(text)
        marked = _MARKED.match(said)
        if marked and (letter := marked["bracketed"] or marked["plain"]) in self._letters:
            return self._with_rest(letter, marked["rest"], is_marked=True)
        if re.match(r"(?:(?i:option|choice)\s+)?[A-Z]\s+(?:because|since)\b", said):
            return self.leading(said)
        return self._leading_text(said)

    def stated(self, text: str, before: str) -> frozenset[str] | None:
        """What a sentence ends in that says what something is; a letter only where the options are letters."""
        said = words(text)
        if any(text and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", _bare(before)) for text in self._texts if len(text) > 1):
            return None
        if lone := re.fullmatch(r"[(\[]?([A-Z])[)\]]?", said):
            return frozenset(lone[1]) if self._are_letters and lone[1] in self._letters else None
        return self._by_text(said) or self._by_number(said)

    def _with_rest(self, letter: str, rest: str, is_marked: bool) -> frozenset[str] | None:
        """A letter with what stands behind it: more letters, the option's text, a reason, or the words of another option."""
        if more := _MORE.match(rest.lstrip()):
            found = {letter, more["other"]}
            while more := _MORE.match(rest := rest.lstrip()[more.end() :].lstrip()):
                found.add(more["other"])
            return frozenset(found) if found <= set(self._letters) else None
        if _PERHAPS.match(rest) or _RULED_OUT.match(rest):
            return None
        behind = rest[_THAT_IS.match(rest).end() :] if rest else ""  # type: ignore[union-attr]
        own = self._text_of(letter)
        other = self._leading_text(behind)
        if other is not None and other != frozenset(letter) and not (own and _bare(behind).startswith(own)):
            return None
        if re.match(r"[(\[]?[A-Z][)\]]?\s*(?:[.!,]|\Z)", behind) and not behind.startswith(letter):
            return None
        if is_marked and len(own) > 1 and _NAME.fullmatch(rest) and not _REASON.match(rest):
            return frozenset(letter) if set(_bare(rest).split()) & set(own.split()) else None  # "C. elegans"
        is_article = letter in "AI" and not is_marked and rest[:1].islower() and not _REASON.match(rest)
        return None if is_article else frozenset(letter)

    def _leading_text(self, said: str) -> frozenset[str] | None:
        """The one option whose text a text begins with, and ends or goes on after a stop; the longest of several."""
        bare = _bare(said)
        found = [text for text in self._texts if text and bare.startswith(text) and _END.match(bare, len(text))]
        picked = self._place(max(found, key=len)) if found else None
        another = _AND_ANOTHER.match(bare, len(max(found, key=len))) if found else None
        if another and any(text and bare.startswith(text, another.end()) for text in self._texts):
            return None  # "red, blue"
        named = re.search(r"[(\[]([A-Z])[)\]]", said)
        return None if named and named[1] in self._letters and picked != frozenset(named[1]) else picked

    def _by_text(self, said: str) -> frozenset[str] | None:
        whole = _bare(said)
        if self._texts.count(whole) == 1:
            return self._place(whole)
        compact = self._compact(said)
        fitting = [text for text in self._texts if self._compact(text) == compact]
        return self._place(fitting[0]) if len(fitting) == 1 else None

    def _by_number(self, said: str) -> frozenset[str] | None:
        """The one option that is the same number, in the same unit or in none."""
        number = about(said)
        if number is None or any(one is None for one in self._numbers):
            return None
        fitting = [
            letter
            for letter, one in zip(self._letters, self._numbers, strict=False)
            if one is not None
            and one.value == number.value
            and one.is_percent == number.is_percent
            and (not number.unit or one.unit in ("", number.unit))
        ]
        return frozenset(fitting) if len(fitting) == 1 else None

    def _place(self, text: str) -> frozenset[str] | None:
        return frozenset(self._letters[self._texts.index(text)]) if self._texts.count(text) == 1 else None

    def _text_of(self, letter: str) -> str:
        return self._texts[self._letters.index(letter)] if self._texts else ""

    def _known(self, letters: str) -> frozenset[str] | None:
        found = frozenset(re.findall(r"[A-Z]", letters))
        return found if found <= set(self._letters) else None

    @staticmethod
    def _compact(text: str) -> str:
        return re.sub(r"[\s{}]+", "", _bare(text))


def _bare(text: str) -> str:
    """An option's words without case, article and closing stop."""
    said = unwrapped(words(text)).casefold().strip(" \"'")
    return _ARTICLE.sub("", said, count=1) if _ARTICLE.fullmatch(said) is None and _ARTICLE.match(said) else said
