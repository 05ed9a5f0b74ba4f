"""The pure core of a live sale: commands, events, state and rules, one file a topic.

Importing the package registers every topic; use it through

    State(sale=…), evolve(state, event), decide(state, actor, command, moment, id), due(state)
"""

from coordinator.core import (
    audience,
    checkins,
    checks,
    clicks,
    corrections,
    costs,
    coupons,
    cue_commands,
    cue_kinds,
    cues,
    deliveries,
    figures,
    firing,
    groups,
    keywords,
    links,
    messages,
    notes,
    orders,
    people,
    phrases,
    polls,
    products,
    prompts,
    question_clocks,
    questions,
    quizzes,
    schedule,
    sheets,
    shifts,
    show,
    showcases,
    surveys,
    tasks,
    triggers,
)
from coordinator.core.kernel import (
    CLOCK,
    CODES,
    COMMANDS,
    EVENTS,
    Actor,
    Command,
    Decided,
    Event,
    Moment,
    Refusal,
    answer,
    decide,
    decide_due,
    due,
    evolve,
)
from coordinator.core.state import TOPICS, State

TOPIC_MODULES = (
    checkins, checks, clicks, coupons, cue_commands, cue_kinds, cues, deliveries, figures, firing, groups, links, messages, notes, orders,
    people, phrases, products, prompts, question_clocks, questions, schedule, sheets, shifts, show, tasks, triggers,
)  # fmt: skip

__all__ = [
    "CLOCK",
    "CODES",
    "COMMANDS",
    "EVENTS",
    "TOPICS",
    "Actor",
    "Command",
    "Decided",
    "Event",
    "Moment",
    "Refusal",
    "State",
    "answer",
    "decide",
    "decide_due",
    "due",
    "evolve",
]
