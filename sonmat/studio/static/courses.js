// How runs went: read once each, and then carried on by events.
import { at, get } from "./api.js";
import { store } from "./store.js";

/** @typedef {{epoch: number[], loss: (number|null)[], val_loss: (number|null)[], accuracy: (number|null)[], val_accuracy: (number|null)[], tail: any[], findings: any[], asked: boolean, recipe: any}} Course */

/** @type {Map<string, Course>} */
export const courses = new Map();
const fresh = () => ({
  epoch: [],
  loss: [],
  val_loss: [],
  accuracy: [],
  val_accuracy: [],
  tail: [],
  findings: [],
  asked: false,
  recipe: null,
});
export const KEYS = ["loss", "val_loss", "accuracy", "val_accuracy"];

/** A run's course, begun where there is none. @param {string} run @returns {Course} */
export function courseOf(run) {
  if (!courses.has(run)) courses.set(run, fresh());
  return courses.get(run);
}

/** Read a run's course, once unless `again`. @param {string} run @param {boolean} [again] */
export async function readCourse(run, again = false) {
  if (!run || (courses.get(run)?.asked && !again)) return;
  const course = courseOf(run);
  course.asked = true;
  try {
    const { history = {}, findings, recipe } = await get(at("runs", run));
    const length = (history.epoch ?? history.loss ?? []).length;
    const going = ["training", "waiting"].includes(store.runs.get(run)?.state);
    if (!going || length >= course.epoch.length) {
      course.epoch = history.epoch ?? Array.from({ length }, (_, i) => i + 1);
      for (const key of KEYS) course[key] = history[key] ?? course.epoch.map(() => null);
    }
    Object.assign(course, { findings: findings ?? [], recipe });
  } catch (error) {
    if (error.status === 404) courses.delete(run);
    else course.asked = false;
    throw error;
  }
}

/** A finding's change in words: "epochs = 20". @param {Object<string, any>} change */
export const changeText = (change) =>
  Object.entries(change)
    .map(([key, value]) => `${key.replace(/^(train|model)\./, "")} = ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
