// The view: what is displayed, how the user changes it, and the loop of frames.

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const MAX_ZOOM = 1000;
const MODES = ["value", "gradient", "laplacian"];
// Samples along each axis at which derivatives are measured, to choose their contrast.
const PROBE_SIDE = 32;
// Larger pictures of samples would need too much memory.
const canSample = data.size !== null && (data.reference !== null || Math.max(...data.size) <= 2048);
const COMPARISONS = [
  "none",
  ...(data.reference === null ? [] : ["reference"]),
  ...(canSample ? ["bicubic"] : []),
];

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

// center: (y, x) as fractions of the image; split: part of the width with the comparison.
const HOME = { zoom: 1, center: [0.5, 0.5], mode: "value", compare: "none", split: 0.5 };
const view = { ...HOME };

let gl, evaluator, picture, samples, probe;
let peaks = { value: 1, gradient: 1, laplacian: 1 };  // displayed as white
let grids = [];      // pictures to evaluate, in this order
let fences = [];     // signaled when the GPU has finished the work of recent frames
let freeSince = 0;   // time from which the GPU had nothing else to do
let budget = 0;      // groups to evaluate in a frame
let scheduled = false;
let stale = true;    // the canvas shows another view
let drawn = 0;       // time at which it was drawn
let interval = 0;    // milliseconds until it shows more progress

function fail(message) {
  element("viewer").hidden = true;
  element("message").hidden = false;
  element("message").textContent = message;
}

function start() {
  gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
  if (!gl) {
    fail("This page needs WebGL 2, which this browser does not offer. Use a current browser, and allow hardware acceleration.");
    return;
  }
  if (!gl.getExtension("EXT_color_buffer_float")) {
    fail("This page needs float textures that can be rendered to (EXT_color_buffer_float), which this graphics driver does not offer. Try another browser or device.");
    return;
  }
  [canvas.height, canvas.width] = data.canvas;
  document.body.style.setProperty("--width", `${canvas.width}px`);
  const bytes = Uint8Array.from(atob(element("weights").textContent), (c) => c.charCodeAt(0));
  evaluator = new Evaluator(gl, data, new Float32Array(bytes.buffer));
  picture = pictureTarget(gl, canvas.width, canvas.height);
  // About 30 million multiplications in the first frame.
  budget = 3e7 / evaluator.groupCost;
  element("message").hidden = true;
  element("viewer").hidden = false;
  element("comparisons").hidden = COMPARISONS.length === 1;
  for (const button of document.querySelectorAll("[data-compare]")) {
    button.hidden = !COMPARISONS.includes(button.dataset.compare);
  }
  if (!data.hasLaplacian) {
    const button = element("modes").lastElementChild;
    button.disabled = true;
    button.title = "The second derivatives of a hash grid with linear interpolation are zero almost everywhere.";
  }
  listen();
  readAddress();
}

// --- The view ---

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const zoom = Number(parts.get("zoom")), split = Number(parts.get("split") ?? HOME.split);
  const center = (parts.get("center") ?? "").split(",").map(Number);
  const mode = parts.get("mode"), compare = parts.get("compare");
  Object.assign(view, {
    zoom: zoom > 0 ? zoom : HOME.zoom,
    center: center.length === 2 && center.every(Number.isFinite) ? center : [...HOME.center],
    mode: MODES.includes(mode) && (mode !== "laplacian" || data.hasLaplacian) ? mode : HOME.mode,
    compare: COMPARISONS.includes(compare) ? compare : HOME.compare,
    split: Number.isFinite(split) ? clamp(split, 0, 1) : HOME.split,
  });
  restart();
}

function writeAddress() {
  const parts = [];
  if (view.zoom > 1) {
    parts.push(`zoom=${+view.zoom.toPrecision(6)}`, `center=${view.center.map((c) => +c.toFixed(7))}`);
  }
  if (view.mode !== HOME.mode) parts.push(`mode=${view.mode}`);
  if (view.compare !== HOME.compare) {
    parts.push(`compare=${view.compare}`, `split=${+view.split.toFixed(3)}`);
  }
  try {
    history.replaceState(null, "", `#${parts.join("&")}`);
  } catch {
    // Embedded pages may not change their address.
  }
}

// Evaluates the picture again.
function restart() {
  view.zoom = clamp(view.zoom, 1, MAX_ZOOM);
  const margin = 0.5 / view.zoom;
  view.center = view.center.map((c) => clamp(c, margin, 1 - margin));
  grids = grids.filter((grid) => grid.target !== picture);
  grids.push(new Grid(evaluator, view.mode === "value" ? "value" : "streams", picture, view, budget));
  refresh();
}

// Draws again, with the same picture.
function refresh() {
  if (view.compare !== "none") loadSamples();
  if (view.mode !== "value") loadProbe();
  stale = true;
  updateControls();
  schedule();
}

// Zooms by a factor, and moves what is at `from` on the canvas to `to`, both (y, x) as
// fractions.
function transform(factor, from, to) {
  const zoom = clamp(view.zoom * factor, 1, MAX_ZOOM);
  view.center = view.center.map((c, axis) => c + (from[axis] - 0.5) / view.zoom - (to[axis] - 0.5) / zoom);
  view.zoom = zoom;
  restart();
}

const MIDDLE = [0.5, 0.5];
const zoomAt = (factor, point) => transform(factor, point, point);
const move = (dy, dx) => transform(1, [0.5 + dy, 0.5 + dx], MIDDLE);

function reset() {
  Object.assign(view, { zoom: HOME.zoom, center: [...HOME.center] });
  restart();
}

function setMode(mode) {
  const sameKind = (mode === "value") === (view.mode === "value");
  view.mode = mode;
  if (sameKind) refresh();
  else restart();
}

function updateControls() {
  const comparable = view.mode === "value";
  const compared = comparable && view.compare !== "none";
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", button.dataset.mode === view.mode);
  }
  for (const button of document.querySelectorAll("[data-compare]")) {
    button.setAttribute("aria-pressed", comparable && button.dataset.compare === view.compare);
    button.disabled = !comparable;
    button.title = comparable ? "" : "Values can be compared, derivatives cannot.";
  }
  element("zoom").textContent = `${view.zoom < 10 ? +view.zoom.toFixed(2) : +view.zoom.toPrecision(3)}×`;
  element("in").disabled = view.zoom >= MAX_ZOOM;
  element("out").disabled = view.zoom <= 1;
  element("slider").hidden = !compared;
  element("divider").hidden = !compared;
  element("divider").style.left = `${100 * view.split}%`;
  element("split").value = view.split;
  element("left").textContent = { reference: "Original", bicubic: data.reference ? "Bicubic of the original" : "Bicubic of the field's samples" }[view.compare] ?? "";
  updateLegend();
}

function updateLegend() {
  const peak = peaks[view.mode];
  const legend = element("legend");
  legend.replaceChildren();
  if (view.mode === "value") {
    legend.textContent = view.compare === "none" ? "Values, displayed as sRGB." : "Values, displayed as sRGB. The slider moves the boundary.";
  } else if (view.mode === "gradient") {
    legend.append("0", document.createElement("i"), `${peak} per ${data.unitName}, norm of the gradient`);
  } else {
    legend.append(`−${peak}`, document.createElement("i"), `${peak} per ${data.unitName}², Laplacian`);
  }
}

// --- The samples of the comparison ---

// Prepares them once: the reference, or the field at the centers of the pixels.
function loadSamples() {
  if (samples) return;
  const [height, width] = data.size;
  if (data.reference === null) {
    samples = pictureTarget(gl, width, height);
    grids.unshift(new Grid(evaluator, "value", samples, HOME, budget));
    return;
  }
  samples = { texture: floatTexture(gl, 1, 1) };
  const image = new Image();
  image.onload = () => {
    samples.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, samples.texture);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
    setNearest(gl, gl.TEXTURE_2D);
    samples.ready = true;
    refresh();
  };
  image.src = data.reference;
}

// --- The contrast of derivatives ---

// Evaluates derivatives of the complete field once, at few points.
function loadProbe() {
  if (probe) return;
  probe = pictureTarget(gl, PROBE_SIDE, PROBE_SIDE);
  grids.unshift(new Grid(evaluator, "streams", probe, HOME, budget));
}

// White is the magnitude that 1% of the points exceed, to two digits.
function measurePeaks() {
  const values = new Float32Array(4 * PROBE_SIDE ** 2);
  gl.bindFramebuffer(gl.FRAMEBUFFER, probe.framebuffer);
  gl.readPixels(0, 0, PROBE_SIDE, PROBE_SIDE, gl.RGBA, gl.FLOAT, values);
  const peak = (channel) => {
    const sorted = values.filter((_, i) => i % 4 === channel).map(Math.abs).sort();
    return Number(sorted[Math.floor(0.99 * sorted.length)].toPrecision(2)) || 1;
  };
  peaks = { value: 1, gradient: peak(0), laplacian: peak(1) };
  updateLegend();
}

// --- Frames ---

function schedule() {
  canvas.setAttribute("aria-busy", "true");
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(frame);
}

function frame(now) {
  scheduled = false;
  if (gl.isContextLost()) return;
  collectFences(now);
  // A second frame's work waits, so that the GPU does not.
  if (grids.length && fences.length < 2) {
    if (fences.length === 0) freeSince = now;
    let remaining = budget;
    while (grids.length && remaining > 0) {
      remaining -= grids[0].advance(remaining);
      if (grids[0].complete && grids.shift().target === probe) measurePeaks();
    }
    fences.push(gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0));
  }
  // Drawing takes time too, so the progress of a slow refinement is drawn rarely.
  if (stale || grids.length === 0 || now - drawn > interval) {
    draw();
    interval = stale ? 50 : Math.min(1.5 * interval, 2000);
    drawn = now;
    stale = false;
  }
  if (grids.length || fences.length) {
    schedule();
    return;
  }
  if (view.compare === "none" || !data.reference || samples.ready) {
    canvas.setAttribute("aria-busy", "false");
    writeAddress();
  }
}

// Adapts the work of a frame to the time that the GPU takes: more would delay the
// response to the user.
function collectFences(now) {
  while (fences.length && gl.getSyncParameter(fences[0], gl.SYNC_STATUS) === gl.SIGNALED) {
    gl.deleteSync(fences.shift());
    const elapsed = now - freeSince;
    freeSince = now;
    if (elapsed < 25) budget = Math.min(budget * 1.5, 1e6);
    else if (elapsed > 60) budget = Math.max(budget / 1.5, 1);
  }
}

function draw() {
  element("progress").value = grids.length ? grids.at(-1).progress : 1;
  element("progress").classList.toggle("complete", grids.length === 0);
  const [height, width] = data.size ?? [1, 1];
  const compared = view.mode === "value" && view.compare !== "none";
  const start = view.center.map((c) => c - 0.5 / view.zoom);
  gl.activeTexture(gl.TEXTURE0);
  gl.bindTexture(gl.TEXTURE_2D, picture.texture);
  gl.activeTexture(gl.TEXTURE1);
  gl.bindTexture(gl.TEXTURE_2D, compared ? samples.texture : picture.texture);
  evaluator.draw("canvas", "display", {
    picture: ["uniform1i", 0],
    samples: ["uniform1i", 1],
    mode: ["uniform1i", MODES.indexOf(view.mode)],
    peak: ["uniform1f", peaks[view.mode]],
    canvas_height: ["uniform1i", canvas.height],
    split: ["uniform1f", compared ? view.split * canvas.width : 0],
    bicubic: ["uniform1i", view.compare === "bicubic" ? 1 : 0],
    sample_size: ["uniform2i", width, height],
    sample_start: ["uniform2f", start[1] * width, start[0] * height],
    sample_pitch: ["uniform2f", width / (view.zoom * canvas.width), height / (view.zoom * canvas.height)],
  }, null, [0, 0, canvas.width, canvas.height]);
}

// --- The user ---

function listen() {
  const pointers = new Map();
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
  };
  const middle = (points) => [0, 1].map((axis) => points.reduce((sum, p) => sum + p[axis], 0) / points.length);
  const spread = ([a, b]) => Math.hypot((a[0] - b[0]) * canvas.height, (a[1] - b[1]) * canvas.width);

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button === 0) pointers.set(event.pointerId, place(event));
    canvas.classList.add("moving");
  });
  window.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, place(event));
    const after = [...pointers.values()];
    const pinch = after.length === 2 && spread(before) > 0;
    transform(pinch ? spread(after) / spread(before) : 1, middle(before), middle(after));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    window.addEventListener(kind, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) canvas.classList.remove("moving");
    });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    // Some browsers count lines or pages instead of pixels.
    const pixels = event.deltaY * [1, 20, 400][event.deltaMode];
    // A pinch on a trackpad is a wheel event with the key Ctrl, and of small numbers.
    zoomAt(2 ** (-pixels / (event.ctrlKey ? 50 : 200)), place(event));
  }, { passive: false });
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const actions = {
      ArrowUp: () => move(-0.1, 0),
      ArrowDown: () => move(0.1, 0),
      ArrowLeft: () => move(0, -0.1),
      ArrowRight: () => move(0, 0.1),
      "+": () => zoomAt(Math.SQRT2, MIDDLE),
      "=": () => zoomAt(Math.SQRT2, MIDDLE),
      "-": () => zoomAt(Math.SQRT1_2, MIDDLE),
      0: reset,
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
  element("in").addEventListener("click", () => zoomAt(2, MIDDLE));
  element("out").addEventListener("click", () => zoomAt(0.5, MIDDLE));
  element("reset").addEventListener("click", reset);
  element("modes").addEventListener("click", (event) => {
    if (event.target.dataset.mode) setMode(event.target.dataset.mode);
  });
  element("comparisons").addEventListener("click", (event) => {
    if (!event.target.dataset.compare) return;
    view.compare = event.target.dataset.compare;
    refresh();
  });
  element("split").addEventListener("input", (event) => {
    view.split = Number(event.target.value);
    refresh();
  });
  window.addEventListener("hashchange", readAddress);
  canvas.addEventListener("webglcontextlost", () => fail("The browser lost the graphics context. Reload the page."));
}

try {
  start();
} catch (error) {
  fail(error.message);
  throw error;
}
