"""Who may give which command: one table, one screen. `GET /api/permissions` serves it as it stands here."""

from __future__ import annotations

ROLES = ("owner", "controller", "host", "cohost", "cheer", "support", "poster", "relay", "audience", "shop")
LETTERS = {
    "O": ("owner",), "C": ("controller",), "H": ("host",), "K": ("cohost",), "E": ("cheer",), "S": ("support",),
    "R": ("relay", "poster"),  # a poster is a relay with hands
    "G": ("poster",), "A": ("audience",), "P": ("shop",),
}  # fmt: skip

_TABLE = """
show.arm OC          show.start OC         show.end OC            show.close OC
show.pause OC        show.resume OC        show.shift OC          show.halt OC         show.unhalt OC
segment.next C       segment.extend C
cue.fire C           cue.confirm C         cue.hold C             cue.release C        cue.skip C        cue.add C
sheet.replace OC     sheet.approve O
prompt.send OCHK     prompt.ack OCHKESR
product.show CK      product.hide CK       product.reprice C      product.restock C
coupon.drop C        coupon.stop C         coupon.claim AR        coupon.redeem P
link.drop C          link.stop C           link.click A          message.send CS
checkin.open C       checkin.close C       checkin.join AR
poll.open CK         poll.close CK         poll.vote AR           quiz.open CK         quiz.close CK        quiz.answer AR
survey.open CK       survey.close CK       survey.answer AR       showcase.add CE
chain.open CE        chain.close CE        chain.join AR
draw.open CK         draw.run CK           draw.enter AR
redpacket.announce C redpacket.done CKER
question.raise RAS   question.take S       question.answer S      question.close S     question.pick SKC question.escalate S
question.chat S      shift.hand S
followup.take S      followup.message S    followup.close S       member.optout RAS    member.optin RAS     member.reveal S   member.link RP
task.assign C        task.done EKG
group.observe RP     group.freeze C        group.thaw C           floor.remind C         floor.dismiss C
audience.report CRP  channel.expose RP     cost.report O          correction.send C      correction.dismiss C
order.report P       delivery.report R     relay.limits R         delivery.retry C     delivery.withdraw C  delivery.move C   delivery.resolve C
delivery.hand G
note.add OCHKESAP     person.ready OCHKESAP
"""


def _read(table: str) -> dict[str, frozenset[str]]:
    words = table.split()
    return {
        kind: frozenset(role for x in letters for role in LETTERS[x])
        for kind, letters in zip(words[::2], words[1::2], strict=True)
    }


MAY: dict[str, frozenset[str]] = _read(_TABLE)


def may(role: str, kind: str) -> bool:
    return role in MAY.get(kind, ())


def table() -> dict[str, list[str]]:
    """Command → roles, for the wire: in the order of ROLES."""
    return {kind: [role for role in ROLES if role in roles] for kind, roles in sorted(MAY.items())}
