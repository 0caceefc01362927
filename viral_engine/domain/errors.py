"""What the domain raises: `Invalid` is input that no rule can read, and nothing else is raised on purpose.

ValueError
└── Invalid     one field, one sentence; the edge answers 422 with both
"""

__all__ = ["Invalid"]


class Invalid(ValueError):
    """Input that cannot be accepted.

    Attributes:
        field: Path of the field as the caller spelled it, `device_id` or `context.grade`.
        reason: One sentence without the offending value, so that it may be logged and answered.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"
