uniform vec2 unit;  // normalized coords per unit of the displayed derivatives

// Value, d/dy, d/dx and Laplacian of the normalized coords (y, x, 0, 0).
mat4 input_streams(vec2 x, int row) {
    return mat4(x, 0, 0, unit.x, 0, 0, 0, 0, unit.y, 0, 0, 0, 0, 0, 0);
}
