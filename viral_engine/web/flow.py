"""Back pressure of one connection."""

from __future__ import annotations

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Reading and writing of one connection, where reading can be held while what was read is not parsed yet."""

    is_held = False

    def resume_reading(self) -> None:
        """Reads on; uvicorn says so with every answer, whatever still waits."""
        if not self.is_held:
            super().resume_reading()

    def hold(self, *, is_held: bool) -> None:
        """Holds reading, or reads on."""
        self.is_held = is_held
        if is_held:
            self.pause_reading()
        else:
            self.resume_reading()
