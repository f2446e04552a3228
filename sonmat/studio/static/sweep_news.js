// Trials that the server has told of since a study's charts were read: joined to what is there, so that a study of ten thousand
// trials is not read whole again for each few of them.
const LETTERS = { done: "d", stopped: "s", failed: "f" };

/**
 * Joins trials to a study's columns, in place. What has to be worked out anew (importance, pairs, fans) waits for the whole.
 * @param {any} study a study as `sonmat.view.study_payload` writes it
 * @param {{number: number, settings: Object<string, any>, state: string, value: number|null, epochs: number, seconds: number, reason: string}[]} trials
 * @returns {boolean} whether there was anything new
 */
export function join(study, trials) {
  const all = study.trials;
  const places = new Map(all.number.map((number, i) => [number, i]));
  const states = all.state.split("");
  let any = false;
  for (const trial of trials) {
    if (!(trial.state in LETTERS)) continue;
    const letter = trial.value === null ? "f" : LETTERS[trial.state];
    const there = places.get(trial.number);
    if (there !== undefined && states[there] === letter && all.epochs[there] === trial.epochs) continue;
    any = true;
    const i = there ?? all.number.length;
    places.set(trial.number, i);
    all.number[i] = trial.number;
    all.value[i] = rounded(trial.value);
    all.epochs[i] = trial.epochs;
    all.seconds[i] = trial.seconds;
    states[i] = letter;
    if (trial.reason) (all.reason ??= {})[i] = trial.reason;
    for (const axis of study.axes) axis.values[i] = placeOf(axis, trial.settings[axis.name]);
  }
  all.state = states.join("");
  if (any) recount(study);
  return any;
}

/** The best so far, trial by trial: of those that trained to their end once there is one. */
function recount(study) {
  const { number, value, state } = study.trials;
  const kind = state.includes("d") ? "d" : "s";
  const order = number.map((_, i) => i).filter((i) => state[i] === kind && value[i] !== null);
  order.sort((a, b) => number[a] - number[b]);
  const record = { number: [], value: [] };
  let best = null;
  for (const i of order) {
    if (best !== null && (study.maximize ? value[i] <= value[best] : value[i] >= value[best])) continue;
    best = i;
    record.number.push(number[i]);
    record.value.push(value[i]);
  }
  study.record = record;
  if (kind === "d") study.best = best;
}

/** As the whole has it; a tie is one on both sides. */
const rounded = (value) => (value === null ? null : Number(value.toPrecision(6)));

function placeOf(axis, value) {
  if (value === undefined) return null;
  if (!axis.choices.length) return Number(value);
  const place = axis.choices.indexOf(Array.isArray(value) ? value.join("-") : String(value));
  return place < 0 ? null : place;
}
