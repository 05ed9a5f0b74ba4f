/**
 * The shapes of the state's topics, as the server promises them. Optional means: may be absent.
 * What the wire leaves out because it is the default is filled in by DEFAULTS when it is read.
 */

export type ShowStatus = "planned" | "armed" | "live" | "paused" | "ended" | "closed";

export interface Show {
  id: string;
  title: string;
  kind?: string;
  status: ShowStatus;
  currency?: string;
  timezone?: string;
  planned_start?: number;
  start?: number;
  started_at?: number;
  ended_at?: number;
  paused_at?: number;
  halted?: boolean;
  halted_reason?: string;
  version?: number;
  approved?: boolean;
  segment?: string;
  run?: string;
  product?: string;
  lead?: number;
  rehearsal?: boolean | number | string;
  targets?: { sales?: number; buyers?: number };
}

export interface Segment {
  id: string;
  kind: string;
  name?: string;
  product?: string;
  index?: number;
  lasts: number;
  advance?: "auto" | "manual";
  planned_start?: number;
  planned_end?: number;
  start?: number;
  end?: number;
  status: "planned" | "running" | "ended" | "skipped";
  run?: string;
}

export type CueStatus = "planned" | "announced" | "fired" | "waiting" | "held" | "skipped";

export interface Cue {
  id: string;
  segment?: string;
  index?: number;
  do: string;
  text?: string;
  groups?: string | string[];
  to?: string;
  coupon?: string;
  link?: string;
  product?: string;
  planned_at?: number;
  at?: number | null;
  when?: string;
  confirm?: string;
  /** When a cue that waits for a person lapses. */
  waiting_until?: number;
  status: CueStatus;
  run?: string;
  drop?: string;
  fire_at?: number;
  fired_at?: number;
  late_ms?: number;
  why?: string;
  reach?: number;
  hand?: boolean;
  /** What a planned round would open with, for those who may open one by hand. */
  form?: Readonly<Record<string, unknown>>;
}

export interface Product {
  id: string;
  name: string;
  line?: string;
  price: number;
  list_price?: number;
  stock?: number;
  url?: string;
  points?: string[];
  script?: string;
  image?: string;
  on_air?: boolean;
  shown_at?: number;
  sold?: number;
  drop?: string;
}

export interface Coupon {
  id: string;
  kind: "threshold" | "amount" | "percent" | "deposit" | "paid" | "pool" | "share_reward" | "pay_reward" | "group_price" | "flash";
  title: string;
  over?: number;
  off?: number;
  quantity: number;
  claimed?: number;
  redeemed?: number;
  left?: number;
  products?: string[];
  opens_at?: number;
  closes_at?: number;
  stopped?: boolean;
  expired?: boolean;
  dropped_at?: number;
  drop?: string;
}

export interface Link {
  id: string;
  kind: string;
  url?: string;
  title?: string;
  clicks?: number;
  drop?: string;
}

export interface Drop {
  id: string;
  kind: "link" | "coupon" | "message" | "checkin" | "chain" | "draw" | "redpacket";
  what?: string;
  cue?: string;
  run?: string;
  groups?: string[];
  text?: string;
  at: number;
  fire_at: number;
  fired_at?: number;
  status: "announced" | "fired" | "withdrawn";
  /** When its last group will have it, as was forecast when it was announced. */
  last_at?: number;
  claimed?: number;
  clicks?: number;
  previews?: number;
  stopped?: boolean;
  by?: string;
  sent?: number;
  failed?: number;
  unknown?: number;
}

export type DeliveryStatus =
  | "requested"
  | "held"
  | "awaiting"
  | "sent"
  | "failed"
  | "expired"
  | "withdrawn"
  | "unknown";

export interface Delivery {
  id: string;
  attempt?: number;
  relay?: string;
  group: string;
  drop?: string;
  status: DeliveryStatus;
  fire_at?: number;
  until?: number;
  why?: string;
  rule?: "DUP" | "CAP";
  sent_at?: number;
  /** Who sent it; whoever had it last may be another. */
  sent_by?: string;
  /** What was said of it later: sent once more, or something more to show for it. */
  further?: { relay: string; at: number; sent_at?: number; proof?: string }[];
  /** A relay at whose platform a person may still confirm it, and why it could not be taken back there. */
  left_open?: { relay: string; attempt: number; why?: string };
  left_late?: boolean;
  /** A person posts it. */
  hands?: boolean;
  reminded_at?: number;
  proof?: string;
  /** What it is of those that may go into its group within the cap's time, and how many may. */
  nth?: number;
  cap?: number;
  /** These only for who posts it. */
  content?: { text: string; images?: string[]; video?: string; link?: string; coupon?: string; mention?: string; as?: "message" | "announcement" };
  priority?: number;
  expires_at?: number;
  recalled_at?: number;
}

/** How a relay's deliveries on one platform stand. */
export interface Traffic {
  id: string;
  relay: string;
  /** Empty: the relay has not told. */
  platform: string;
  waiting?: number;
  limited?: number;
  sent?: number;
  failed?: number;
  unknown?: number;
  /** From the drop's moment to the sending. */
  p50_ms?: number;
  p99_ms?: number;
}

/** What the service itself says has its words in both languages; what a person wrote has `text` alone. */
export interface Said {
  text?: string;
  zh?: string;
  en?: string;
}

export interface Prompt extends Said {
  id: string;
  to: string;
  urgency?: "normal" | "high";
  at: number;
  by?: string;
  cue?: string | null;
  acked_by?: Record<string, number>;
}

export interface Question {
  id: string;
  text?: string;
  groups?: Record<string, number>;
  count?: number;
  at: number;
  last_at?: number;
  status: "new" | "taken" | "picked" | "answered" | "chat" | "closed";
  taken_by?: string;
  taken_at?: number;
  /** Then it goes back to the queue, unless it is taken again. */
  taken_until?: number;
  acknowledged_at?: number;
  /** The last of its clocks that ran out. */
  clock?: "unacknowledged" | "warned" | "breached";
  answer?: string;
}

export interface Task extends Said {
  id: string;
  who?: string;
  group?: string;
  at: number;
  what?: "post" | "thank" | "do";
  due_at?: number;
  overdue?: boolean;
  status: "open" | "done";
  done_by?: string;
  done_at?: number;
}

export interface Group {
  id: string;
  name?: string;
  tier?: string;
  stage?: string;
  tags?: string[];
  relay?: string[];
  members?: number;
  messages?: number;
  frozen?: boolean;
  frozen_why?: string;
  dissolved?: boolean;
  last?: { at: number; member?: string | null; text?: string | null; name?: string | null }[];
}

export interface Person {
  id: string;
  person: string;
  role: string;
  here?: boolean;
  ready?: boolean;
}

export interface Guest {
  id: string;
  name: string;
  theme?: string;
  poster?: string;
  state: "asked" | "confirmed";
  segment?: string;
}

export interface Checkin {
  id: string;
  open?: boolean;
  at: number;
  until?: number;
  closed_at?: number;
  series?: string;
  count?: number;
}

export interface Poll {
  id: string;
  drop?: string;
  question: string;
  options: string[];
  /** So many for each option, in their order. */
  votes: number[];
  open?: boolean;
  at: number;
  until?: number;
  closed_at?: number;
  count?: number;
}

export interface Quiz {
  id: string;
  drop?: string;
  question: string;
  open?: boolean;
  at: number;
  until?: number;
  closed_at?: number;
  count?: number;
  right?: number;
  /** The winners, in their order. */
  won?: string[];
}

export interface Survey {
  id: string;
  drop?: string;
  title: string;
  open?: boolean;
  at: number;
  until?: number;
  closed_at?: number;
  count?: number;
}

export interface Correction {
  id: string;
  product: string;
  what: "price" | "stock";
  /** What its groups would be sent as things stand. */
  text: string;
  groups: string[];
  at: number;
  status: "proposed" | "sent" | "closed";
}

/** What members did in a group that the controller is to know of. */
export interface Disturbance {
  id: string;
  group: string;
  what: "politics" | "advertising" | "negative" | "flooding" | "interrupting";
  /** What one press would send. */
  reminder: string;
  count?: number;
  member?: string;
  name?: string;
  text?: string;
  at: number;
  last_at: number;
  status: "open" | "reminded" | "dismissed";
}

/** The stream's own figures as they were told last. */
export interface Audience {
  id: string;
  viewers?: number;
  views?: number;
  peak?: number;
}

export interface Cost {
  id: string;
  amount: number;
}

export interface Chain {
  id: string;
  product: string;
  target: number;
  until: number;
  unlocks?: { coupon?: string; price?: number };
  drop?: string;
  at: number;
  status: "open" | "completed" | "failed";
  why?: string;
  ended_at?: number;
  count?: number;
  /** The newest only, and only for those who play with it; `count` says how many there are. */
  members?: { member: string; group?: string; at: number }[];
}

export interface Draw {
  id: string;
  prizes: { name: string; quantity?: number; worth?: number; coupon?: string }[];
  quantity: number;
  until: number;
  eligible?: { by?: "entry" | "comment" | "order" | "claim"; groups?: string; product?: string; coupon?: string };
  collect?: string;
  organiser?: string;
  commit: string;
  at: number;
  status: "open" | "closed" | "drawn";
  drawn_at?: number;
  count?: number;
  seed?: string;
  winners?: { member: string; prize: string; coupon?: string }[];
  left?: number;
  /** Winners who could not be given the coupon that they won. */
  not_given?: number;
}

export interface RedPacket {
  id: string;
  amount: number;
  count: number;
  groups?: string[];
  who: string;
  task: string;
  at: number;
  sent_by?: string;
  sent_at?: number;
  proof?: string;
}

export interface Golden {
  id: string;
  start?: number;
  end?: number;
  target?: number;
  minutes?: number;
  by?: Record<string, number>;
}

export interface Order {
  id: string;
  status: string;
  member?: string;
  group?: string;
  amount?: number;
  lines?: { product: string; quantity?: number; price?: number }[];
}

export interface Followup {
  id: string;
  member: string;
  rank: number;
  reason?: "" | "unpaid" | "asked" | "clicked_again" | "clicked" | "preheat";
  /** The sign of interest that counts. */
  since?: number;
  group?: string;
  orders?: Record<string, number>;
  asked?: string;
  clicks?: number;
  paid?: boolean;
  status: "open" | "taken" | "messaged" | "closed";
  owner?: string;
  taken_until?: number;
  messaged_at?: number;
  outcome?: string;
  optout?: boolean;
}

export interface Phrase {
  id: string;
  title?: string;
  text: string;
  product?: string;
  coupon?: string;
}

/** What support works by, as the sheet has it. */
export interface Service {
  id: string;
  questions?: { acknowledge?: number; warn?: number; breach?: number; lease?: number };
  followups?: { after?: number; every?: number; lease?: number; quiet?: [number, number][] };
  phrases?: Phrase[];
}

/** Topic name to the shape of its entities: what `store.all("products")` gives. */
export interface Topics {
  show: Show;
  segments: Segment;
  cues: Cue;
  products: Product;
  coupons: Coupon;
  links: Link;
  drops: Drop;
  deliveries: Delivery;
  traffic: Traffic;
  prompts: Prompt;
  questions: Question;
  tasks: Task;
  golden: Golden;
  followups: Followup;
  service: Service;
  orders: Order;
  groups: Group;
  people: Person;
  guests: Guest;
  checkins: Checkin;
  polls: Poll;
  quizzes: Quiz;
  surveys: Survey;
  chains: Chain;
  draws: Draw;
  redpackets: RedPacket;
  figures: Record<string, number>;
  corrections: Correction;
  disturbances: Disturbance;
  audience: Audience;
  costs: Cost;
}

/** The values that the server leaves out of an entity when they are the ones here. */
export const DEFAULTS: { readonly [T in keyof Topics]?: Readonly<Partial<Topics[T]>> } = {
  show: { status: "planned", approved: false, version: 1, halted: false },
  segments: { status: "planned", advance: "auto" },
  cues: { status: "planned", index: 0 },
  drops: { status: "announced" },
  deliveries: { status: "requested", attempt: 1 },
  prompts: { urgency: "normal" },
  questions: { status: "new", count: 1 },
  tasks: { status: "open" },
  golden: { target: 20, minutes: 0 },
  guests: { state: "asked" },
  checkins: { open: true },
  corrections: { status: "proposed" },
  disturbances: { status: "open", count: 1 },
  polls: { open: true, count: 0 },
  quizzes: { open: true, count: 0, right: 0 },
  surveys: { open: true, count: 0 },
  chains: { status: "open", count: 0 },
  draws: { status: "open", count: 0, left: 0 },
};
