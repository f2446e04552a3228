// Where values of a study stand: as they are, in powers of ten, or by how far they are from 1, as `sonmat.view.study_scale` has it.
const CLOSEST = 1e-5;

/** @param {"one"|"log"|"linear"|string} kind @param {number|null} value */
export const put = (kind, value) =>
  value === null ? null : kind === "one" ? -Math.log10(Math.max(1 - value, CLOSEST)) : kind === "log" ? Math.log10(value) : value;

/** Round marks between two places. @returns {[number, string][]|null} null: as they are */
export function marks(kind, low, high, wanted) {
  if (kind === "one") {
    const found = [];
    for (const steps of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8]]) {
      found.length = 0;
      for (let power = 0; power >= -5; power--)
        for (const step of steps) {
          const error = step * 10 ** power;
          const at = -Math.log10(error);
          if (error <= 1 && at >= low && at <= high) found.push([at, `${Number((100 * (1 - error)).toFixed(Math.max(0, -power - 1)))} %`]);
        }
      if (found.length >= Math.min(4, wanted)) break;
    }
    return found.length > 1
      ? found
      : [
          [low + (high - low) * 0.1, told(kind, low + (high - low) * 0.1)],
          [high - (high - low) * 0.1, told(kind, high - (high - low) * 0.1)],
        ];
  }
  if (kind === "log") {
    const found = [];
    for (let power = Math.floor(low); power <= high; power++)
      for (const step of high - low > 3 ? [1] : [1, 3]) {
        const at = power + Math.log10(step);
        if (at >= low && at <= high) found.push([at, String(Number((10 ** at).toPrecision(2)))]);
      }
    return found.length > 1 ? found : null;
  }
  return null;
}

/** A place as the value it stands for. */
export const told = (kind, at) =>
  kind === "one"
    ? `${(100 * (1 - 10 ** -at)).toFixed(2)} %`
    : kind === "log"
      ? String(Number((10 ** at).toPrecision(3)))
      : String(Number(at.toPrecision(4)));

/** A value of a setting, short. */
export const settingText = (axis, i) => {
  const value = axis.values[i];
  return value === null || value === undefined
    ? "–"
    : axis.choices.length
      ? axis.choices[Math.round(value)]
      : String(Number(value.toPrecision(3)));
};
