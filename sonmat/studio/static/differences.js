// What compared runs were trained with differently: the settings that are not the same in all of them.
import { h } from "./dom.js";
import { settingName } from "./space_builder.js";
import { t } from "./texts.js";

const MOST = 12; // settings

/** A recipe's settings by dotted names; the network's layers are one. */
function flat(table, before = "") {
  return Object.entries(table ?? {}).flatMap(([key, value]) => {
    const name = before + key;
    const deeper = value !== null && typeof value === "object" && !Array.isArray(value);
    return deeper && ["model", "train"].includes(name) ? flat(value, `${name}.`) : [[name, value]];
  });
}

const layerText = ({ layer, ...settings }) => [layer, ...Object.values(settings)].join(" ");
const short = (key, value) =>
  value === undefined || value === null
    ? "–"
    : key === "data"
      ? String(value).split(/[\\/]/).pop()
      : key === "model.layers"
        ? value.map(layerText).join(" → ")
        : typeof value === "object"
          ? JSON.stringify(value).replaceAll('"', "")
          : String(value);

/**
 * A table of what differs; null where nothing does, or fewer than two recipes are known.
 * @param {{name: string, colour: string, recipe: any}[]} runs
 */
export function differences(runs) {
  if (runs.length < 2) return null;
  const tables = runs.map((one) => new Map(flat(one.recipe)));
  const keys = [...new Set(tables.flatMap((one) => [...one.keys()]))];
  const texts = (key) => tables.map((one) => short(key, one.get(key)));
  const nets = new Set(tables.map((one) => one.get("model.name"))).size; // networks of other kinds have other settings
  const apart = keys.filter(
    (key) => new Set(texts(key)).size > 1 && (nets === 1 || !key.startsWith("model.") || tables.every((one) => one.has(key))),
  );
  const head = h("h3", {}, t("whatDiffers"));
  if (!apart.length) return h("div", { class: "differs" }, head, h("p", { class: "soft small" }, t("nothingDiffers")));
  const dot = (one) => h("th", { scope: "col" }, h("i", { style: { background: `var(${one.colour})` } }), one.name);
  const name = (key) => (key === "data" ? t("dataColumn") : key === "model.name" ? t("model") : settingName(key));
  const row = (key) => h("tr", {}, h("th", { scope: "row" }, name(key)), texts(key).map((text) => h("td", {}, text)));
  return h(
    "div",
    { class: "differs" },
    head,
    apart.includes("data") ? h("p", { class: "lead warn" }, t("otherData")) : null,
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "finals" },
        h("thead", {}, h("tr", {}, h("td", {}), runs.map(dot))),
        h("tbody", {}, apart.slice(0, MOST).map(row)),
      ),
    ),
  );
}
