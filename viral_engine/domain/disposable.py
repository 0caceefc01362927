"""Domains that hand out throw-away mailboxes: a short list of our own, a weight in the score and never a block."""

__all__ = ["DISPOSABLE_DOMAINS", "is_disposable"]

DISPOSABLE_DOMAINS = frozenset({
    "10minutemail.com", "10minutemail.net", "20minutemail.com", "33mail.com", "burnermail.io", "discard.email",
    "dispostable.com", "emailondeck.com", "fakeinbox.com", "getairmail.com", "getnada.com", "grr.la",
    "guerrillamail.com", "guerrillamail.net", "guerrillamail.org", "guerrillamailblock.com", "inboxkitten.com",
    "mail-temp.com", "mailcatch.com", "maildrop.cc", "mailinator.com", "mailinator.net", "mailnesia.com",
    "minuteinbox.com", "mintemail.com", "mohmal.com", "moakt.com", "mytemp.email", "sharklasers.com",
    "spam4.me", "spamgourmet.com", "temp-mail.io", "temp-mail.org", "tempail.com", "tempmail.com", "tempmailo.com",
    "tempr.email", "throwawaymail.com", "trashmail.com", "trashmail.de", "yopmail.com", "yopmail.fr",
})  # fmt: skip


def is_disposable(domain: str) -> bool:
    """Whether a canonical domain, or one it lies under, is on the list."""
    while domain not in DISPOSABLE_DOMAINS:
        _, dot, domain = domain.partition(".")
        if not dot:
            return False
    return True
