// The drawing pad: smooth strokes of a mouse, a pen or a finger; undo; an image dropped, pasted, chosen or photographed.
import { h, notice } from "./dom.js";
import { settled } from "./strokes.js";
import { t } from "./texts.js";

export const SIDE = 280; // pixels of the picture that is sent

const MOST = 20 * 2 ** 20; // bytes of a picture that the server takes
const PICTURE = /^image\/|\.(hei[cf]|tiff?)$/i;

/** @typedef {import("./strokes.js").Stroke} Stroke */

/**
 * @param {{label: string, hint: string, width: number, onchange: (when: number) => void}} options `when`: performance.now() of the pointer's event
 */
export class Pad {
  constructor(options) {
    this.options = options;
    this.width = options.width;
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {ImageBitmap|null} */
    this.image = null;
    this.file = null;
    this.canvas = h("canvas", { class: "ink", width: SIDE * 2, height: SIDE * 2, tabIndex: 0, role: "img", "aria-label": options.label });
    this.hint = h("span", { class: "padhint" }, options.hint);
    this.node = h("div", { class: "paper" }, this.canvas, this.hint);
    this.sheet = h("canvas", { width: SIDE, height: SIDE });
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const kind of ["pointerup", "pointercancel"]) this.canvas.addEventListener(kind, (event) => this.finish(event));
    this.node.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.node.classList.add("over");
    });
    this.node.addEventListener("dragleave", () => this.node.classList.remove("over"));
    this.node.addEventListener("drop", (event) => {
      event.preventDefault();
      this.node.classList.remove("over");
      const files = [...(event.dataTransfer?.files ?? [])];
      const file = files.find((one) => PICTURE.test(one.type) || PICTURE.test(one.name)) ?? files[0];
      if (file) this.take(file);
    });
    this.pasted = (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (file) {
        event.preventDefault();
        this.take(file);
      }
    };
    addEventListener("paste", this.pasted);
  }

  end() {
    removeEventListener("paste", this.pasted);
    this.image?.close();
  }

  /** Whether a stroke is under way. */
  get drawing() {
    return this.down !== undefined;
  }

  get empty() {
    return !this.strokes.length && !this.file;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  begin(event) {
    if (event.button > 0 || this.down !== undefined) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.down = event.pointerId;
    if (this.file) this.drop();
    this.strokes.push([this.place(event)]);
    this.paint();
    this.options.onchange(performance.now());
  }

  go(event) {
    if (event.pointerId !== this.down) return;
    const stroke = this.strokes[this.strokes.length - 1];
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const at = this.place(one);
      const last = stroke[stroke.length - 1];
      if (Math.hypot(at[0] - last[0], at[1] - last[1]) > 0.004) stroke.push(at);
    }
    this.paint();
    this.options.onchange(performance.now());
  }

  finish(event) {
    if (event.pointerId !== this.down) return;
    this.down = undefined;
    const last = this.strokes.length - 1;
    if (last >= 0) this.strokes[last] = settled(this.strokes[last]);
    this.paint();
    this.options.onchange(performance.now());
  }

  undo() {
    if (this.file) this.drop();
    else this.strokes.pop();
    this.paint();
    this.options.onchange(performance.now());
  }

  clear() {
    this.strokes = [];
    this.drop();
    this.paint();
    this.options.onchange(performance.now());
  }

  drop() {
    this.image?.close();
    this.image = null;
    this.file = null;
  }

  /** An image in place of the strokes. @param {File|Blob} file */
  async take(file) {
    const named = file.name ?? t("image");
    if (file.type && !PICTURE.test(file.type) && !PICTURE.test(named)) {
      notice(t("noPicture", named), t("pictureKinds"));
      return;
    }
    if (file.size > MOST) {
      notice(t("tooLarge", named, (file.size / 2 ** 20).toFixed(0), MOST / 2 ** 20), t("tooLargeFix"));
      return;
    }
    this.strokes = [];
    this.drop();
    this.file = file;
    try {
      this.image = await createImageBitmap(file);
    } catch {
      this.image = null;
    } // HEIC: the server reads it, the browser may not
    this.paint();
    this.options.onchange(performance.now());
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.hint.hidden = !this.empty;
    if (this.image) this.fit(pen, this.canvas.width);
    else this.ink(pen, this.canvas.width);
  }

  fit(pen, side) {
    const scale = Math.min(side / this.image.width, side / this.image.height);
    const [wide, high] = [this.image.width * scale, this.image.height * scale];
    pen.drawImage(this.image, (side - wide) / 2, (side - high) / 2, wide, high);
  }

  // Through the middles of neighbouring points, so that a quick stroke is round.
  ink(pen, side) {
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = (this.width / SIDE) * side;
    pen.strokeStyle = pen.fillStyle = "#1d1b18";
    for (const stroke of this.strokes) {
      const at = stroke.map(([x, y]) => [x * side, y * side]);
      pen.beginPath();
      if (at.length === 1) {
        pen.arc(...at[0], pen.lineWidth / 2, 0, 7);
        pen.fill();
        continue;
      }
      pen.moveTo(...at[0]);
      for (let i = 1; i < at.length - 1; i++) pen.quadraticCurveTo(...at[i], (at[i][0] + at[i + 1][0]) / 2, (at[i][1] + at[i + 1][1]) / 2);
      pen.lineTo(...at[at.length - 1]);
      pen.stroke();
    }
  }

  /** The picture as it is sent: dark on white, or the image as it came. @returns {Promise<{body: Blob, mode: string}|null>} */
  async picture() {
    if (this.file) return { body: this.file, mode: "photo" };
    if (this.empty) return null;
    const pen = this.sheet.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, SIDE, SIDE);
    this.ink(pen, SIDE);
    const body = await new Promise((resolve) => this.sheet.toBlob(resolve, "image/png"));
    return { body, mode: "strokes" };
  }

  /** Strokes from elsewhere: another screen's drawing, or a test's. @param {Stroke[]} strokes */
  put(strokes) {
    this.strokes = strokes;
    this.paint();
    this.options.onchange(performance.now());
  }
}

/** The last drawing, which the Look screen can use. @type {{strokes: Stroke[], file: Blob|null, width: number}} */
export const lastDrawing = { strokes: [], file: null, width: 30 };
