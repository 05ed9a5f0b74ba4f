"""SHILL: people of the team who post as if they were members."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.checks import POSTING
from coordinator.core.plan import Plan
from coordinator.core.rules import Judge
from coordinator.runsheet.checks.found import Found, each_cue, posts
from coordinator.runsheet.model import Sheet


def check(sheet: Sheet, plan: Plan, judge: Judge) -> Iterator[Found]:
    if judge.of("SHILL") is None:
        return
    for index, member in enumerate(sheet.team):
        if member.role in POSTING and not member.mark:
            message = (
                f"{member.person} posts in groups and nothing marks them as staff; add mark: to the team, and show it in "
                "the name they have there"
            )
            zh = f"{member.person} 会在群里发言, 却没有标明是工作人员; 在团队里写 mark:, 并显示在群昵称里"
            yield Found("inform", "SHILL", ("team", index), message, zh)
    posting = POSTING | {member.person for member in sheet.team if member.role in POSTING}
    names = [member.person for member in sheet.team if member.role == "cheer"]
    cheers = len(names)
    posted: dict[str, tuple[str, str]] = {}  # words -> who was to post them first, and in which cue
    for path, told, compiled, _, _ in each_cue(sheet, plan):
        who = str(compiled.fields.get("who"))
        who = names[0] if who == "cheer" and cheers == 1 else who
        if compiled.do != "task.assign" or not posts(told, posting):
            continue
        texts = compiled.texts or (compiled.text or "",)
        if who == "cheer" and told.text and len(texts) < cheers:
            message = (
                f"{cheers} people have {len(texts)} wordings to post, and no two post the same; give at least {cheers}"
            )
            zh = f"{cheers} 人只有 {len(texts)} 种说法, 任何两人不能发同样的话; 至少写 {cheers} 种"
            yield Found("block", "SHILL", (*path, "text"), message, zh)
        for text in texts:
            first, cue = posted.setdefault(text, (who, compiled.id))
            if first != who and text:
                message = (
                    f"{who} would post what {first} posts in {cue}: the same text from two accounts; word it otherwise"
                )
                zh = f"{who} 要发的与 {first} 在 {cue} 里发的相同: 两个账号同一句话; 换一种说法"
                yield Found("block", "SHILL", (*path, "text"), message, zh)
                break
