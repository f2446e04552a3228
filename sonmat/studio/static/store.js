// What the server told: the start, the runs, and what happens. Several tabs agree, since each hears the same events.
import { get } from "./api.js";
import { listen } from "./stream.js";

/** @typedef {{name: string, title: string, state: string, model: string, data: string, seed: number, epochs: number, of: number, seconds: number,
 *   val_accuracy: number|null, val_loss: number|null, test_accuracy: number|null, test_readings: number, made: string, parameters: number, position: number|null}} Row */

const listeners = new Map();
/** Hear of a kind of event; the function that is given ends it. @param {string} kind @param {(event: any) => void} heard */
export function on(kind, heard) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(heard);
  return () => listeners.get(kind).delete(heard);
}
const tell = (kind, event) => {
  for (const heard of [...(listeners.get(kind) ?? [])]) heard(event);
};

export const store = {
  /** @type {any} */
  start: null,
  /** @type {Map<string, Row>} */
  runs: new Map(),
  version: 0,
  /** The newest progress of each run under way. @type {Map<string, any>} */
  progress: new Map(),
  /** "trainer" and "looker": warming, ready, busy or dead. @type {Object<string, string>} */
  workers: {},
  heard: false,
};

/** Rows that have a network to ask: those that trained an epoch. */
export const trained = () =>
  [...store.runs.values()].filter((row) => row.epochs > 0 && row.state !== "failed").sort((a, b) => (a.made < b.made ? 1 : -1));
/** What a run is called on the screen. @param {Row|undefined} row @param {string} [name] */
export const called = (row, name = "") => row?.title || row?.name || name;

/** The sets of drawings that were kept, which are data to train on. */
export async function readDrawings() {
  store.start.drawings = (await get("/api/drawings")).sets;
}

async function readRuns() {
  const answer = await get("/api/runs", { since: store.version });
  if (answer.whole || store.version === 0) store.runs.clear();
  for (const row of answer.rows) store.runs.set(row.name, row);
  for (const name of answer.gone ?? []) store.runs.delete(name);
  store.version = answer.version;
  tell("runs", {});
}

/** Begins: the start's data, the runs, then events from there on. */
export async function begin() {
  const start = await get("/api/start");
  store.start = start;
  store.version = 0;
  store.progress.clear(); // of a server that may be gone
  await readRuns();
  if (start.workers) store.workers = start.workers;
  listen(start.seq, start.boot, { heard: take, link });
}

function link(open) {
  store.heard = open;
  tell("link", {});
}

async function take(event) {
  const { kind, ...fields } = event;
  if (kind === "reload") {
    await begin().catch(() => {});
    tell("reload", {});
    return;
  }
  if (kind === "epoch" || kind === "progress") fields.epoch += 1; // the engine counts from 0, people from 1
  if (kind === "run") {
    const row = store.runs.get(fields.name);
    store.runs.set(fields.name, { ...(row ?? {}), ...fields });
    if (fields.state && !["training", "waiting"].includes(fields.state)) store.progress.delete(fields.name);
    tell("runs", fields);
  } else if (kind === "gone") {
    store.runs.delete(fields.name);
    tell("runs", fields);
  } else if (kind === "drawings") await readDrawings();
  else if (kind === "own") store.start.own = (await get("/api/data")).sets;
  else if (kind === "progress") store.progress.set(fields.name, fields);
  else if (kind === "worker") store.workers[fields.which] = fields.state;
  tell(kind, fields);
}

/** A new page of what changed: after a change of language. */
export async function again() {
  store.start = await get("/api/start");
  tell("start", {});
}
