"""Texts made by rules and a seed, with and without what identifies people: independent of the finders' own words.

Words are strung from syllables, so that no list of words can know them; what people write around a detail, and how
they disguise it, is a list of spellings here.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

__all__ = ["DIGITS", "FRAMES", "Writer", "wide"]

DIGITS = {
    "fullwidth": str.maketrans("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A)))),
    "arabic_indic": str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A)))),
    "devanagari": str.maketrans("0123456789", "".join(map(chr, range(0x966, 0x970)))),
}
_WIDE = str.maketrans({chr(code): chr(code - 0x21 + 0xFF01) for code in range(0x21, 0x7F)})
_TOPS = (
    "com", "org", "net", "edu", "io", "co", "info", "dev", "us", "ca", "de", "xyz", "online", "club", "academy", "tv",
    "nz", "jp", "kr", "es", "it", "ru", "gg", "edu.au", "co.uk", "k12.ca.us", "family", "li", "nl", "se", "br", "in",
)  # fmt: skip
_WORD_TOPS = frozenset({"info", "co", "dev", "us", "online", "club", "academy", "it", "family", "in", "k12.ca.us"})
_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FRAMES = (
    "{}", "my details: {}", "{} is mine", "ok so {}, thx", "({})", "reach us - {}.", "Is it {}?", "{}\nsee you",
    "**{}**", "> {}", "\u2022 {}", "* {}", '"{}"', "'{}'", "[{}]", "{}/", "write:{}", "<b>{}</b>", "<p>{}</p>", "{}!!!",
    "{}:)", "~{}~", "_{}_", "`{}`", "| {} |", "solve x+y=z & write {}", "... {} ...", "re: {}\r\nthanks", "\u00b7 {}",
)  # fmt: skip


def wide(text: str) -> str:
    """The text in characters as wide as Chinese ones."""
    return text.translate(_WIDE)


class Writer:
    """Writes texts from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311  (texts, not secrets)

    def frame(self) -> str:
        """Something to write a detail into, at `{}`; it has no digits."""
        return self.one(FRAMES)

    def one(self, of: tuple[str, ...]) -> str:
        """One of them."""
        return self._rng.choice(of)

    def number(self, digits: int) -> str:
        """A number of so many digits."""
        return str(self._rng.randint(10 ** (digits - 1), 10**digits - 1))

    def any_number(self) -> str:
        """A number of up to six digits."""
        return self.number(self._rng.randint(1, 6))

    def word(self, least: int = 2, most: int = 3) -> str:
        """A word that no list knows."""
        syllables = self._rng.randint(least, most)
        return "".join(self._rng.choice("bdfgklmnprstvz") + self._rng.choice("aeiou") for _ in range(syllables))

    def _local(self) -> str:
        a, b, number = self.word(), self.word(), self.number(3)
        return self.one((
            a, a + number, f"{a}.{b}", f"{a[0]}{b}", f"{a}_{b}", f"{a}-{b}", f"{a}+{b}", number + a, f"{a.title()}.{b}",
            f"{a}'{b}", f"_{a}_", f"{a}..{b}", number, "x",
        ))  # fmt: skip

    def email(self) -> dict[str, str]:
        """One address in every spelling."""
        local, name, top = self._local(), self.word(3, 4), self.one(_TOPS)
        name = self.one((name, name, f"{self.word()}.{name}", f"{name}-{self.word()}", f"{name}{self.number(1)}"))
        plain = f"{local}@{name}.{top}"

        def spelled(at: str, dot: str) -> str:
            return local + at + f"{name}.{top}".replace(".", dot)

        written = {
            "plain": plain, "loud": plain.upper(), "mailto": f"mailto:{plain}", "angle": f"<{plain}>",
            "wide": wide(plain), "wide at": plain.replace("@", "\uff20"), "small at": plain.replace("@", "\ufe6b"),
            "wide dots": f"{local}@" + f"{name}.{top}".replace(".", "\uff0e"),
            "chinese dot": f"{local}@{name}\u3002{top}",
            "broken": plain.replace("@", "@\u200b"), "page": plain.replace("@", "&#64;"),
            "link": plain.replace("@", "%40"),
            "page with dots": spelled("&commat;", "&period;"), "quoted": f'"{self.word()} {self.word()}"@{name}.{top}',
            "indian digits": self.word() + self.number(3).translate(DIGITS["devanagari"]) + f"@{name}.{top}",
            "in words": spelled(" at ", " dot "), "in loud words": spelled(" AT ", " DOT "),
            "half": spelled("@", " dot "),
            "round": spelled(" (at) ", " (dot) "), "square": spelled("[at]", "[dot]"), "tag": spelled("<at>", "<dot>"),
            "curly": spelled(" {at} ", " {dot} "), "double": spelled("((at))", "((dot))"),
            "bars": spelled(" |at| ", " |dot| "),
            "hyphens": spelled("-at-", "-dot-"), "underscores": spelled("_at_", "_dot_"),
            "stars": spelled("*at*", "*dot*"),
            "quotes": spelled(' "at" ', ' "dot" '), "spaced": spelled(" @ ", " . "), "cut": spelled("@ ", "."),
            "two lines": spelled("@\n", "."), "signs in brackets": spelled(" (@) ", " (.) "),
            "mailbox": f"{self.word()} at gmail.com", "account": f"{self.word()}.{self.word()} at {name}.{top}",
        }  # fmt: skip
        if top not in _WORD_TOPS:
            written |= {"in Spanish": spelled(" arroba ", " punto "), "with points": spelled(" at ", " point ")}
        return written

    def ssn(self) -> dict[str, str]:
        """One number that was given out, in every spelling."""
        area = self._rng.choice([number for number in range(1, 900) if number != 666])
        parts = f"{area:03}", f"{self._rng.randint(1, 99):02}", f"{self._rng.randint(1, 9999):04}"
        written = {
            name: sign.join(parts)
            for name, sign in {
                "hyphens": "-", "blanks": " ", "dots": ".", "en dashes": "\u2013", "em dashes": "\u2014",
                "hard hyphens": "\u2011", "minus signs": "\u2212", "wide hyphens": "\uff0d", "hard blanks": "\u00a0",
                "thin blanks": "\u2009", "two blanks": "  ", "tabs": "\t", "hyphens and blanks": "- ",
            }.items()
        }  # fmt: skip
        row = "".join(parts)
        written |= {name: written["hyphens"].translate(digits) for name, digits in DIGITS.items()}
        written |= {
            "mixed": f"{parts[0]}-{parts[1]} {parts[2]}", "broken": f"{parts[0]}\u200b-{parts[1]}-\u200b{parts[2]}",
            "row": f"ssn {row}", "label": f"SSN:{row}", "sign": f"SSN#{row}",
            "long": f"social security number is {row}",
            "behind": f"{row} is my ssn", "one by one": f"ssn {' '.join(row)}", "words": f"my ssn: {self._said(row)}",
            "halves": f"ssn {parts[0]}-{parts[1]}{parts[2]}", "spaced": f"SSN {' - '.join(parts)}",
        }  # fmt: skip
        return written

    def phone(self) -> dict[str, str]:
        """One American number in every spelling; every fourth is of films, which nobody was given."""
        area = self.one(("415", "212", "713", "555"))
        parts = area, str(self._rng.randint(200, 999)), f"{self._rng.randint(0, 9999):04}"
        row = "".join(parts)
        forms = (
            "{}-{}-{}", "({}) {}-{}", "({}){}-{}", "{}.{}.{}", "{} {} {}", "+1-{}-{}-{}", "+1 ({}) {}-{}",
            "001-{}-{}-{}",
            "1-{}-{}-{}", "{}-{}-{}x123", "{}.{}.{} ext. 12", "{}-{}-{}, ext 5", "({}) {} {}", "{}/{}-{}", "{} {}-{}",
            "{}-{} {}", "+1.{}.{}.{}", "+1{}{}{}", "call {}{}{}", "ph: {}{}{}", "llama al {}{}{}",
        )  # fmt: skip
        written = {form: form.format(*parts) for form in forms}
        written |= {name: "({}) {}-{}".format(*parts).translate(digits) for name, digits in DIGITS.items()}
        return written | {"wide": wide(written["({}) {}-{}"]), "words": f"call {self._said(row)}"}

    def _said(self, digits: str) -> str:
        return " ".join(_DIGIT_WORDS[int(digit)] for digit in digits)

    def name(self) -> str:
        """A name of some country."""
        first = self.one((
            "Maya", "Jos\u00e9", "Siobh\u00e1n", "Bo", "D'Andre", "Mary Jane", "Jean-Luc", "\u0141ukasz", "Bj\u00f8rn",
            "\u0130brahim", "\u0410\u043d\u043d\u0430", "\u0645\u0631\u064a\u0645", "\u05d3\u05d5\u05d3", "Ng",
            "\u092a\u094d\u0930\u093f\u092f\u093e", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd", self.word().title(),
        ))  # fmt: skip
        last = self.one((
            "Chen", "de la Cruz", "O'Neil", "van der Berg", "Smith-Jones", "Garc\u00eda M\u00e1rquez", "Nguy\u1ec5n",
            "Wu",
            "M\u00fcller", "al-Masri", "\u0418\u0432\u0430\u043d\u043e\u0432\u0430", self.word().title(),
        ))  # fmt: skip
        return f"{first} {last}"

    def arithmetic(self) -> str:
        """A text of mathematics, science or the timetable, with numbers and nobody in it."""
        n, a, b = self.number, self.any_number(), self.any_number()
        x = self._rng.choice("xyzabnkt")
        make: tuple[Callable[[], str], ...] = (
            lambda: f"{x} = {a} {self._rng.choice('+-*/')} {b}",
            lambda: f"what is {a} x {b}?",
            lambda: f"{a}/{b} + {n(3)}/{n(2)} = ?",
            lambda: f"f({n(2)}) - {n(3)} * {n(4)}",
            lambda: f"{n(3)}-{n(3)}-{n(3)}",
            lambda: f"${n(1)},{n(3)}.{n(2)} at {n(1)}% for {n(2)} months",
            lambda: f"({n(2)}, {n(2)}) to ({n(2)}, {n(2)})",
            lambda: f"log({a}) \u2248 {n(1)}.{n(6)} and {n(1)}.{n(10)}",
            lambda: f"{n(10)} = {n(5)} * {n(5)}",
            lambda: f"mean of {', '.join(n(2) for _ in range(8))}; data: {' '.join(n(3) for _ in range(6))}",
            lambda: f"We are at this point in the proof: {x} is {a}",
            lambda: f"Look at the point in figure {n(1)}, at one point {x} < {b}",
            lambda: f"meet at lunch period in room {n(3)}",
            lambda: f"\\frac{{{a}}}{{{b}}} \\cdot {n(3)}",
            lambda: f"{n(1)}{x}^{n(1)} - {n(2)}{x} + {n(3)} = 0",
            lambda: f"{n(4)} - {n(3)} - {n(2)} = {n(4)}",
            lambda: f"in 1{n(3)}-1{n(3)} it was {n(1)},{n(3)},{n(3)}",
            lambda: f"ratio {n(1)}:{n(1)}:{n(1)}, angle {n(2)}\u00b0{n(2)}'{n(2)}\"",
            lambda: f"arr = [{', '.join(n(3) for _ in range(4))}]; arr[{n(1)}:{n(1)}] @ b.T",
            lambda: f"A @ B.shape is ({n(1)}, {n(1)})",
            lambda: f"p. {n(3)}-{n(3)}, ex. {n(1)}, {n(1)}-{n(2)}",
            lambda: f"{n(3)} + {n(3)} + {n(4)} = {n(4)}",
            lambda: f"{n(9)} / {n(2)} rounds to {n(7)}",
            lambda: f"the number {n(7)} has {n(1)} factors, {n(9)} has {n(2)}",
            lambda: f"{n(3)} < {x} < {n(4)} and |{x} - {n(3)}| < {n(2)}",
            lambda: f"{n(3)}*{n(3)}*{n(4)} or {n(3)}\u00b7{n(3)}\u00b7{n(4)}",
            lambda: f"evaluate at {x} = {n(1)}, dot product {n(2)}",
            lambda: f"ISBN 978-{n(1)}-{n(3)}-{n(5)}-{n(1)}",
        )
        return self._rng.choice(make)()

    def spelling_of(self, name: str) -> dict[str, str]:
        """A name as people write it."""
        first, last = name.split(" ", 1)
        return {
            "as it is": name, "loud": name.upper(), "quiet": name.lower(), "owner": f"{name}'s",
            "handle": name.replace(" ", "_"),
            "two blanks": name.replace(" ", "  "), "two lines": name.replace(" ", "\n"), "dots": name.replace(" ", "."),
            "hyphens": name.replace(" ", "-"), "numbered": f"{name.replace(' ', '_')}_12",
            "hard blank": name.replace(" ", "\u00a0"),
            "apart": unicodedata.normalize("NFD", name), "curly": name.replace("'", "\u2019"),
            "hasty": name.replace("'", ""),
            "wide": wide(name), "broken": f"{name[0]}\u200b{name[1:]}", "first": first, "swapped": f"{last}, {first}",
        }  # fmt: skip
