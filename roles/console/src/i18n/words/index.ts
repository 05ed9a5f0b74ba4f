import * as drops from "./drops";
import * as frame from "./frame";
import * as games from "./games";
import * as people from "./people";
import * as posting from "./posting";
import * as sheet from "./sheet";
import * as show from "./show";

/** All words, by subject. A file whose English misses a key of its Chinese does not compile. `{n|group|groups}` chooses by n. */
export const zh = { ...frame.zh, ...show.zh, ...drops.zh, ...games.zh, ...people.zh, ...posting.zh, ...sheet.zh };
export type Key = keyof typeof zh;
export const en: Readonly<Record<Key, string>> = { ...frame.en, ...show.en, ...drops.en, ...games.en, ...people.en, ...posting.en, ...sheet.en };
