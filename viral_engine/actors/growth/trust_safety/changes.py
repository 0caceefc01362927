"""What a change to users, consents, signals, blocks or allows means: statements, what memory must do, the answer."""

from __future__ import annotations
