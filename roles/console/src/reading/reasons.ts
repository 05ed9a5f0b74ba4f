import { inPageLanguage, t, type Key, type Values } from "../i18n";

/**
 * Why something did not go into a group, as relays and the service say it, and the same in the page's words.
 * The first that fits is taken. What nobody foresaw stands as it came.
 */
const KNOWN: readonly [RegExp, Key][] = [
  [/(key|token|webhook|address) is not (valid|known)|token was revoked|does not know this bot|access token has expired|mend the webhook|webhook was removed/i, "why.key"],
  [/removed|kicked|put out|not in its group/i, "grp.why.removed"],
  [/\bbot left\b|not a member/i, "grp.why.left"],
  [/may not write|rights to send/i, "grp.why.muted"],
  [/dissolved|chat not found|chat was deleted|does not take this group/i, "why.noGroup"],
  [/taken out of use|was stopped in|not there any more/i, "why.stopped"],
  [/signature is refused/i, "why.signature"],
  [/lacks the keyword/i, "why.keyword"],
  [/not on the (ro)?bot's list/i, "why.address"],
  [/certificate/i, "why.certificate"],
  [/exceed max length|too long|does not fit/i, "why.long"],
  [/cannot be found|cannot be reached|took no connection|does not answer within|cannot agree on TLS/i, "why.unreached"],
  [/^rate window$/i, "why.window"],
  [/asks? to go slower|asked to wait|freq|too many requests|too fast|window .*is full|would be a ban/i, "why.slower"],
  [/no answer|the line to .* broke|did not say yes|did not tell|HTTP 5\d\d|failed with/i, "why.noAnswer"],
  [/relay stopped while/i, "why.relayStopped"],
  [/relay was stopped before/i, "why.relayBack"],
  [/no report until/i, "why.noReport"],
  [/^not sent in time/i, "why.notInTime"],
  [/^(?<who>\S+) has not posted it in time/i, "why.notPosted"],
  [/^held back by/i, "why.paced"],
  [/^(?<who>\S+) has to confirm it in/i, "why.confirm"],
  [/^(?<who>\S+) has the task still/i, "why.hasStill"],
  [/takes nothing back/i, "why.nothingBack"],
  [/a person posts it by hand/i, "why.byHand"],
  [/not in this relay's configuration/i, "why.unconfigured"],
  [/text was cut/i, "why.cut"],
  [/went as addresses|could not fetch the pictures/i, "why.pictures"],
  [/attempt \d+ had left/i, "why.leftBefore"],
  [/^by hand$/, "why.takenByHand"],
  [/^halted$/, "why.halted"],
  [/^closed$/, "why.closed"],
  [/^edited$/, "why.edited"],
  [/^(held|withdrawn)$/, "why.heldBack"],
  [/^skipped$/, "why.skipped"],
  [/^late$/, "why.late"],
  [/something of more weight/i, "why.lighter"],
];

/** What may be chosen for a halt. */
export const HALTS: readonly Key[] = ["halt.r.scene", "halt.r.price", "halt.r.stock", "halt.r.words", "halt.r.platform"];

export function haltWords(why: string): string {
  return inPageLanguage(why, HALTS);
}

export function reasonWords(why: string): string {
  for (const [pattern, key] of KNOWN) {
    const found = pattern.exec(why);
    if (found) return t(key, (found.groups ?? {}) as Values);
  }
  return why;
}
