"""Words around the name of an account, in English and Spanish: networks, whose it is, how to be found there."""

__all__ = [
    "BEHIND", "EVERYBODY", "FILLERS", "INVITES", "INVITES_IN_ONE", "INVITING", "NETWORKS", "NOUNS", "OWNERS",
    "PREPOSITIONS", "QUALIFIERS", "STATES", "WITH_A_CUE",
]  # fmt: skip

NETWORKS = frozenset({
    "snapchat", "snap", "insta", "instagram", "ig", "discord", "tiktok", "twitter", "telegram", "facebook", "fb",
    "skype", "kik", "wechat", "roblox", "twitch", "reddit", "youtube", "bluesky", "messenger", "viber", "gamertag",
    "psn", "whatsapp", "wattpad", "pinterest",
})  # fmt: skip
WITH_A_CUE = frozenset({"steam", "threads", "xbox", "minecraft", "fortnite", "sc"})
"""Networks whose names are said of other things more often."""

OWNERS = frozenset({"my", "our", "his", "her", "their", "your", "mi", "nuestro", "su", "tu"})
QUALIFIERS = frozenset({"new", "old", "main", "private", "personal", "other", "real", "spam", "nuevo", "otro"})
NOUNS = frozenset({
    "username", "user", "handle", "name", "id", "account", "acc", "tag", "profile", "usuario", "cuenta", "nombre",
    "perfil", "nick", "nickname",
})  # fmt: skip
FILLERS = frozenset({
    "is", "s", "es", "its", "it", "as", "i", "m", "im", "am", "soy", "como", "my", "mi", "under", "called", "de",
})  # fmt: skip
"""What links a network and a handle."""

PREPOSITIONS = frozenset({"on", "in", "at", "via", "through", "en", "por", "al", "a", "de"})
INVITING = frozenset({"me", "us"})
INVITES = frozenset({
    "add", "follow", "find", "dm", "message", "msg", "text", "friend", "reach", "contact", "hit", "call", "see",
    "catch", "sub", "agrega", "sigue", "busca",
})  # fmt: skip
INVITES_IN_ONE = frozenset({
    "hmu", "agregame", "agregarme", "anademe", "sigueme", "seguime", "buscame", "escribeme", "encuentrame",
    "contactame", "hablame", "mandame",
})  # fmt: skip
BEHIND = frozenset({
    "and", "add", "if", "so", "but", "or", "dm", "follow", "on", "please", "pls", "text", "hmu", "y", "o", "agregame",
    "sigueme", "por", "pero", "si",
})  # fmt: skip
"""What a clause goes on with behind a handle."""

EVERYBODY = frozenset({"everyone", "here", "all", "channel", "home", "noon", "school"})
STATES = frozenset({
    "private", "public", "broken", "down", "gone", "open", "slow", "good", "better", "best", "cool", "great", "nice",
    "awesome", "boring", "empty", "full", "dead", "mine", "here", "there", "this", "that", "what", "where", "when",
    "with", "from", "just", "also", "only", "very", "really", "still", "back", "online", "offline", "free", "safe",
    "okay", "fine", "weird", "laggy", "glitchy", "frozen", "stuck", "same", "different", "none", "nothing", "secret",
    "hidden", "please", "thanks", "thank", "sorry", "maybe", "soon", "later", "today", "tomorrow", "tonight",
    "everyone", "math", "maths", "homework", "fun", "new", "mess", "trash", "life", "working", "about", "more", "then",
    "they", "them", "privado", "privada", "publico", "lento", "nuevo", "mejor", "malo", "bueno", "aqui", "porque",
    "gracias", "favor", "bien", "roto", "caido",
})  # fmt: skip
"""What is said of an account, or goes on behind it, and is no handle."""
