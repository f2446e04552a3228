// The colours of the style sheet for what is painted on a canvas, which knows no `var()` and no `light-dark()`.

const asked = matchMedia("(prefers-color-scheme: dark)");
/** @type {Map<string, string>} */
const found = new Map();
let probe = null;

/** Whether the page is dark now: as the person chose, else as the system is. */
export const isDark = () => (document.documentElement.dataset.theme ?? (asked.matches ? "dark" : "light")) === "dark";

/** A colour of the style sheet as it is now: `colour("--ink")` gives "#1d1b18". @param {string} name @returns {string} */
export function colour(name) {
  if (!found.has(name)) found.set(name, read(name));
  return found.get(name);
}

/** The fonts of the style sheet, for a canvas. */
export const fonts = () => getComputedStyle(document.documentElement).getPropertyValue("--font").trim();

function read(name) {
  if (!probe) {
    probe = document.createElement("i");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${name})`;
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [136, 136, 136];
  return `#${parts
    .slice(0, 3)
    .map((one) => Math.round(Number(one)).toString(16).padStart(2, "0"))
    .join("")}`;
}

addEventListener("theme", () => found.clear(), true);
asked.addEventListener("change", () => dispatchEvent(new Event("theme")));
