// A line chart on a canvas that can be drawn again sixty times a second, with a text equivalent.
import { h } from "./dom.js";
import { colour, fonts } from "./palette.js";

/** @typedef {{name: string, x: number[], y: (number|null)[], colour: string, width?: number, dash?: number[], alpha?: number, marks?: boolean, group?: string}} Series */

/** Round steps for an axis. @returns {number[]} */
export function ticks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => span / one <= wanted) ?? 10 * power;
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

const M = { left: 46, right: 12, top: 10, bottom: 24 };

export class LineChart {
  /** @param {{title: string, height?: number, shown?: (y: number) => string, from?: "zero"|"data", x?: string, percent?: boolean}} options */
  constructor(options) {
    this.options = options;
    this.canvas = h("canvas", { class: "chart", role: "img", tabIndex: 0 });
    this.tip = h("div", { class: "tip", hidden: true });
    this.node = h(
      "figure",
      { class: "plot" },
      h("figcaption", {}, h("b", {}, options.title), h("span", { class: "key" })),
      h("div", { class: "hold" }, this.canvas, this.tip),
    );
    /** @type {Series[]} */
    this.series = [];
    this.range = null;
    this.at = null;
    this.asked = 0;
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.at = null;
      this.tip.hidden = true;
      this.ask();
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.seen = new ResizeObserver(() => this.ask());
    this.seen.observe(this.canvas);
    this.again = () => this.ask();
    addEventListener("theme", this.again);
  }

  end() {
    this.seen.disconnect();
    removeEventListener("theme", this.again);
    cancelAnimationFrame(this.asked);
  }

  /** New series; the axes glide to them. @param {Series[]} series @param {{most?: number, text?: string}} [more] */
  set(series, more = {}) {
    this.series = series;
    this.most = more.most ?? 0;
    if (more.text !== undefined) this.canvas.setAttribute("aria-label", `${this.options.title}. ${more.text}`);
    const key = this.node.querySelector(".key");
    const told = series
      .filter((one) => one.group)
      .map((one) => one.group + one.colour)
      .join();
    if (key.dataset.told !== told) {
      key.dataset.told = told;
      key.replaceChildren(
        ...series
          .filter((one) => one.group)
          .map((one) =>
            h(
              "span",
              {},
              h("i", {
                style: {
                  background: one.dash
                    ? `repeating-linear-gradient(90deg, ${colour(one.colour)} 0 5px, transparent 5px 8px)`
                    : colour(one.colour),
                  height: `${Math.max(2, one.width ?? 2)}px`,
                },
              }),
              one.group,
            ),
          ),
      );
    }
    this.ask();
  }

  ask() {
    if (!this.asked)
      this.asked = requestAnimationFrame(() => {
        this.asked = 0;
        this.draw();
      });
  }

  bounds() {
    let [low, high, left, right] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const one of this.series)
      for (let i = 0; i < one.x.length; i++) {
        const y = one.y[i];
        if (y === null || !Number.isFinite(y)) continue;
        if (y < low) low = y;
        if (y > high) high = y;
        if (one.x[i] < left) left = one.x[i];
        if (one.x[i] > right) right = one.x[i];
      }
    if (low > high) return null;
    right = Math.max(right, this.most, left + 0.001);
    left = Math.min(left, this.options.first ?? 0);
    if (this.options.from === "zero") low = 0;
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.1;
    if (this.options.from !== "zero") low -= pad;
    high += pad;
    if (this.options.percent) {
      high = Math.min(high, 1.001);
      low = Math.max(0, low);
    }
    return { low, high, left, right };
  }

  draw() {
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    if (!wide || !high) return;
    const scale = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(wide * scale) || this.canvas.height !== Math.round(high * scale)) {
      this.canvas.width = Math.round(wide * scale);
      this.canvas.height = Math.round(high * scale);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const wanted = this.bounds();
    if (!wanted) {
      this.range = null;
      return;
    }
    this.glide(wanted);
    this.wide = wide;
    this.high = high;
    this.axes(pen);
    pen.save();
    pen.beginPath();
    pen.rect(M.left - 1, M.top - 4, wide - M.left - M.right + 8, high - M.top - M.bottom + 8);
    pen.clip();
    for (const one of this.series) this.line(pen, one);
    pen.restore();
    if (this.at !== null) this.cross(pen);
  }

  // Where the range jumps, the axis moves there over a few frames.
  glide(wanted) {
    const now = this.range;
    const still = !now || matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) {
      this.range = wanted;
      return;
    }
    let moving = false;
    const next = {};
    for (const key of ["low", "high", "left", "right"]) {
      const gap = wanted[key] - now[key];
      const close =
        Math.abs(gap) <
        0.002 * Math.max(1e-12, wanted.high - wanted.low, key === "right" || key === "left" ? wanted.right - wanted.left : 0);
      next[key] = close ? wanted[key] : now[key] + gap * 0.3;
      moving ||= !close;
    }
    this.range = next;
    if (moving) this.ask();
  }

  px(x) {
    return M.left + ((x - this.range.left) / (this.range.right - this.range.left)) * (this.wide - M.left - M.right);
  }

  py(y) {
    return this.high - M.bottom - ((y - this.range.low) / (this.range.high - this.range.low)) * (this.high - M.top - M.bottom);
  }

  axes(pen) {
    const { low, high, left, right } = this.range;
    pen.font = `11px ${fonts()}`;
    pen.fillStyle = colour("--soft");
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const shown = this.options.shown ?? ((value) => String(value));
    const wanted = Math.max(2, Math.floor(this.high / 34));
    for (const [at, text] of this.options.marks?.(low, high, wanted) ?? ticks(low, high, wanted).map((one) => [one, shown(one)])) {
      const y = Math.round(this.py(at)) + 0.5;
      pen.beginPath();
      pen.moveTo(M.left, y);
      pen.lineTo(this.wide - M.right, y);
      pen.stroke();
      pen.fillText(text, M.left - 6, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    for (const at of ticks(left, right, Math.max(2, Math.floor(this.wide / 70)))) {
      if (this.options.whole !== false && at % 1) continue;
      pen.fillText(String(at), this.px(at), this.high - 6);
    }
    if (this.options.x) {
      pen.textAlign = "left";
      pen.fillStyle = colour("--soft");
      pen.fillText(this.options.x, 0, this.high - 6);
    }
  }

  line(pen, one) {
    pen.globalAlpha = one.alpha ?? 1;
    pen.strokeStyle = pen.fillStyle = colour(one.colour);
    pen.lineWidth = one.width ?? 2;
    pen.lineJoin = pen.lineCap = "round";
    pen.setLineDash(one.dash ?? []);
    pen.beginPath();
    let up = true;
    let last = null;
    for (let i = 0; i < one.x.length; i++) {
      const y = one.y[i];
      if (y === null || !Number.isFinite(y)) {
        up = true;
        continue;
      }
      last = [this.px(one.x[i]), this.py(y)];
      pen[up ? "moveTo" : "lineTo"](...last);
      up = false;
    }
    pen.stroke();
    pen.setLineDash([]);
    if (last && (one.marks || one.x.length === 1)) {
      pen.beginPath();
      pen.arc(...last, (one.width ?? 2) + 1.5, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  nearest(x) {
    let best = null;
    for (const one of this.series)
      if (!one.faint) for (const at of one.x) if (best === null || Math.abs(at - x) < Math.abs(best - x)) best = at;
    return best;
  }

  point(event) {
    if (!this.range || !this.wide) return;
    const x = this.range.left + ((event.offsetX - M.left) / (this.wide - M.left - M.right)) * (this.range.right - this.range.left);
    this.at = this.nearest(x);
    this.show();
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !this.range) return;
    event.preventDefault();
    this.at = this.nearest(Math.max(this.range.left, Math.min(this.range.right, (this.at ?? this.range.right) + step)));
    this.show();
  }

  show() {
    if (this.at === null) return;
    const shown = this.options.told ?? this.options.shown ?? String;
    const rows = this.series
      .map((one) => [one, one.x.findIndex((at) => Math.abs(at - this.at) < 1e-6)])
      .filter(([one, i]) => i >= 0 && one.y[i] !== null);
    this.tip.replaceChildren(
      h("b", {}, `${this.options.x ?? ""} ${Number(this.at.toFixed(2))}`),
      ...rows
        .slice(0, 8)
        .map(([one, i]) => h("div", {}, h("i", { style: { background: colour(one.colour) } }), `${one.name} `, h("b", {}, shown(one.y[i])))),
    );
    this.tip.hidden = !rows.length;
    const x = this.px(this.at);
    this.tip.style.left = x > this.wide / 2 ? "auto" : `${x + 12}px`;
    this.tip.style.right = x > this.wide / 2 ? `${this.wide - x + 12}px` : "auto";
    this.ask();
  }

  cross(pen) {
    const x = Math.round(this.px(this.at)) + 0.5;
    pen.strokeStyle = colour("--faint");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, M.top);
    pen.lineTo(x, this.high - M.bottom);
    pen.stroke();
  }
}
