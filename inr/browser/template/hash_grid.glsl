// The encoding of `inr.fields.hash_grid`. Python defines LEVELS, FEATURES_PER_LEVEL and
// GRIDS: the cells along each axis, the rows and the first number of each table.
uniform vec2 unit;  // normalized coords per unit of the displayed derivatives

float table_entry(int i) {
    return weight(i >> 2)[i & 3];
}

int table_row(ivec2 vertex, ivec3 grid) {
    int n = grid.x + 1;
    // Without the first test, n * n might overflow.
    if (n <= 4096 && n * n <= grid.y) return vertex.x * n + vertex.y;
    uint bits = uint(vertex.x) ^ (uint(vertex.y) * 2654435761u);
    return int(bits & uint(grid.y - 1));
}

// Value, d/dy, d/dx and Laplacian of one feature of one level.
vec4 feature_streams(vec2 x, ivec3 grid, int feature) {
    float n = float(grid.x);
    vec2 inside = vec2(lessThan(abs(x), vec2(1.0)));
    vec2 position = clamp((x + 1.0) / 2.0, 0.0, 1.0) * n;
    vec2 cell = clamp(floor(position), 0.0, n - 1.0);
    vec2 t = position - cell;
    vec2 rate = inside * unit * (n / 2.0);  // of t, per unit of the derivatives
#ifdef SMOOTH
    vec2 share = t * t * (3.0 - 2.0 * t);
    vec2 slope = 6.0 * t * (1.0 - t) * rate;
    vec2 curvature = (6.0 - 12.0 * t) * rate * rate;
#else
    vec2 share = t, slope = rate, curvature = vec2(0.0);
#endif
    vec4 corner;
    for (int i = 0; i < 4; i++) {
        int row = table_row(ivec2(cell) + ivec2(i >> 1, i & 1), grid);
        corner[i] = table_entry(grid.z + row * FEATURES_PER_LEVEL + feature);
    }
    vec2 along_x = mix(corner.xz, corner.yw, share.y);
    float change_y = along_x.y - along_x.x;
    float change_x = mix(corner.y - corner.x, corner.w - corner.z, share.x);
    return vec4(
        mix(along_x.x, along_x.y, share.x),
        change_y * slope.x,
        change_x * slope.y,
        change_y * curvature.x + change_x * curvature.y);
}

mat4 input_streams(vec2 x, int row) {
    mat4 features = mat4(0.0);  // one row for each stream, transposed below
    for (int i = 0; i < 4; i++) {
        int feature = 4 * row + i, level = feature / FEATURES_PER_LEVEL;
        if (level < LEVELS) {
            features[i] =
                feature_streams(x, GRIDS[level], feature % FEATURES_PER_LEVEL);
        }
    }
    return transpose(features);
}
