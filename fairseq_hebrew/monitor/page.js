"use strict";
// Draws the panels of a run: one view of updates for all of them, values read off at the pointer.
const data = JSON.parse(document.getElementById("data").textContent);
const HEIGHT = 230, LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 24;
const COLOURS = 6;
const all = data.panels.flatMap((panel) => panel.lines.flatMap((line) => [line.x[0], line.x[line.x.length - 1]]));
const whole = [Math.min(...all), Math.max(...all)];
if (whole[0] === whole[1]) whole[1] = whole[0] + 1;
// What the reader chose lives in the address, so that a page that loads itself again keeps it.
const view = { x: null, xlog: false, ylog: {} };
try {
  Object.assign(view, JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"));
} catch (error) {
  // An address nobody here wrote: the whole run is shown.
}

function node(name, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function element(name, parent, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

const counted = (value) => Math.round(value).toLocaleString("en");

function shown(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(3).replace(/\.?0+e/, "e");
  return size >= 10000 ? counted(value) : String(Number(value.toPrecision(5)));
}

// A scale maps [from, to] onto pixels [a, b]; its inverse is `back`.
function scale(from, to, a, b, logarithmic) {
  const f = logarithmic ? Math.log : (value) => value;
  const low = f(from), span = f(to) - low || 1;
  return {
    at: (value) => a + ((f(value) - low) / span) * (b - a),
    back: (pixel) => {
      const value = low + ((pixel - a) / (b - a)) * span;
      return logarithmic ? Math.exp(value) : value;
    },
  };
}

function ticks(from, to, count, logarithmic) {
  if (logarithmic && to / from > 8) {
    const found = [], steps = to / from > 1000 ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++)
      for (const step of steps) if (step * 10 ** power >= from && step * 10 ** power <= to) found.push(step * 10 ** power);
    if (found.length > 1) return found.filter((_, i) => i % Math.ceil(found.length / (2 * count)) === 0);
  }
  const rough = (to - from) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((nice) => nice * power >= rough);
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++) found.push(i * step);
  return found;
}

// The first place in sorted numbers that is not below the value.
function place(numbers, value) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nearest(line, x) {
  const after = Math.min(place(line.x, x), line.x.length - 1), before = Math.max(after - 1, 0);
  return Math.abs(line.x[before] - x) <= Math.abs(line.x[after] - x) ? before : after;
}

const drawn = data.panels.map((panel) => {
  const box = element("section", document.getElementById("panels"), undefined, "panel");
  const head = element("div", box, undefined, "head");
  element("h2", head, panel.unit ? `${panel.title} (${panel.unit})` : panel.title);
  const label = element("label", head), check = element("input", label);
  check.type = "checkbox";
  label.append(" log scale");
  const values = element("div", head, undefined, "values");
  const svg = node("svg", { role: "img", "aria-label": `${panel.title} over updates` }, box);
  const made = { panel, box, svg, values, check, cursor: null, x: null };
  check.checked = view.ylog[panel.title] ?? panel.log;
  check.onchange = () => {
    view.ylog[panel.title] = check.checked;
    keep();
    draw(made);
  };
  listen(made);
  return made;
});

function keep() {
  history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(view)));
}

function zoom(range) {
  view.x = range && [Math.max(range[0], whole[0]), Math.min(range[1], whole[1])];
  if (view.x && !(view.x[1] > view.x[0])) view.x = null;
  keep();
  drawn.forEach(draw);
}

function draw(made) {
  const { panel, svg } = made, width = svg.clientWidth || 600;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const from = view.xlog ? Math.max((view.x ?? whole)[0], 1) : (view.x ?? whole)[0], to = (view.x ?? whole)[1];
  const x = (made.x = scale(from, to, LEFT, width - RIGHT, view.xlog));
  // One point beyond each side, so that curves run on to the edge.
  const parts = panel.lines.map((line) => [Math.max(place(line.x, from) - 1, 0), place(line.x, to) + 2]);
  const seen = panel.lines.flatMap((line, i) =>
    line.y.slice(...parts[i]).filter((value, j) => line.x[parts[i][0] + j] >= from && line.x[parts[i][0] + j] <= to));
  let low = Infinity, high = -Infinity;
  for (const value of seen) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!seen.length) [low, high] = [0, 1];
  const logarithmic = made.check.checked && low > 0;
  if (logarithmic) {
    const pad = Math.max((high / low) ** 0.05, 1.001);
    [low, high] = [low / pad, high * pad];
  } else {
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
    [low, high] = [low >= 0 ? Math.max(low - pad, 0) : low - pad, high + pad];
  }
  const y = (made.y = scale(low, high, HEIGHT - BOTTOM, TOP, logarithmic));
  for (const tick of ticks(low, high, 5, logarithmic)) {
    node("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y.at(tick), y2: y.at(tick) }, svg);
    node("text", { x: LEFT - 6, y: y.at(tick) + 4, "text-anchor": "end" }, svg, shown(tick));
  }
  for (const tick of ticks(from, to, Math.max(Math.floor(width / 110), 2), view.xlog)) {
    node("line", { class: "grid", x1: x.at(tick), x2: x.at(tick), y1: TOP, y2: HEIGHT - BOTTOM }, svg);
    const anchor = x.at(tick) > width - 40 ? "end" : "middle";
    node("text", { x: x.at(tick), y: HEIGHT - 7, "text-anchor": anchor }, svg, counted(tick));
  }
  const inside = node("svg", { x: LEFT, y: 0, width: width - LEFT - RIGHT, height: HEIGHT,
    viewBox: `${LEFT} 0 ${width - LEFT - RIGHT} ${HEIGHT}`, style: "overflow:hidden;width:auto" }, svg);
  mark(made, inside, x);
  panel.lines.forEach((line, i) => {
    const colour = `var(--c${i % COLOURS})`, points = [];
    for (let j = parts[i][0]; j < Math.min(parts[i][1], line.x.length); j++)
      if ((line.y[j] > 0 || !logarithmic) && (line.x[j] > 0 || !view.xlog))
        points.push([x.at(line.x[j]), y.at(line.y[j])]);
    const path = (pairs) => pairs.map((p, j) => (j ? "L" : "M") + p.map((v) => v.toFixed(1))).join("");
    node("path", { class: line.course ? "curve raw" : "curve", stroke: colour, d: path(points) }, inside);
    if (line.course) {
      const course = [];
      for (let j = parts[i][0]; j < Math.min(parts[i][1], line.x.length); j++)
        if (line.x[j] > 0 || !view.xlog) course.push([x.at(line.x[j]), y.at(line.course[j])]);
      node("path", { class: "curve", stroke: colour, d: path(course) }, inside);
    }
    if (points.length <= 60) for (const [cx, cy] of points) node("circle", { cx, cy, r: 2.4, fill: colour }, inside);
  });
  made.cursor = node("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, svg);
  made.dots = panel.lines.map((_, i) => node("circle", { r: 3.5, fill: `var(--c${i % COLOURS})`, visibility: "hidden" }, svg));
  read(made, null);
}

function mark(made, parent, x) {
  const signal = made.panel.signal === "perplexity" ? "loss" : made.panel.signal;
  const span = (kind, one) => {
    const width = Math.max(x.at(one.end) - x.at(one.begin), 1.5);
    node("rect", { class: kind, x: x.at(one.begin), y: TOP, width, height: HEIGHT - BOTTOM - TOP }, parent);
  };
  if (signal === "loss") for (const one of data.plateaus) span("plateau", one);
  for (const one of data.spikes.filter((spike) => spike.signal === signal)) {
    span("band", one);
    const at = x.at(one.peak);
    const flag = node("path", { class: "spike", d: `M${at - 5},${TOP - 6}h10l-5,8z` }, parent);
    node("title", {}, flag, one.words);
  }
  if (signal === "lr")
    for (const one of data.phases) {
      if (one !== data.phases[0]) node("line", { class: "phase", x1: x.at(one.begin), x2: x.at(one.begin), y1: TOP, y2: HEIGHT - BOTTOM }, parent);
      const begin = Math.max(x.at(Math.max(one.begin, 1)), LEFT), end = x.at(one.end);
      if (end - begin > 7 * one.kind.length) node("text", { x: begin + 4, y: HEIGHT - BOTTOM - 6 }, parent, one.kind);
    }
}

// Show the values of a panel at an update; its last ones where there is none.
function read(made, update) {
  made.values.replaceChildren();
  made.cursor.setAttribute("visibility", update === null ? "hidden" : "visible");
  if (update !== null) {
    made.cursor.setAttribute("x1", made.x.at(update));
    made.cursor.setAttribute("x2", made.x.at(update));
  }
  made.panel.lines.forEach((line, i) => {
    const j = update === null ? line.x.length - 1 : nearest(line, update);
    const span = element("span", made.values);
    element("b", span, line.name).style.color = `var(--c${i % COLOURS})`;
    const course = line.course ? ` (median ${shown(line.course[j])})` : "";
    span.append(`${shown(line.y[j])}${course} at ${counted(line.x[j])}`);
    const dot = made.dots[i];
    dot.setAttribute("visibility", update === null ? "hidden" : "visible");
    dot.setAttribute("cx", made.x.at(line.x[j]));
    dot.setAttribute("cy", made.y.at(line.y[j]));
    const outside = made.x.at(line.x[j]) < LEFT || made.x.at(line.x[j]) > (made.svg.clientWidth || 600) - RIGHT;
    if (outside) dot.setAttribute("visibility", "hidden");
  });
}

function listen(made) {
  const { svg } = made;
  let start = null, brush = null;
  const pixel = (event) => {
    const wide = svg.clientWidth || 600;
    return Math.min(Math.max(event.clientX - svg.getBoundingClientRect().left, LEFT), wide - RIGHT);
  };
  svg.onpointerdown = (event) => {
    if (event.button !== 0) return;
    start = pixel(event);
    brush = node("rect", { class: "brush", x: start, y: TOP, width: 0, height: HEIGHT - TOP - BOTTOM }, svg);
    svg.setPointerCapture(event.pointerId);
  };
  svg.onpointermove = (event) => {
    const at = pixel(event);
    for (const other of drawn) read(other, made.x.back(at));
    if (start === null) return;
    brush.setAttribute("x", Math.min(start, at));
    brush.setAttribute("width", Math.abs(at - start));
  };
  svg.onpointerup = (event) => {
    if (start === null) return;
    const [from, to] = [start, pixel(event)].sort((a, b) => a - b);
    start = null;
    brush.remove();
    if (to - from > 6) zoom([made.x.back(from), made.x.back(to)]);
  };
  svg.onpointercancel = () => {
    start = null;
    if (brush) brush.remove();
  };
  svg.onpointerleave = () => {
    if (start === null) for (const other of drawn) read(other, null);
  };
  svg.ondblclick = () => zoom(null);
}

const xlog = document.getElementById("xlog");
xlog.checked = view.xlog;
xlog.onchange = () => {
  view.xlog = xlog.checked;
  keep();
  drawn.forEach(draw);
};
document.getElementById("whole").onclick = () => zoom(null);

const events = [...data.spikes, ...data.plateaus].sort((a, b) => a.begin - b.begin);
if (events.length) {
  const section = document.getElementById("events");
  element("h2", section, `Spikes (${data.spikes.length}) and plateaus (${data.plateaus.length}): choose one to see it`);
  const list = element("ul", section);
  for (const one of events) {
    const button = element("button", element("li", list), one.words);
    button.type = "button";
    const around = Math.max(one.end - one.begin, (whole[1] - whole[0]) / 40);
    button.onclick = () => {
      zoom([one.begin - around, one.end + around]);
      document.getElementById("panels").scrollIntoView({ behavior: "smooth" });
    };
  }
}
drawn.forEach(draw);
new ResizeObserver(() => drawn.forEach(draw)).observe(document.getElementById("panels"));
