// Evaluation of the network on the GPU, one tile of samples and one layer at a time.

const WEIGHTS_WIDTH = 2048;
const LANES = 4;
// Points along each side of a tile, so that a tile has at most 1024 groups.
const TILE = { value: 64, streams: 32 };
const MAX_GROUPS = 1024;
const VERTICES = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

class Evaluator {
  constructor(gl, data, weights) {
    this.gl = gl;
    this.data = data;
    this.programs = {};
    this.weights = floatTexture(gl, WEIGHTS_WIDTH, texelRows(weights), weights);
    const rows = Math.max(...data.layers.flatMap(({ inputs, outputs }) => [inputs, outputs]));
    this.lanes = [this.laneTarget(rows), this.laneTarget(rows)];
    // Multiplications for one group, to estimate how many fit into a frame.
    this.groupCost = data.layers.reduce((sum, { inputs, outputs }) => sum + 64 * inputs * outputs, 0);
  }

  laneTarget(rows) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA32F, MAX_GROUPS, rows, LANES);
    setNearest(gl, gl.TEXTURE_2D_ARRAY);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    const attachments = [];
    for (let lane = 0; lane < LANES; lane++) {
      const attachment = gl.COLOR_ATTACHMENT0 + lane;
      gl.framebufferTextureLayer(gl.FRAMEBUFFER, attachment, texture, 0, lane);
      attachments.push(attachment);
    }
    gl.drawBuffers(attachments);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) {
      throw new Error("The graphics driver cannot render to float textures.");
    }
    return { texture, framebuffer };
  }

  // The program of a pass, compiled when it is first used.
  program(kind, name) {
    const key = `${kind}-${name}`;
    this.programs[key] ??= buildProgram(this.gl, this.data.shaders[kind][name]);
    return this.programs[key];
  }

  // Draws one pass: uniforms by name, into the viewport (x, y, width, height).
  draw(kind, name, uniforms, framebuffer, viewport) {
    const { gl } = this;
    const { program, locations } = this.program(kind, name);
    gl.useProgram(program);
    for (const [uniform, [setter, ...values]] of Object.entries(uniforms)) {
      gl[setter](locations[uniform] ?? null, ...values);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.viewport(...viewport);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // Evaluates rows x columns samples of `block` x `block` pixels from the pixel (x, y).
  evaluate(grid, { x, y, columns, rows, block }) {
    const { gl, data, lanes } = this;
    const { kind } = grid;
    const groups = Math.ceil((rows * columns) / (kind === "value" ? LANES : 1));
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.weights);
    gl.activeTexture(gl.TEXTURE1);
    // Neither is the texture of the first target.
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, lanes[1].texture);
    const samplers = { weights: ["uniform1i", 0], lanes: ["uniform1i", 1] };
    this.draw(kind, "input", {
      ...samplers,
      center: ["uniform2f", ...grid.center],
      pitch: ["uniform2f", ...grid.pitch],
      origin: ["uniform2f", y - grid.height / 2, x - grid.width / 2],
      unit: ["uniform2f", ...data.unit.map((u, axis) => u * data.coordsScale[axis])],
      block: ["uniform1f", block],
      columns: ["uniform1i", columns],
    }, lanes[0].framebuffer, [0, 0, groups, data.layers[0].inputs]);
    data.layers.forEach(({ first, inputs, outputs }, i) => {
      const last = i === data.layers.length - 1;
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, lanes[i % 2].texture);
      this.draw(kind, last ? "last" : "hidden", {
        ...samplers,
        first: ["uniform1i", first],
        inputs: ["uniform1i", inputs],
      }, lanes[(i + 1) % 2].framebuffer, [0, 0, groups, outputs]);
    });
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, lanes[data.layers.length % 2].texture);
    this.draw(kind, "result", {
      ...samplers,
      corner: ["uniform2i", x, y],
      block: ["uniform1i", block],
      columns: ["uniform1i", columns],
      features: ["uniform1i", data.features],
    }, grid.target.framebuffer, [x, y, columns * block, rows * block]);
    return groups;
  }
}

// The samples of a picture, evaluated in coarse blocks first and then in finer ones,
// each time from the center outwards.
class Grid {
  constructor(evaluator, kind, target, view, budget) {
    const { coordsScale, coordsShift } = evaluator.data;
    this.evaluator = evaluator;
    this.kind = kind;
    this.target = target;
    this.width = target.width;
    this.height = target.height;
    const size = [target.height, target.width];
    // In double precision, normalized as the field does.
    this.center = view.center.map((c, axis) => coordsScale[axis] * (2 * c - 1) + coordsShift[axis]);
    this.pitch = size.map((n, axis) => (coordsScale[axis] * 2) / (n * view.zoom));
    this.block = 1;
    while (this.block < 16 && this.groupsAt(this.block) > budget) this.block *= 4;
    this.startLevel();
  }

  groupsAt(block) {
    return Math.ceil((this.width * this.height) / (block * block * (this.kind === "value" ? LANES : 1)));
  }

  startLevel() {
    const side = TILE[this.kind];
    const columns = Math.ceil(this.width / this.block);
    const rows = Math.ceil(this.height / this.block);
    this.tiles = [];
    for (let y = 0; y < rows; y += side) {
      for (let x = 0; x < columns; x += side) {
        const tile = { x, y, columns: Math.min(side, columns - x), rows: Math.min(side, rows - y) };
        tile.distance = Math.hypot(x + tile.columns / 2 - columns / 2, y + tile.rows / 2 - rows / 2);
        this.tiles.push(tile);
      }
    }
    this.tiles.sort((a, b) => a.distance - b.distance);
    this.count = this.tiles.length;
    this.row = 0;
  }

  get complete() {
    return this.tiles.length === 0;
  }

  get progress() {
    return this.block > 1 ? 0 : 1 - this.tiles.length / this.count;
  }

  // Evaluates tiles, or rows of one, until about `budget` groups are submitted.
  advance(budget) {
    let remaining = budget;
    while (remaining > 0 && !this.complete) {
      const { x, y, columns, rows } = this.tiles[0];
      const perRow = columns / (this.kind === "value" ? LANES : 1);
      const count = Math.min(Math.max(Math.floor(remaining / perRow), 1), rows - this.row);
      remaining -= this.evaluator.evaluate(this, {
        x: x * this.block, y: (y + this.row) * this.block, columns, rows: count, block: this.block,
      });
      this.row += count;
      if (this.row < rows) continue;
      this.row = 0;
      this.tiles.shift();
      if (this.complete && this.block > 1) {
        this.block /= 4;
        this.startLevel();
      }
    }
    return budget - remaining;
  }
}

function setNearest(gl, kind) {
  gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
}

function texelRows(numbers) {
  return Math.ceil(numbers.length / (4 * WEIGHTS_WIDTH));
}

function floatTexture(gl, width, height, numbers = null) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, width, height);
  setNearest(gl, gl.TEXTURE_2D);
  if (numbers) {
    const padded = new Float32Array(4 * width * height);
    padded.set(numbers);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, padded);
  }
  return texture;
}

// A float picture that is rendered to.
function pictureTarget(gl, width, height) {
  const texture = floatTexture(gl, width, height);
  const framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  gl.clearBufferfv(gl.COLOR, 0, [0, 0, 0, 0]);
  return { texture, framebuffer, width, height };
}

function buildProgram(gl, fragments) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTICES], [gl.FRAGMENT_SHADER, fragments]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    const logs = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`A shader does not compile: ${logs.join(" ")} ${gl.getProgramInfoLog(program)}`);
  }
  const locations = {};
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
  for (let i = 0; i < count; i++) {
    const { name } = gl.getActiveUniform(program, i);
    locations[name] = gl.getUniformLocation(program, name);
  }
  return { program, locations };
}
