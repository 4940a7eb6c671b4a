"""A long history by SQL stands beside what the portal stores."""

import pytest

from benchmarks import databases, seed, targets
from benchmarks.processes import Processes

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


def test_seeded_signals_are_copies_with_identities_times_and_live_keys_of_their_own(tmp_path):
    with databases.scratch(tmp_path, "seed") as url, Processes(tmp_path) as processes:
        portal = targets.set_up_portal(processes, tmp_path / "data", url, targets.INTAKE)
        target = targets.start_web(processes, portal)
        target.load(processes, kind="closed", connections=1, count=1)
        target.flawless()

        seed.signals(url, 1000)

        distinct = "SELECT count(DISTINCT {}) FROM {}"
        assert databases.count(url, "signals_signal") == 1001
        for column in ("public_id", "request_id", "received_at"):
            assert databases.number(url, distinct.format(column, "signals_signal")) == 1001
        assert databases.number(url, "SELECT count(*) FROM signals_signal WHERE status = 'APPROVED'") == 1000
        assert databases.number(url, distinct.format("key", "signals_dedupkey")) == 1001
        joined = "signals_dedupkey k JOIN signals_signal s ON s.public_id = k.signal_public_id"
        assert databases.count(url, joined) == 1001
        target.forget()
        target.load(processes, kind="closed", connections=2, count=20)
        target.flawless()
        assert target.committed() == 20
