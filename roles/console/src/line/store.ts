import { shallowReactive } from "vue";
import { DEFAULTS, type Topics } from "./entities";
import type { Changes, Entity, State } from "./wire";

/**
 * The view of the sale: `state[topic][id]`.
 *
 * It holds no rule of its own: a change sets an entity or deletes it, a snapshot replaces everything.
 * Entities are replaced whole and never written to, so that a topic's map is all that needs watching.
 */
export class Store {
  private readonly topics = shallowReactive({}) as Record<string, Record<string, Entity>>;

  /** Everything is as in `state`; what is not in it is gone. */
  replace(state: State): void {
    for (const topic of Object.keys(this.topics)) if (!(topic in state)) delete this.topics[topic];
    for (const [topic, entities] of Object.entries(state)) this.topics[topic] = shallowReactive({ ...entities });
  }

  apply(changes: Changes): void {
    for (const [topic, entities] of Object.entries(changes)) {
      const map = this.topics[topic] ?? (this.topics[topic] = shallowReactive<Record<string, Entity>>({}));
      for (const [id, entity] of Object.entries(entities)) {
        if (entity === null) delete map[id];
        else map[id] = entity;
      }
    }
  }

  get<T extends keyof Topics>(topic: T, id: string | null | undefined): Topics[T] | undefined {
    const entity = id == null ? undefined : this.topics[topic]?.[id];
    return entity && whole(topic, entity);
  }

  all<T extends keyof Topics>(topic: T): Topics[T][] {
    return Object.values(this.topics[topic] ?? {}).map((entity) => whole(topic, entity));
  }

  /** The plain state, for comparing it with a fresh one. */
  plain(): State {
    return JSON.parse(JSON.stringify(this.topics)) as State;
  }
}

/** An entity is never written to, so that its whole form is made once. */
const wholes = new WeakMap<Entity, Entity>();

function whole<T extends keyof Topics>(topic: T, entity: Entity): Topics[T] {
  let made = wholes.get(entity);
  if (!made) {
    // Null and absent say the same on the wire; here it is always absent.
    const given = Object.fromEntries(Object.entries(entity).filter(([, value]) => value !== null));
    wholes.set(entity, (made = { ...DEFAULTS[topic], ...given } as Entity));
  }
  return made as unknown as Topics[T];
}
