// The arithmetic of windows: what a convolution and a pooling compute, value by value, in float64 from the network's own float32.

/** @typedef {{rows: number, columns: number, depth: number, data: Float32Array|Float64Array}} Volume values row by row, channels last */
/** @typedef {{kind: "conv"|"max"|"average", size: [number, number], stride: [number, number], before: [number, number], rows: number, columns: number, dilation: [number, number]}} Window
 *  `before`: rows and columns of padding above and to the left; `rows`, `columns`: of the output */

/** A volume from numbers of a shape; a plane has one channel. @returns {Volume} */
export function volume(shape, data) {
  const [rows, columns, depth] = shape.length === 1 ? [1, shape[0], 1] : shape.length === 2 ? [...shape, 1] : shape;
  return { rows, columns, depth, data };
}

/** The length of an output: ⌊(n + padding − k) / s⌋ + 1. */
export const outputLength = (n, k, s, padding) => Math.floor((n + padding - k) / s) + 1;

/** A window over a volume, with padding of its own or Keras's "same". @returns {Window} */
export function windowOver(input, { kind, size, stride, padding, pad = 0, before = null, dilation = [1, 1] }) {
  const lengths = [input.rows, input.columns];
  const reach = size.map((k, i) => (k - 1) * dilation[i] + 1);
  const found = lengths.map((n, i) => (padding === "same" ? Math.ceil(n / stride[i]) : outputLength(n, reach[i], stride[i], 2 * pad)));
  const start = lengths.map((n, i) => (padding === "same" ? Math.floor(Math.max(0, (found[i] - 1) * stride[i] + reach[i] - n) / 2) : pad));
  return { kind, size, stride, dilation, before: before ?? start, rows: found[0], columns: found[1] };
}

/** The values under the window at an output's place; null where there is only padding. @returns {(number|null)[][]} */
export function patch(input, window, row, column, channel) {
  return Array.from({ length: window.size[0] }, (_, i) =>
    Array.from({ length: window.size[1] }, (__, j) => {
      const y = row * window.stride[0] - window.before[0] + i * window.dilation[0];
      const x = column * window.stride[1] - window.before[1] + j * window.dilation[1];
      return y < 0 || x < 0 || y >= input.rows || x >= input.columns ? null : input.data[(y * input.columns + x) * input.depth + channel];
    }),
  );
}

/** A filter's weights for a channel. @param {{shape: number[], data: Float32Array}} kernel (rows, columns, channels, filters) @returns {number[][]} */
export function weights(kernel, channel, filter) {
  const [rows, columns, depth, filters] = kernel.shape;
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (__, j) => kernel.data[((i * columns + j) * depth + channel) * filters + filter]),
  );
}

/** The sum of products of a patch and a kernel's plane. */
export function products(values, plane) {
  let sum = 0;
  for (let i = 0; i < plane.length; i++) for (let j = 0; j < plane[i].length; j++) sum += (values[i][j] ?? 0) * plane[i][j];
  return sum;
}

// Abramowitz and Stegun 7.1.26 is too rough for five digits; this series and fraction are exact to float32.
function erf(x) {
  const a = Math.abs(x);
  if (a > 5) return Math.sign(x);
  if (a < 2.5) {
    let [term, sum] = [a, a];
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 40; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

/** Keras's activations of one value. @type {Object<string, (x: number) => number>} */
export const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x / (1 + Math.exp(-x)),
  swish: (x) => x / (1 + Math.exp(-x)),
  softplus: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(0, x),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
};

/**
 * One value of the output, with all that it is made of.
 * @param {{input: Volume, window: Window, kernel: any, bias: number[]|null, activation: string}} layer
 */
export function valueAt(layer, row, column, filter, channel) {
  const { input, window } = layer;
  const values = patch(input, window, row, column, window.kind === "conv" ? channel : filter);
  if (window.kind !== "conv") {
    const there = values.flat().filter((one) => one !== null);
    const result = window.kind === "max" ? Math.max(...there) : there.reduce((a, b) => a + b, 0) / there.length;
    return { values, plane: null, own: result, others: 0, bias: 0, before: result, result };
  }
  const plane = weights(layer.kernel, channel, filter);
  const own = products(values, plane);
  let others = 0;
  for (let c = 0; c < input.depth; c++)
    if (c !== channel) others += products(patch(input, window, row, column, c), weights(layer.kernel, c, filter));
  const bias = layer.bias?.[filter] ?? 0;
  const before = own + others + bias;
  return { values, plane, own, others, bias, before, result: (ACTIVATIONS[layer.activation] ?? ACTIVATIONS.linear)(before) };
}

/** A whole plane of the output. @returns {Float64Array} */
export function plane(layer, filter) {
  const { rows, columns } = layer.window;
  const found = new Float64Array(rows * columns);
  const { input, window, kernel } = layer;
  const act = ACTIVATIONS[layer.activation] ?? ACTIVATIONS.linear;
  if (window.kind !== "conv") {
    for (let i = 0; i < found.length; i++) found[i] = valueAt(layer, Math.floor(i / columns), i % columns, filter, 0).result;
    return found;
  }
  const [kr, kc, depth, filters] = kernel.shape;
  const bias = layer.bias?.[filter] ?? 0;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = bias;
      for (let i = 0; i < kr; i++) {
        const y = r * window.stride[0] - window.before[0] + i * window.dilation[0];
        if (y < 0 || y >= input.rows) continue;
        for (let j = 0; j < kc; j++) {
          const x = c * window.stride[1] - window.before[1] + j * window.dilation[1];
          if (x < 0 || x >= input.columns) continue;
          for (let d = 0; d < depth; d++)
            sum += input.data[(y * input.columns + x) * input.depth + d] * kernel.data[((i * kc + j) * depth + d) * filters + filter];
        }
      }
      found[r * columns + c] = act(sum);
    }
  return found;
}
