// What one run says of a drawing: its answer, whether it is unsure and why, and its probabilities as bars.
import { h } from "./dom.js";
import { mapRows, paint, bytes } from "./planes.js";
import { percent, t } from "./texts.js";

const MOST = 12; // classes that are shown; of more, the largest
const SURE = 0.9; // a probability that a person would take for an answer

/** The input as the network gets it. @param {HTMLCanvasElement} canvas @param {{shape: number[], pixels: string}|null} seen */
export function paintSeen(canvas, seen) {
  if (!seen) {
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    return;
  }
  const [rows, wide, depth = 1] = seen.shape;
  const values = bytes(seen.pixels);
  paint(canvas, rows, wide, (i) => values[i * depth], "ink");
}

/**
 * The card of a run. @param {string} name @param {HTMLElement[]} head what stands above its answer
 */
export function answerCard(name, head) {
  const verdict = h("div", { class: "verdict" });
  const bars = h("div", { class: "pbars" });
  const maps = mapRows({ most: 32 });
  const node = h("section", { class: "card answer" }, h("div", { class: "row apart nowrap" }, head), verdict, bars);
  let [told, classes] = ["", ""];

  /** Nothing is answered; why stands there instead. @param {string} text @param {string} [fix] */
  function wait(text, fix = "") {
    told = classes = "";
    verdict.replaceChildren(h("p", { class: "soft" }, fix ? h("b", {}, text) : text, fix ? ` ${fix}` : ""));
    node.classList.remove("isunsure");
    bars.replaceChildren();
    maps.replaceChildren();
    maps.put([]);
  }

  function put(one) {
    const best = Math.max(...one.probabilities);
    const doubt = one.unsure && best >= SURE;
    const key = `${one.label}${one.unsure}${one.reason}${doubt}`;
    if (told !== key) {
      told = key;
      const look = `big${one.unsure ? " unsure" : ""}${one.label.length > 3 ? " word" : ""}`;
      verdict.replaceChildren(
        h("b", { class: look }, one.unsure ? `${one.label}?` : one.label),
        h(
          "div",
          {},
          h("b", { class: "share" }),
          one.unsure ? h("p", { class: "soft small" }, one.reason, doubt ? ` ${t("notTrusted")}` : "") : null,
        ),
      );
    }
    verdict.querySelector(".share").textContent = one.unsure ? t("unsure") : percent(best, 1);
    node.classList.toggle("isunsure", one.unsure);
    putBars(one);
  }

  // Many classes: the ten largest, in an order that stays while the stroke grows.
  function putBars(one) {
    let shown = one.classes.map((_, i) => i);
    if (shown.length > MOST) shown = shown.sort((a, b) => one.probabilities[b] - one.probabilities[a]).slice(0, MOST);
    const best = one.probabilities.indexOf(Math.max(...one.probabilities));
    const now = shown.map((i) => one.classes[i]).join("\n");
    if (classes !== now || !bars.children.length) {
      classes = now;
      bars.replaceChildren(
        ...shown.map((i) =>
          h(
            "div",
            { class: "pbar" },
            h("b", { title: one.classes[i] }, one.classes[i]),
            h("span", { class: "track" }, h("i")),
            h("span", { class: "value" }),
          ),
        ),
      );
    }
    shown.forEach((i, row) => {
      const bar = bars.children[row];
      bar.classList.toggle("best", i === best);
      bar.children[1].firstChild.style.transform = `scaleX(${one.probabilities[i].toFixed(4)})`;
      bar.children[2].textContent = percent(one.probabilities[i], 1);
    });
  }

  /** An answer is under way that takes long: the first one of a network. */
  function opening() {
    if (!told) verdict.replaceChildren(h("p", { class: "soft" }, t("loading")));
  }

  return { name, node, maps, put, wait, opening };
}
