// A sentence for the runs that read them: asked while it is written.
import { post, told } from "./api.js";
import { h, later, speak } from "./dom.js";
import { place } from "./state.js";
import { store } from "./store.js";
import { percent, t } from "./texts.js";

const PAUSE = 120; // ms after the last letter
const SLOW = 500; // ms after which a network is being opened for the first time
const spoken = later((text) => speak(text), 900);

/** Whether a run reads sentences. @param {string} name */
export const readsSentences = (name) => store.runs.get(name)?.reads === "sentences";

/**
 * The field. `show(names)` asks for these runs anew.
 * @param {{put: (answer: any) => void, wait: (name: string, text: string, fix?: string) => void}} to the runs' cards
 */
export function sentenceField(to) {
  const field = h("textarea", {
    id: "sentence",
    rows: 2,
    maxLength: 2000,
    placeholder: t("sentenceHint"),
    value: place.get("text"),
    "aria-label": t("writeSentence"),
    oninput: () => {
      place.set({ text: field.value });
      ask();
    },
  });
  const node = h("section", { class: "card sentencecard", hidden: true }, h("h2", {}, t("writeSentence")), field);
  let names = [];
  let turn = 0;

  const ask = later(async () => {
    const mine = ++turn;
    const text = field.value.trim();
    const able = names.filter((name) => store.runs.get(name)?.answers);
    for (const name of names) if (!text || !able.includes(name)) to.wait(name, t(able.includes(name) ? "waitsSentence" : "answersLater"));
    if (!text || !able.length) return;
    const slowly = setTimeout(() => able.forEach((name) => to.wait(name, t("loading"))), SLOW);
    try {
      const { answers } = await post("/api/draw/texts", { texts: [text] }, { runs: able.join(",") });
      if (mine !== turn) return;
      clearTimeout(slowly);
      for (const one of answers) to.put(one);
      const [first] = answers;
      spoken(first.unsure ? t("unsureSpoken", first.reason) : t("answerIs", first.label, percent(Math.max(...first.probabilities), 0)));
    } catch (error) {
      if (mine !== turn) return;
      if (error.status >= 400 && error.status < 500) for (const name of able) to.wait(name, error.message, error.fix);
      else told(error);
    } finally {
      clearTimeout(slowly);
    }
  }, PAUSE);

  return {
    node,
    show(chosen) {
      names = chosen.filter(readsSentences);
      node.hidden = !names.length;
      if (names.length) ask();
    },
    end() {
      turn++;
      ask.cancel();
      spoken.cancel();
    },
  };
}
