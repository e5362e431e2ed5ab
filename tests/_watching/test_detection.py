"""The real client beside the model of the benchmark, in virtual time."""

from __future__ import annotations

from statistics import fmean

from tests.soak.detection import Story, compare


def test_the_client_sees_payments_as_soon_as_the_model() -> None:
    """Within 10 %, of the same payments: until money is seen, and until the final state is."""
    story = Story(open_payments=40, median=120.0, expiry=600.0)
    real, model = compare(story, 1, measured=1200.0)
    assert len(real.paid) > 80
    assert abs(len(real.paid) - len(model.paid)) <= 3
    assert fmean(real.paid) < 1.1 * fmean(model.paid)
    assert fmean(real.final) < 1.1 * fmean(model.final)
