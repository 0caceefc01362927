"""What a text holds that a decision should know of: personal details, and the signs of an adult who draws a child away.

Kinds and signs only; the text itself is dropped by whoever looked at it. Phrases of several words are found word by
word over the folded text, in one pass.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import chain

from viral_engine.domain.redaction.fold import fold_text
from viral_engine.domain.redaction.kinds import Kind
from viral_engine.domain.redaction.redact import kinds_in

__all__ = ["Signal", "look_at", "signals_in"]


class Signal(StrEnum):
    """What the grooming of a child looks like in words."""

    OFF_PLATFORM = "off_platform"
    SECRECY = "secrecy"
    MEETING = "meeting"


_PHRASES: Mapping[Signal, tuple[str, ...]] = {
    Signal.OFF_PLATFORM: (
        "whatsapp", "whats app", "snapchat", "my snap", "your snap", "telegram", "instagram", "my insta", "your insta",
        "discord", "kik me", "on kik", "wechat", "viber", "facetime", "facebook", "tiktok", "skype", "text me",
        "call me on", "call me at", "dm me", "email me", "e mail me", "add me on", "message me on", "write me on",
        "write to me on", "talk somewhere else", "chat somewhere else", "off the app", "outside the app",
        "outside of the app", "outside this app", "another app", "private chat", "your phone number", "my phone number",
        "your cell number", "my cell number", "escribeme por", "escribeme al", "llamame", "mandame un mensaje",
        "agregame", "fuera de la app", "fuera de la aplicacion", "otra app", "otra aplicacion", "tu numero de telefono",
        "mi numero de telefono", "tu telefono", "mi telefono",
    ),
    Signal.SECRECY: (
        "our secret", "our little secret", "a secret between", "keep it secret", "keep this secret", "keep it a secret",
        "keep this a secret", "keep this between us", "keep it between us", "just between us", "between you and me",
        "dont tell", "do not tell", "dont let your parents", "dont show your", "do not show your", "delete this chat",
        "delete these messages", "delete this message", "delete our", "nobody has to know", "nobody needs to know",
        "no one has to know", "no one needs to know", "nuestro secreto", "es un secreto", "no le digas", "no les digas",
        "no se lo digas", "que no se entere", "entre tu y yo", "entre nosotros", "borra este", "borra estos",
        "nadie tiene que saber",
    ),
    Signal.MEETING: (
        "meet me", "meet up", "meet in person", "meet you in person", "see you in person", "come to my place",
        "come to my house", "come over to", "come to your house", "pick you up", "are you alone", "home alone",
        "are your parents home", "when your parents", "my apartment", "en persona", "ven a mi casa", "voy a tu casa",
        "te recojo", "paso por ti", "estas solo", "estas sola",
    ),
}  # fmt: skip

_WORD = re.compile(r"[^\W_]+")
_END = ""


def _tree(phrases: Mapping[Signal, Iterable[str]]) -> dict[str, dict[str, object]]:
    """The phrases as words that follow each other; under `_END` stands what a phrase is a sign of."""
    root: dict[str, dict[str, object]] = {}
    for signal, phrase in chain.from_iterable(((signal, one) for one in some) for signal, some in phrases.items()):
        node: dict[str, object] = root  # type: ignore[assignment]  # its own kind, all the way down
        for word in phrase.split():
            node = node.setdefault(word, {})  # type: ignore[assignment]
        node[_END] = signal
    return root


_TREE = _tree(_PHRASES)


def signals_in(text: str) -> tuple[Signal, ...]:
    """The signs in a text, each once, in the order of `Signal`; in time linear in its length."""
    plain = fold_text(text).casefold().replace("'", "").replace("\u2019", "").translate(_UNACCENTED)
    words = _WORD.findall(plain)
    found: set[object] = set()
    for at, word in enumerate(words):
        node: object = _TREE.get(word)
        ahead = at + 1
        while isinstance(node, dict):
            if _END in node:
                found.add(node[_END])
            node = node.get(words[ahead]) if ahead < len(words) else None
            ahead += 1
    return tuple(signal for signal in Signal if signal in found)


_UNACCENTED = str.maketrans("áéíóúüñ", "aeiouun")


def look_at(text: str) -> tuple[tuple[Kind, ...], tuple[Signal, ...]]:
    """The kinds of personal details in a text, and the signs."""
    return kinds_in(text), signals_in(text)
