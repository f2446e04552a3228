// What a run's diagnosis says, in words, each with the button that makes the change it advises.
import { changeText } from "./courses.js";
import { button, h, rebuilt } from "./dom.js";
import { t } from "./texts.js";

/** The card of a run's findings. @param {(run: string, change: Object<string, any>, command: string) => void} onapply */
export function findingsCard(onapply) {
  const node = h("section", { class: "findings card", hidden: true });
  let built = "";

  function finding(run, one) {
    const why = one.evidence
      ? h(
          "details",
          {},
          h("summary", {}, t("evidence")),
          h("p", { class: "soft small" }, one.evidence),
          one.command ? h("code", {}, one.command) : null,
        )
      : null;
    const apply = one.change ? button("play", t("apply"), () => onapply(run, one.change, one.command ?? ""), { kind: "small" }) : null;
    const change = one.change ? h("span", { class: "mono small soft" }, changeText(one.change)) : null;
    return h(
      "li",
      { class: `finding ${one.severity}` },
      h("b", {}, one.title),
      h("p", {}, one.advice),
      h("div", { class: "row" }, apply, change, why),
    );
  }

  /** Show the findings of a run; `null` where there is nothing to say yet. @param {string} run @param {any[]|null} list */
  node.put = (run, list) => {
    node.hidden = list === null;
    // "No fault was found" beside a hint reads like a contradiction.
    const all = list?.some((one) => one.severity !== "good") ? list.filter((one) => one.severity !== "good") : list;
    const key = JSON.stringify([run, all]);
    if (key === built) return;
    built = key;
    const found = all?.length ? h("ul", {}, all.map((one) => finding(run, one))) : h("p", { class: "soft" }, t("nothingFound"));
    rebuilt(node, () => node.replaceChildren(h("h2", {}, t("whatItMeans")), found));
  };
  return node;
}
