"""The HTTP side: one route table, the raw check endpoint ahead of Starlette, everything else through it."""
