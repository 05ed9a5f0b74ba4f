import type { Prompt } from "../line/entities";
import type { Session } from "../line/session";

/** Prompts for me that I have not acknowledged: the urgent, then the newest, for an old one is seldom still true. */
export function promptsForMe(session: Session): Prompt[] {
  return session.store
    .all("prompts")
    .filter((prompt) => (prompt.to === session.role.value || prompt.to === session.person) && !prompt.acked_by?.[session.person] && !isSettled(prompt, session))
    .sort((a, b) => Number(b.urgency === "high") - Number(a.urgency === "high") || b.at - a.at);
}

/** The owner was told that a cue waits for somebody, and it does not any more. */
function isSettled(prompt: Prompt, session: Session): boolean {
  const cue = session.store.get("cues", prompt.cue ?? undefined);
  return prompt.to === "owner" && cue?.confirm !== undefined && cue.do !== "prompt.send" && cue.status !== "waiting";
}
