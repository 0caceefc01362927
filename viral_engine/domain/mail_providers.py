"""Domains at which the public has its mailboxes: that two people share one says nothing about them."""

__all__ = ["PUBLIC_PROVIDERS"]

PUBLIC_PROVIDERS = frozenset({
    "aol.com", "att.net", "bellsouth.net", "btinternet.com", "charter.net", "comcast.net", "cox.net", "duck.com",
    "earthlink.net", "fastmail.com", "free.fr", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com",
    "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.es", "hotmail.fr", "hushmail.com", "icloud.com", "laposte.net",
    "libero.it", "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "optonline.net",
    "orange.fr", "outlook.com", "outlook.es", "proton.me", "protonmail.com", "qq.com", "rocketmail.com",
    "sbcglobal.net", "telefonica.net", "tutanota.com", "verizon.net", "web.de", "yahoo.co.uk", "yahoo.com",
    "yahoo.com.mx", "yahoo.es", "yahoo.fr", "yandex.ru", "ymail.com", "zoho.com", "163.com", "126.com",
})  # fmt: skip
