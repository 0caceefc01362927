"""What the grooming of a child looks like in words, in English and Spanish: without accents and apostrophes.

A sign is no proof: a person reads what was meant. Words of lessons, a telegram of 1917 or lines that meet, are none.
"""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["PHRASES", "Signal"]


class Signal(StrEnum):
    """What the writer wants."""

    OFF_PLATFORM = "off_platform"
    SECRECY = "secrecy"
    MEETING = "meeting"


_APPS = (
    "whatsapp", "snapchat", "snap", "telegram", "instagram", "insta", "discord", "kik", "wechat", "viber", "facetime",
    "facebook", "messenger", "tiktok", "skype", "signal",
)  # fmt: skip
_BEFORE_AN_APP = ("on", "by", "over", "via", "my", "your", "have", "use", "por", "tu", "mi", "tienes")
_TELLING = ("dont tell", "do not tell", "never tell", "cant tell", "dont let", "dont show", "do not show")
_WHOM = ("anyone", "anybody", "your", "mom", "mommy", "mum", "dad", "daddy", "them", "her", "him", "others")
_BEFORE_MEETING_UP = ("lets", "let us", "we", "we can", "we could", "we should", "to", "and", "can", "wanna")

PHRASES: Mapping[Signal, tuple[str, ...]] = {
    Signal.OFF_PLATFORM: (
        *(f"{before} {app}" for app in _APPS for before in _BEFORE_AN_APP),
        *(f"{app} me" for app in _APPS),
        "whatsapp", "whats app", "snapchat", "discord server",
        "text me", "dm me", "email me", "e mail me", "call me on", "call me at", "add me on", "message me on",
        "write me on", "write to me on", "talk somewhere else", "chat somewhere else", "private chat",
        "off the app", "outside the app", "outside of the app", "outside this app", "another app",
        "your phone number", "my phone number", "your cell number", "my cell number",
        "escribeme por", "escribeme al", "llamame", "mandame un mensaje", "agregame",
        "fuera de la app", "fuera de la aplicacion", "otra app", "otra aplicacion",
        "tu numero de telefono", "mi numero de telefono", "dame tu telefono", "mi telefono es",
    ),
    Signal.SECRECY: (
        *(f"{telling} {whom}" for telling in _TELLING for whom in _WHOM),
        "dont show this to", "dont show it to", "tell nobody", "tell no one",
        "our secret", "our little secret", "a secret between",
        "keep it secret", "keep this secret", "keep it a secret", "keep this a secret",
        "keep this between us", "keep it between us", "just between us", "between you and me",
        "delete this chat", "delete these messages", "delete this message", "delete our",
        "nobody has to know", "nobody needs to know", "no one has to know", "no one needs to know",
        "nuestro secreto", "es un secreto", "no le digas", "no les digas", "no se lo digas", "que no se entere",
        "entre tu y yo", "entre nosotros", "borra este", "borra estos", "nadie tiene que saber",
    ),
    Signal.MEETING: (
        *(f"{before} meet up" for before in _BEFORE_MEETING_UP),
        "meet up with me", "meet up after", "meet me", "meet in person", "meet you in person", "see you in person",
        "come to my place", "come to my house", "come over to my", "come to your house", "pick you up",
        "lets meet at", "let us meet at", "can we meet at", "could we meet at", "meet you at", "meet irl",
        "hang out irl",
        "lets hang out", "is your mom home", "is your dad home", "pic of you", "photo of you", "picture of you",
        "photo of yourself", "picture of yourself",
        "to my apartment", "at my apartment", "are you alone", "home alone", "are your parents home",
        "when your parents are", "when your mom is", "when your dad is",
        "en persona", "ven a mi casa", "voy a tu casa", "te recojo", "paso por ti", "estas solo", "estas sola",
    ),
}  # fmt: skip
