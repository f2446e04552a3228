// What the server says of a layer, made ready for the stepper; and what a network says of the image.
import { floats } from "./planes.js";
import { percent } from "./texts.js";
import { volume, windowOver } from "./windows.js";

/** A layer with a window; null for what has none. @param {any} chosen @param {any} about its row in `layers` */
export function layerOf(chosen, about) {
  const over = chosen.window ?? about?.window;
  const convolution = chosen.kernel?.shape.length === 4 && /^conv/i.test(chosen.kind) && (chosen.groups ?? 1) === 1;
  if (!over || !(convolution || /pool/i.test(chosen.kind)) || chosen.input.shape.length !== 3) return null;
  const input = volume(chosen.input.shape, floats(chosen.input.values));
  const kind = convolution ? "conv" : /max/i.test(chosen.kind) ? "max" : "average";
  const before = over.before?.length ? over.before : null;
  const window = windowOver(input, {
    kind,
    size: over.size,
    stride: over.stride,
    padding: over.padding,
    before,
    dilation: over.dilation ?? [1, 1],
  });
  const kernel = convolution ? { shape: chosen.kernel.shape, data: floats(chosen.kernel.values) } : null;
  return {
    input,
    window,
    kernel,
    bias: chosen.bias,
    activation: chosen.activation,
    output: floats(chosen.output.values),
    filters: chosen.output.shape.at(-1),
  };
}

/** The class of the largest probability, and that. @param {any} answer @returns {[string, string]} */
export const best = (answer) => {
  const [probabilities, classes] = [answer.probabilities ?? [], answer.classes ?? []];
  const at = probabilities.indexOf(Math.max(...probabilities));
  return [classes[at], percent(probabilities[at], 1)];
};
