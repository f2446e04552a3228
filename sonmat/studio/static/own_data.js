// Data of one's own: a path, what is found there, and a few of its rows as the network will have them.
import { get, post, remove, told } from "./api.js";
import { toggle } from "./controls.js";
import { button, h, later, speak } from "./dom.js";
import { paintPicture } from "./planes.js";
import { on, store } from "./store.js";
import { count, percent, t } from "./texts.js";

const PAUSE = 120; // ms after the last letter
const LISTED = 8; // notes and findings of each kind
let made = 0;

/**
 * The part of the form. `put(data, own, read)` shows the set that the recipe has, where it is one of one's own.
 * @param {{onread: (found: any) => void, onforget: (data: string) => void}} heard
 * @returns {HTMLElement & {put: (data: string, own: any, read: any) => void, waits: () => boolean, open: () => void, close: () => void, end: () => void}}
 */
export function ownPart({ onread, onforget }) {
  const id = `own${++made}`;
  const ways = h("datalist", { id: `${id}ways` });
  const path = h("input", {
    id,
    type: "text",
    class: "path",
    autocomplete: "off",
    spellcheck: false,
    placeholder: t("ownHint"),
    maxLength: 4096,
    oninput: () => offer(),
    onkeydown: (event) => {
      if (event.key === "Enter") read();
    },
  });
  path.setAttribute("list", ways.id);
  let [clean, skip, busy] = [false, false, ""];
  const cleaning = toggle(t("ownClean"), false, (is) => (clean = is));
  const skipping = toggle(t("ownSkip"), false, (is) => (skip = is));
  const go = button("look", t("ownRead"), () => read(), { kind: "small", id: "readown" });
  const halt = button("stop", t("stop"), () => post("/api/data/stop", { reading: busy }).catch(told), { kind: "small danger", id: "stopown", hidden: true });
  const away = button("close", t("ownForget"), () => forget(), { kind: "small quiet", id: "forgetown" });
  const state = h("p", { class: "small soft", role: "status" });
  const found = h("div", { class: "ownfound" });
  const node = h(
    "div",
    { class: "own", hidden: true },
    h("label", { htmlFor: id, class: "small soft" }, t("ownPath")),
    path,
    ways,
    cleaning,
    skipping,
    h("div", { class: "row" }, go, halt),
    state,
    found,
    away,
  );
  let shown = ""; // the set whose findings stand there
  let known = null;
  let last = null; // the set and the switches that were put last

  const offer = later(async () => {
    const start = path.value;
    try {
      const { paths } = await get("/api/data/paths", { start });
      if (start === path.value) ways.replaceChildren(...paths.map((one) => h("option", { value: one })));
    } catch (error) {
      if (error.status !== 422) told(error);
    }
  }, PAUSE);

  async function read() {
    const data = path.value.trim();
    if (!data || busy) return;
    busy = `${Date.now()}-${Math.random()}`; // by which it is stopped, and its progress told from another tab's
    go.disabled = true;
    halt.hidden = false;
    empty();
    away.hidden = true;
    say(t("ownReading", ""));
    try {
      const answer = await post("/api/data", { data, reading: busy, read: { ...(clean ? { clean } : {}), ...(skip ? { skip_unreadable: skip } : {}) } });
      say("");
      wait(false);
      if (answer.classes) {
        store.start.own = [answer, ...(store.start.own ?? []).filter((one) => one.data !== answer.data)];
        shown = answer.data;
        tell(answer);
        speak(t("ownSpoken", answer.title, answer.classes.length));
      }
      onread(answer);
    } catch (error) {
      // The command's option is a switch here.
      if (error.status) say(`${error.message}\n${error.fix.includes("--skip-unreadable") ? t("ownSkipAdvice") : error.fix}`, true);
      else say(t("wrong"), true);
    }
    away.hidden = !known;
    busy = "";
    go.disabled = false;
    halt.hidden = true;
  }

  async function forget() {
    try {
      await remove("/api/data", { data: known });
      onforget(known);
    } catch (error) {
      told(error);
    }
  }

  function say(text, bad = false) {
    state.textContent = text;
    state.className = bad ? "small badtext ownproblem" : "small soft";
  }

  function empty() {
    shown = "";
    found.replaceChildren();
  }

  const samplesOf = (answer) =>
    answer.samples.map(({ label, rows }, i) =>
      h(
        "li",
        {},
        h("span", { class: "small ownlabel" }, h("b", {}, label), " ", h("span", { class: "soft" }, count(answer.counts[i]))),
        rows.map((row) => {
          if (typeof row === "string") return h("span", { class: "small ownsentence" }, row);
          const canvas = h("canvas", { class: "ownsample", role: "img", "aria-label": t("ownSample", label) });
          paintPicture(canvas, row);
          return canvas;
        }),
      ),
    );

  const findingOf = (one) =>
    h(
      "details",
      { class: `finding ${one.severity}` },
      h("summary", {}, h("b", {}, one.title)),
      h("p", {}, one.evidence),
      h("p", { class: "soft" }, one.advice),
    );

  function tell(answer) {
    const left = answer.classes.length - answer.samples.length;
    found.replaceChildren(
      h("ul", { class: "ownsamples" }, samplesOf(answer)),
      left > 0 ? h("p", { class: "small soft" }, t("andMore", left)) : "",
      ...answer.findings.slice(0, LISTED).map(findingOf),
      h("details", {}, h("summary", { class: "small soft" }, t("ownNotes")), ...answer.notes.map((one) => h("p", { class: "small soft" }, one))),
    );
  }

  /** Until something was read, nothing is trained on. */
  const wait = (is) => {
    node.classList.toggle("waits", is);
    node.dispatchEvent(new Event("fit", { bubbles: true }));
  };
  node.waits = () => node.classList.contains("waits");
  node.open = () => {
    node.hidden = false;
    wait(true);
    path.focus();
    offer();
  };
  node.close = () => {
    node.hidden = true;
    wait(false);
  };
  node.put = (data, own, read = {}) => {
    if (own) node.hidden = false;
    away.hidden = !own;
    cleaning.hidden = own?.reads === "sentences";
    const now = own ? JSON.stringify([data, read.clean, read.skip_unreadable]) : null;
    if (last === now) return;
    last = now;
    known = own ? data : null;
    if (!own) {
      if (!busy && shown) {
        node.hidden = true; // a set with a name was chosen instead
        shown = "";
      }
      return;
    }
    path.value = path.title = data;
    requestAnimationFrame(() => (path.scrollLeft = path.scrollWidth)); // its end says more than its beginning
    [clean, skip] = [Boolean(read.clean), Boolean(read.skip_unreadable)];
    cleaning.put(clean);
    skipping.put(skip);
    if (shown !== data) {
      empty();
      shown = data;
      say(t("ownAgain"));
    }
  };
  const off = on("reading", (event) => {
    if (busy && event.reading === busy) say(t("ownReading", event.of ? percent(event.done / event.of, 0) : ""));
  });
  node.end = () => {
    off();
    offer.cancel();
  };
  return node;
}
