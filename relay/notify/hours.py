"""When a channel tells what it does not tell at once: at the end of its quiet hours, or with its next digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Quiet:
    """From `start` to `end` by the clock of `zone`; past midnight when the end is the earlier one."""

    start: time
    end: time
    zone: ZoneInfo

    def ends(self, at: datetime) -> datetime | None:
        """When the quiet hours that `at` falls into are over (UTC); None outside of them."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.start < self.end:
            inside, tomorrow = self.start <= clock < self.end, False
        else:
            inside, tomorrow = clock >= self.start or clock < self.end, clock >= self.start
        if not inside:
            return None
        day = local.date() + timedelta(days=int(tomorrow))
        # In the hour that a clock shows twice, the end is the first one that is still to come.
        for fold in (0, 1):
            end = datetime.combine(day, self.end, tzinfo=self.zone).replace(fold=fold).astimezone(UTC)
            if end > at:
                return end
        return at


def next_digest(at: datetime, *, minutes: int) -> datetime:
    """The next whole multiple of `minutes` since midnight UTC of 1970: every process and host sees the same."""
    slot = minutes * 60
    return datetime.fromtimestamp((int(at.timestamp()) // slot + 1) * slot, tz=UTC)
