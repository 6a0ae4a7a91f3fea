// The LSTM of the tutorial in plain numbers: the six equations of network/cells.py, one unit after the other.
const sigmoid = x => 1 / (1 + Math.exp(-x));
const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

/**
 * One step. x: the number read; h, c: output and cell of every unit after the step before.
 * weights: as in learn.json, gates stacked i, f, g, o. Returns every gate, the new cell and output, and the guess.
 */
export function lstmStep(x, {h, c}, weights) {
  const units = h.length;
  const gate = (place, squash) => h.map((_, unit) => {
    const row = place * units + unit;
    return squash(weights.weight_ih[row] * x + dot(weights.weight_hh[row], h) + weights.bias[row]);
  });
  const i = gate(0, sigmoid), f = gate(1, sigmoid), g = gate(2, Math.tanh), o = gate(3, sigmoid);
  const cell = c.map((kept, unit) => f[unit] * kept + i[unit] * g[unit]);
  const output = cell.map((value, unit) => o[unit] * Math.tanh(value));
  return {x, i, f, g, o, c: cell, h: output, guess: dot(weights.head_weight, output) + weights.head_bias};
}

/** Reads `wave` step by step; from step `alone` on it reads its own last guess instead. One entry per step. */
export function readWave(wave, weights, alone = wave.length) {
  const zeros = weights.head_weight.map(() => 0);
  const steps = [];
  let state = {h: zeros, c: zeros};
  wave.forEach((value, step) => {
    const x = step < alone ? value : steps[step - 1].guess;
    steps.push({...lstmStep(x, state, weights), before: state.c});
    state = steps[step];
  });
  return steps;
}
