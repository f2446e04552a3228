// Elements made in one line, and the few glyphs of the studio.

/**
 * An element.
 * @param {string} tag @param {Object<string, any>} [props] `class`, `on…` listeners, `style` and `data` objects, properties, attributes
 * @param {...any} children nodes, texts, lists of them; null and false are left out
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "style") for (const [name, one] of Object.entries(value)) node.style.setProperty(name, one);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !["list", "form", "role"].includes(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

const NS = "http://www.w3.org/2000/svg";
/** An SVG element. @param {string} tag @param {Object<string, any>} props @param {...any} children @returns {SVGElement} */
export function s(tag, props = {}, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined));
  return node;
}

const GLYPHS = {
  train: "M4 19V5M4 19h16M7 15l4-5 3 3 5-7",
  runs: "M4 6h16M4 12h16M4 18h10",
  draw: "M4 20l1-4L16 5l3 3L8 19zM13 8l3 3",
  look: "M10.500 17a6.500 6.500 0 1 1 0-13 6.500 6.500 0 0 1 0 13zM15.500 15.500L20 20",
  sweep: "M5 5h4v4H5zM15 5h4v4h-4zM5 15h4v4H5zM15 15h4v4h-4z",
  test: "M5 12l5 5L19 7",
  play: "M7 5l12 7-12 7z",
  stop: "M6 6h12v12H6z",
  pause: "M8 5v14M16 5v14",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  undo: "M9 8H15a4.500 4.500 0 0 1 0 9H8M9 8l3-3M9 8l3 3",
  bin: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  pen: "M5 19l1-4 9-9 3 3-9 9z",
  copy: "M8 8h11v11H8zM5 16V5h11",
  camera: "M4 8h4l2-2h4l2 2h4v11H4zM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  moon: "M19 14.500A7.500 7.500 0 0 1 9.500 5 7.500 7.500 0 1 0 19 14.500z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
};
/** A glyph, drawn with the text's colour. @param {string} name @param {boolean} [filled] */
export const glyph = (name, filled = false) =>
  s(
    "svg",
    {
      viewBox: "0 0 24 24",
      class: "glyph",
      "aria-hidden": "true",
      fill: filled ? "currentColor" : "none",
      stroke: "currentColor",
      "stroke-width": name === "grip" ? 3 : 2,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    },
    s("path", { d: GLYPHS[name] }),
  );

/** A button with a glyph; its label is read aloud, and shown where `text` is true. */
export const button = (name, label, onclick, { text = true, kind = "", ...more } = {}) =>
  h(
    "button",
    {
      type: "button",
      class: `${text ? "" : "bare"} ${kind}`.trim(),
      onclick,
      ...(text ? {} : { "aria-label": label, title: label }),
      ...more,
    },
    name ? glyph(name, name === "play" || name === "stop") : null,
    text ? h("span", {}, label) : null,
  );

/** What a screen reader says next. @param {string} text */
export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

/** A notice that goes away by itself. @param {string} text @param {string} [fix] @param {"bad"|"good"} [kind] */
export function notice(text, fix = "", kind = "bad") {
  const box = h(
    "div",
    { class: `notice ${kind}` },
    h("div", {}, h("b", {}, text), fix ? h("span", {}, ` ${fix}`) : null),
    button("close", "✕", () => box.remove(), { text: false }),
  );
  const all = document.getElementById("notices");
  all.append(box);
  while (all.children.length > 3) all.firstChild.remove();
  setTimeout(() => box.remove(), kind === "bad" ? 12000 : 5000);
}

/** A function that runs `ms` after its last call. @template {Function} F @param {F} run @param {number} ms */
export function later(run, ms) {
  let timer = 0;
  const call = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), ms);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

/**
 * Builds a part of the page anew; the keyboard stays where it was: at what has the same id or label, else at the part's
 * first control, else at the content.
 * @param {HTMLElement} box @param {() => void} build
 */
export function rebuilt(box, build) {
  const had = box.contains(document.activeElement) ? document.activeElement : null;
  build();
  if (!had || had === document.activeElement) return;
  if (had.isConnected) {
    had.focus({ preventScroll: true });
    return;
  }
  const label = (one) => one.getAttribute("aria-label") ?? one.textContent;
  const all = [...box.querySelectorAll("a[href], button:not(:disabled), input, select, summary")];
  (all.find((one) => (had.id ? one.id === had.id : label(one) === label(had))) ?? all[0] ?? document.getElementById("main")).focus({ preventScroll: true });
}

/**
 * Fill a box anew only where what it tells has changed: a button that is replaced while it is held down is never pressed.
 * @param {HTMLElement} box @param {any} told What it tells, as JSON @param {() => (Node|string)[]} build
 */
export function renewed(box, told, build) {
  const key = JSON.stringify(told);
  if (box.dataset.told === key) return;
  box.dataset.told = key;
  rebuilt(box, () => box.replaceChildren(...build()));
}

/** Asks before something is lost, naming it; gives true where the person agrees. @param {string[]} [named] @returns {Promise<boolean>} */
export function sure(question, yes, no, named = []) {
  return new Promise((resolve) => {
    const box = h(
      "dialog",
      {
        class: "ask",
        onclose: () => {
          resolve(box.returnValue === "yes");
          box.remove();
        },
      },
      h(
        "form",
        { method: "dialog" },
        h("p", {}, question),
        named.length ? h("ul", { class: "named small" }, named.map((one) => h("li", {}, one))) : null,
        h("div", { class: "row end" }, h("button", { value: "no" }, no), h("button", { value: "yes", class: "danger" }, yes)),
      ),
    );
    document.body.append(box);
    box.showModal();
  });
}

/** Asks for a text; null where it was left. @returns {Promise<string|null>} */
export function ask(question, value, yes, no) {
  return new Promise((resolve) => {
    const field = h("input", { type: "text", value, maxLength: 80, "aria-label": question });
    const box = h(
      "dialog",
      {
        class: "ask",
        onclose: () => {
          resolve(box.returnValue === "yes" ? field.value.trim() : null);
          box.remove();
        },
      },
      h(
        "form",
        { method: "dialog" },
        h("p", {}, question),
        field,
        h(
          "div",
          { class: "row end" },
          h("button", { value: "no", type: "button", onclick: () => box.close("no") }, no),
          h("button", { value: "yes", class: "primary" }, yes),
        ),
      ),
    );
    document.body.append(box);
    box.showModal();
    field.select();
  });
}
