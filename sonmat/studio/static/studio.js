// The studio's frame: header, tabs, language, theme, and which screen is shown.
import { told } from "./api.js";
import { button, glyph, h, notice, rebuilt } from "./dom.js";
import { isDark } from "./palette.js";
import { SCREENS, place } from "./state.js";
import { begin, on, store } from "./store.js";
import { known, t } from "./texts.js";

const main = document.getElementById("main");
let shown = null; // what `mount` of the screen gave
let turn = 0;

const kept = (key, value) => {
  try {
    localStorage.setItem(`sonmat.${key}`, value);
  } catch {
    /* a private window */
  }
};

function tab(screen) {
  return h(
    "a",
    { href: place.last[screen] ?? place.to(screen), data: { screen }, ...(place.screen === screen ? { "aria-current": "page" } : {}) },
    glyph(screen),
    h("span", {}, t(screen)),
  );
}

function frame() {
  document.getElementById("skip").textContent = t("skip");
  document.title = `${t(place.screen)} · sonmat studio`;
  const top = document.getElementById("top");
  rebuilt(top, () => top.replaceChildren(...bar()));
  const bottom = document.getElementById("bottom");
  bottom.setAttribute("aria-label", t("screens"));
  rebuilt(bottom, () => bottom.replaceChildren(...SCREENS.map(tab)));
  linkState();
}

const bar = () => [
  h("a", { class: "logo", href: "#/train", "aria-label": "sonmat studio" }, mark(), h("b", {}, "sonmat"), h("i", {}, "studio")),
  h("nav", { "aria-label": t("screens"), class: "tabs" }, SCREENS.map(tab)),
  h(
    "div",
    { class: "tools" },
    h("span", { class: "worker", id: "worker" }),
    button("link", t("copyLink"), copyLink, { text: false, kind: "wide" }),
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        lang: t("other") === "English" ? "en" : "ko",
        "aria-label": t("language"),
        id: "language",
        onclick: speakOther,
      },
      t("other"),
    ),
    button(isDark() ? "sun" : "moon", t("theme"), () => setTheme(isDark() ? "light" : "dark"), {
      text: false,
      id: "theme",
    }),
  ),
];

const mark = () => {
  const image = h("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 });
  return image;
};

function linkState() {
  const box = document.getElementById("worker");
  if (!box) return;
  const state = store.heard || !store.start ? (store.workers.trainer ?? "") : "away";
  box.dataset.state = state;
  box.textContent = state === "away" ? "" : known(state) ? t(state) : "";
  document.body.classList.toggle("away", state === "away");
  let bar = document.getElementById("away");
  if (state === "away" && !bar) {
    bar = h("p", { id: "away", role: "alert" }, t("away"));
    setTimeout(() => {
      if (bar.isConnected && store.heard) bar.remove();
    }, 0);
    main.before(bar);
  } else if (state !== "away") bar?.remove();
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    notice(t("linkCopied"), "", "good");
  } catch (error) {
    notice(t("wrong"), error.message);
  }
}

async function speakOther() {
  const lang = document.documentElement.lang === "ko" ? "en" : "ko";
  document.documentElement.lang = lang;
  kept("lang", lang);
  if (place.get("lang")) place.set({ lang });
  for (const screen of Object.keys(place.last)) place.last[screen] = place.last[screen].replace(/lang=(ko|en)/, `lang=${lang}`);
  await begin().catch(told);
  await show();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  kept("theme", theme);
  if (place.get("theme")) place.set({ theme });
  dispatchEvent(new Event("theme"));
}

// What a field of the screen that is left says while it goes would be written into the address of the next one.
let leaving = false;
for (const kind of ["input", "change", "blur", "focusout"])
  addEventListener(kind, (event) => leaving && main.contains(event.target) && event.stopImmediatePropagation(), true);

async function show() {
  const mine = ++turn;
  leaving = true;
  shown?.unmount?.();
  shown = null;
  frame();
  const lang = place.get("lang");
  if (lang && lang !== document.documentElement.lang) {
    document.documentElement.lang = lang === "ko" ? "ko" : "en";
    await begin().catch(told);
    frame();
  }
  const { mount } = await import(`./screen_${place.screen}.js`);
  if (mine !== turn) return;
  const root = h("div", { class: `screen ${place.screen}` });
  main.replaceChildren(root);
  leaving = false;
  try {
    shown = mount(root);
  } catch (error) {
    root.replaceChildren(h("p", { class: "empty" }, t("wrong")));
    told(error);
  }
}

let where = "";
// A link fires both events, and the back button of some browsers only one of them.
function moved() {
  if (location.hash === where) return;
  const before = place.screen;
  where = location.hash;
  place.read();
  show().then(() => {
    if (before === place.screen) return;
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  });
}
addEventListener("theme", frame);
addEventListener("hashchange", moved);
addEventListener("popstate", moved);
addEventListener("place", () => {
  where = location.hash;
  for (const link of document.querySelectorAll(`[data-screen="${place.screen}"]`)) link.href = location.hash;
});
on("link", linkState);
on("worker", linkState);
on("reload", () => show());
on("ended", ({ name, problem, fix }) => {
  if (problem && store.runs.get(name)?.state !== "failed") notice(problem, fix); // a finished run stays what it is
});

const asked = location.hash.replace(/^#\/?/, "").split("?")[0];
if (asked && !SCREENS.includes(asked)) notice(t("noScreen", asked));
where = location.hash;
place.read();
frame();
main.replaceChildren(h("p", { class: "empty", role: "status" }, t("loading")));
begin().then(
  () => {
    const first = store.start.shown?.filter((name) => store.runs.has(name)) ?? [];
    if (!location.hash && first.length) place.set({ base: `run:${first[0]}`, run: first[0], beside: first.slice(1, 5) });
    return show();
  },
  (error) => {
    told(error);
    main.replaceChildren(h("p", { class: "empty" }, t("away")));
  },
);
