// The head of a run: its name, what it is at, and what can be done with it.
import { at, patch, post, remove, told } from "./api.js";
import { ask, button, glyph, h, notice, renewed, sure } from "./dom.js";
import { place } from "./state.js";
import { called, store } from "./store.js";
import { stateName, t } from "./texts.js";

/** Whether a run trains or waits for it. @param {import("./store.js").Row|undefined} row */
export const active = (row) => Boolean(row) && (row.state === "training" || row.state === "waiting");

/**
 * A run's name, state and buttons, and the ways on from it to other screens.
 * @param {{onresume: (name: string) => void, onremove: () => void}} heard
 */
export function runHead({ onresume, onremove }) {
  const head = h("div", { class: "runhead" });
  const onward = h("div", { class: "row onward" });

  function paint(row, name) {
    const begun = row?.epochs > 0;
    const onward_ = row?.answers ? "ways" : begun ? "later" : "";
    renewed(head, [name, row?.title, row?.state, begun, row?.state === "finished" && row.of, row?.problem, row?.fix], () =>
      row ? told_(row) : [h("h2", {}, name || t("curves"))],
    );
    renewed(onward, [name, onward_, row?.reads], () =>
      onward_ === "ways" ? ways(row) : onward_ ? [h("p", { class: "soft small" }, t("waysLater"))] : [],
    );
  }

  const told_ = (row) => [
    h("div", { class: "row" }, h("h2", { title: row.name }, called(row)), h("span", { class: `badge ${row.state}` }, stateName(row.state))),
    h("div", { class: "row acts" }, acts(row)),
    row.problem ? h("p", { class: "small problem" }, h("b", { class: "badtext" }, row.problem), " ", row.fix) : "",
  ];

  const ways = (row) =>
    [
      ["draw", "openDraw", { runs: [row.name] }],
      ...(row.reads === "sentences" ? [] : [["look", "openLook", { run: row.name }]]),
      ["test", "openTest", { run: row.name }],
    ].map(([screen, text, keys]) => h("a", { class: "button small", href: place.to(screen, keys) }, glyph(screen), t(text)));

  function acts(row) {
    const going = active(row);
    const more = row.state === "finished" ? Math.max(1, row.of) : null;
    const first = going
      ? button("stop", t("stop"), () => post(at("runs", row.name, "stop")).catch(told), {
          kind: "small danger",
          id: "stop",
          title: t("stopMeans"),
        })
      : row.state === "failed"
        ? row.epochs
          ? null
          : button("play", t("tryAgain"), () => resume(row, null), { kind: "small", id: "resume" })
        : button("play", more ? t("resumeMore", more) : t("resume"), () => resume(row, more), { kind: "small", id: "resume" });
    return [
      first,
      button("copy", t("duplicate"), () => place.go("train", { base: `run:${row.name}`, run: "", beside: [row.name] }), {
        text: false,
        id: "duplicate",
      }),
      button("pen", t("rename"), () => rename(row), { text: false }),
      going ? null : button("bin", t("remove"), () => erase(row), { text: false }),
    ];
  }

  async function resume(row, epochs) {
    try {
      await post(at("runs", row.name, "resume"), { epochs });
      onresume(row.name);
    } catch (error) {
      told(error);
    }
  }

  async function rename(row) {
    const title = await ask(t("renameAsk"), called(row), t("save"), t("cancel"));
    if (title) patch(at("runs", row.name), { title }).catch(told);
  }

  async function erase(row) {
    if (!(await sure(t("sureDelete", called(row)), t("remove"), t("cancel")))) return;
    try {
      await remove(at("runs", row.name));
      notice(t("deleted"), "", "good");
      onremove();
    } catch (error) {
      told(error);
    }
  }

  return { head, onward, paint };
}
