"""Registry: each hand-off's policy is the setting of its name."""

import pytest

from scrapersky.runtime.registry import HAND_OFFS, HandOff
from scrapersky.settings import Settings, load

WITH_POLICY = [hand_off for hand_off in HAND_OFFS if hand_off.policy is not None]


@pytest.mark.parametrize("hand_off", WITH_POLICY, ids=lambda hand_off: str(hand_off.setting))
def test_a_hand_off_happens_only_if_its_own_setting_is_auto(hand_off: HandOff) -> None:
    assert hand_off.setting is not None
    assert not hand_off.is_automatic(Settings())
    assert hand_off.is_automatic(load(Settings, {hand_off.setting: "auto"}))
    others = {str(other.setting): "auto" for other in WITH_POLICY if other is not hand_off}
    assert not hand_off.is_automatic(load(Settings, others))


def test_a_hand_off_without_a_policy_always_happens() -> None:
    for always in (hand_off for hand_off in HAND_OFFS if hand_off.policy is None):
        assert always.is_automatic(Settings())
        assert always.setting is None
