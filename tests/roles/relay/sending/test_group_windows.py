"""Windows that a platform counts for each group, beside the credential's: strict, over a restart too."""

from __future__ import annotations

from roles.relay.adapters.base import AnyAdapter, CredentialSettings, GroupSettings, Route, Routes
from roles.relay.adapters.slack import SlackAdapter, SlackCredential
from roles.relay.adapters.telegram import TelegramAdapter, TelegramCredential, TelegramGroup
from roles.relay.adapters.wecom import WecomAdapter, WecomCredential
from roles.relay.sending import limits
from roles.relay.sending.lanes import Lane
from roles.relay.sending.windows import Limit, Window


class Slow(CredentialSettings):
    def group_limits(self) -> tuple[Limit, ...]:
        return (Limit(2, 0.6),)


def most_within(at_ms: list[float], span_ms: float) -> int:
    return max(sum(first <= one <= first + span_ms for one in at_ms) for first in at_ms)


async def test_the_windows_of_groups_are_told_with_what_left_there(groups):
    groups.settings = Slow(platform="double", per_minute=20)
    routes = Routes({g: Route(GroupSettings(id=g, credential="double"), groups) for g in ("g1", "g2")})
    lane = Lane(Window(groups.settings.limits(), [9.0]), group_limits=groups.settings.group_limits())
    lane.groups = {"g1": Window(lane.group_limits, [9.0, 9.9])}
    told = limits.told(routes, {groups.name: lane}, ["g1", "g2", "g3"], 10.0, lambda at: round(at * 1000))
    assert told["groups"] == {"g1": groups.name, "g2": groups.name}
    [credential] = told["credentials"]
    assert credential["group_limits"] == [{"count": 2, "per_ms": 600}]
    assert (credential["used"], told["used"]) == ([9000], {"g1": [9900]})
    assert "used" not in limits.without_use(told)


def told_of(adapter: AnyAdapter, group: GroupSettings) -> dict[str, object]:
    lane = Lane(Window(adapter.settings.limits()), group_limits=adapter.settings.group_limits())
    told = limits.told(Routes({"g1": Route(group, adapter)}), {adapter.name: lane}, ["g1"], 10.0, round)
    [credential] = told["credentials"]
    return credential


def test_how_many_messages_pictures_are_is_told_with_the_windows():
    group = GroupSettings(id="g1", credential="bot")
    tg = TelegramAdapter("bot", TelegramCredential.model_validate({"platform": "telegram", "bot_token": "t"}), None)
    told = told_of(tg, TelegramGroup(id="g1", credential="bot", chat_id=-1))
    assert (told["places"], told["places_linked"]) == ([1, 1, 2, 3], [1, 1, 2, 3])
    wecom = WecomAdapter("bot", WecomCredential.model_validate({"platform": "wecom", "key": "k"}), None)
    told = told_of(wecom, group)
    assert (told["places"], told["places_linked"]) == ([1, 2, 3, 4], [1, 1, 3, 4]), (
        "with a link, one picture is on a card"
    )
    slack = {"platform": "slack", "webhook": "https://hooks.slack.com/services/T/B/x"}
    assert "places" not in told_of(SlackAdapter("bot", SlackCredential.model_validate(slack), None), group)


async def test_a_full_group_waits_and_the_others_do_not(coordinator, groups, relays):
    groups.settings = Slow(platform="double")
    many = [coordinator.delivery(f"a{n}", group="g1") for n in range(5)]
    other = coordinator.delivery("b1", group="g2")
    async with relays.running(groups):
        await coordinator.announce(*many, other)
        await coordinator.sent(*(d["id"] for d in (*many, other)))
    at = {text: at for (_, text), at in zip(groups.saw, groups.at, strict=True)}
    ours = [at[f"text of a{n}"] for n in range(5)]
    assert most_within(ours, 600) <= 2
    assert at["text of b1"] < sorted(ours)[2], "another group's message did not wait for them"
    waited = [r for r in coordinator.taken.values() if r.get("outcome") == "waiting"]
    assert {r["delivery"] for r in waited} <= {"a2", "a3", "a4"}
    assert waited


async def test_a_groups_window_outlives_the_relay(coordinator, groups, relays):
    groups.settings = Slow(platform="double")
    first = [coordinator.delivery(f"a{n}", group="g1") for n in range(2)]
    async with relays.running(groups):
        await coordinator.announce(*first)
        await coordinator.sent("a0", "a1")
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("a2", group="g1"), coordinator.delivery("b1", group="g2"))
        await coordinator.sent("a2", "b1")
    assert most_within([at for (group, _), at in zip(groups.saw, groups.at, strict=True) if group == "g1"], 600) <= 2
    assert groups.texts.index("text of b1") < groups.texts.index("text of a2")
