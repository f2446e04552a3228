// Strokes as a text that fits into an address: a drawing can be sent as a link.

/** @typedef {[number, number][]} Stroke places between 0 and 1 */

const LEVELS = 4095; // twelve bits a number, four letters a point
const NEAR = 0.003; // of the pad's side: what is nearer to a line than that is left out
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LONGEST = 6000; // letters; a browser's address can be longer, a message's often cannot

const snap = (value) => Math.round(Math.max(0, Math.min(1, value)) * LEVELS) / LEVELS;

function away([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** The points without which a stroke would look different (Douglas and Peucker, 1973). @param {Stroke} stroke @returns {Stroke} */
function sparse(stroke) {
  if (stroke.length < 3) return stroke;
  let [far, most] = [0, 0];
  for (let i = 1; i < stroke.length - 1; i++) {
    const distance = away(stroke[i], stroke[0], stroke.at(-1));
    if (distance > most) [far, most] = [i, distance];
  }
  if (most <= NEAR) return [stroke[0], stroke.at(-1)];
  return [...sparse(stroke.slice(0, far + 1)).slice(0, -1), ...sparse(stroke.slice(far))];
}

/** A stroke as the address can have it: what is drawn and what a link gives are the same. @param {Stroke} stroke @returns {Stroke} */
export const settled = (stroke) => sparse(stroke).map(([x, y]) => [snap(x), snap(y)]);

const letters = (value) => {
  const whole = Math.round(value * LEVELS);
  return LETTERS[whole >> 6] + LETTERS[whole & 63];
};

/** Strokes as a text; "" where they are too many. @param {Stroke[]} strokes */
export function written(strokes) {
  const text = strokes.map((stroke) => stroke.map(([x, y]) => letters(x) + letters(y)).join("")).join(".");
  return text.length > LONGEST ? "" : text;
}

/** Strokes of such a text; what cannot be read is left out. @param {string} text @returns {Stroke[]} */
export function read(text) {
  const number = (pair) => (LETTERS.indexOf(pair[0]) * 64 + LETTERS.indexOf(pair[1])) / LEVELS;
  return text
    .split(".")
    .filter((one) => /^([\w-]{4})+$/.test(one))
    .map((one) => one.match(/.{4}/g).map((point) => [number(point.slice(0, 2)), number(point.slice(2))]));
}
