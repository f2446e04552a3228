// Which row of the data is looked at: a number between two arrows; a row that there is not is said, and not asked for.
import { button, h } from "./dom.js";
import { count, t } from "./texts.js";

/** @param {{value: number, onset: (row: number) => void}} options */
export function rowField({ value, onset }) {
  const field = h("input", {
    type: "number",
    min: 0,
    value,
    "aria-label": t("row"),
    oninput: () => bad(),
    onchange: () => {
      if (!bad()) onset(Number(field.value));
    },
  });
  const why = h("p", { class: "unfit", role: "alert", hidden: true });
  let rows = null; // how many there are, once that is known

  function bad() {
    const now = Number(field.value);
    const wrong = field.value === "" || now < 0 || now % 1 !== 0 || (rows !== null && now >= rows);
    why.hidden = !wrong;
    field.setAttribute("aria-invalid", String(wrong));
    if (wrong) why.textContent = t("unfitWhole", t("row"), 0, rows === null ? "…" : count(rows - 1));
    return wrong;
  }

  function go(by) {
    field.value = Number(field.value) + by;
    if (!bad()) onset(Number(field.value));
  }

  return {
    why,
    /** @param {number|null|undefined} many */
    of(many) {
      rows = many ?? rows;
    },
    nodes: () => [
      button("left", t("before"), () => go(-1), { text: false, id: "before", disabled: Number(field.value) <= 0 }),
      field,
      button("right", t("next"), () => go(1), {
        text: false,
        id: "next",
        disabled: rows !== null && Number(field.value) >= rows - 1,
      }),
    ],
  };
}
