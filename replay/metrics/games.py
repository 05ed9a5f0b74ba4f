"""Games and lessons: polls, quizzes, surveys, sign-ins and their streaks, keywords, the showcase."""

from __future__ import annotations

from coordinator.core.surveys import SCALE
from replay.metrics.figure import Figure, Why, figure, ratio
from replay.tables import Tables

NO_SCALE: Why = ("no survey asked for a point on a scale, or nobody answered", "没有量表题问卷, 或无人作答")
NO_SERIES: Why = ("no series of sign-ins began", "没有开始过的系列打卡")


def figures(t: Tables) -> list[Figure]:
    state = t.state
    out = [
        figure(t, "poll_votes", sum(p.count for p in state.polls.values())),
        figure(t, "quiz_answers", sum(q.count for q in state.quizzes.values())),
        ratio(
            t,
            "quiz_right_rate",
            sum(q.right for q in state.quizzes.values()),
            sum(q.count for q in state.quizzes.values()),
            why=("nobody answered a quiz", "没有人抢答"),
        ),
        figure(t, "survey_answers", sum(s.count for s in state.surveys.values())),
        figure(t, "keyword_members", sum(k.asked for k in state.keywords.values())),
        figure(t, "showcases", state.counts.get("show-", 0)),
        figure(t, "checkin_members", len(t.persons(m for c in state.checkins.values() for m in c.members))),
    ]
    out += [
        figure(t, "poll_votes", votes, scope={"poll": poll.id, "option": option})
        for poll in state.polls.values()
        for option, votes in zip(poll.options, poll.votes, strict=True)
    ]
    return out + _satisfaction(t) + _lessons(t)


def _satisfaction(t: Tables) -> list[Figure]:
    """The mean point, and the share of those who gave one of the two best."""
    asked = [(s, q) for s in t.state.surveys.values() for q in s.questions if q.kind == "scale"]
    counts = [sum(q.counts[n] for _, q in asked) for n in range(SCALE)]
    points, answers = sum((n + 1) * count for n, count in enumerate(counts)), sum(counts)
    out = [
        ratio(t, "satisfaction", points, answers, why=NO_SCALE),
        ratio(t, "satisfied_rate", sum(counts[-2:]), answers, why=NO_SCALE),
    ]
    for survey, q in asked:
        points, answers = sum((n + 1) * count for n, count in enumerate(q.counts)), sum(q.counts)
        out.append(
            ratio(t, "satisfaction", points, answers, scope={"survey": survey.id, "question": q.id}, why=NO_SCALE)
        )
    return out


def _lessons(t: Tables) -> list[Figure]:
    """Of those who joined a series' first round, who joined each; the last one's share is the rate of completion."""
    series: dict[str, list[set[str]]] = {}
    for checkin in t.state.checkins.values():
        if checkin.series is not None:
            series.setdefault(checkin.series, []).append(t.persons(checkin.members))
    if not series:
        return [ratio(t, "lesson_rate", None, None, why=NO_SERIES), figure(t, "longest_streak", None, why=NO_SERIES)]
    out = [figure(t, "longest_streak", max(c.longest for c in t.state.checkins.values() if c.series is not None))]
    for name, rounds in series.items():
        finished = set.intersection(*rounds)
        scope = {"series": name}
        if len(series) == 1:
            out.append(ratio(t, "lesson_rate", len(finished), len(rounds[0]), why=NO_SERIES))
        out.append(ratio(t, "lesson_rate", len(finished), len(rounds[0]), scope=scope, why=NO_SERIES))
        for number, joined in enumerate(rounds, 1):
            out.append(
                ratio(
                    t, "signin_rate", len(joined), len(rounds[0]), scope={**scope, "round": str(number)}, why=NO_SERIES
                )
            )
    return out
