// Interpolation of a feature map by cubics, as in `inr.coords.sample_grid`. Python
// defines FIRST, the first texel, and MAP_SIZE: rows, columns, and texels in a cell.
uniform vec2 unit;  // normalized coords per unit of the displayed derivatives

vec4 cubic_slopes(float t) {
    return vec4(
        (-1.5 * t + 2.0) * t - 0.5,
        (4.5 * t - 5.0) * t,
        (-4.5 * t + 4.0) * t + 0.5,
        (1.5 * t - 1.0) * t);
}

vec4 cubic_curvatures(float t) {
    return vec4(2.0 - 3.0 * t, 9.0 * t - 5.0, 4.0 - 9.0 * t, 3.0 * t - 1.0);
}

vec4 cell_features(ivec2 cell, int row) {
    ivec2 i = clamp(cell, ivec2(0), MAP_SIZE.xy - 1);
    return weight(FIRST + (i.x * MAP_SIZE.y + i.y) * MAP_SIZE.z + row);
}

// Value, d/dy, d/dx and Laplacian of the features of a texel.
mat4 input_streams(vec2 x, int row) {
    vec2 size = vec2(MAP_SIZE.xy), position = (x + 1.0) * size / 2.0 - 0.5;
    vec2 base = floor(position), t = position - base;
    vec2 rate = unit * size / 2.0;  // of t, per unit of the derivatives
    vec4 weights_y = cubic_weights(t.x), weights_x = cubic_weights(t.y);
    vec4 slopes_y = cubic_slopes(t.x) * rate.x, slopes_x = cubic_slopes(t.y) * rate.y;
    vec4 curvatures_y = cubic_curvatures(t.x) * rate.x * rate.x;
    vec4 curvatures_x = cubic_curvatures(t.y) * rate.y * rate.y;
    mat4 streams = mat4(0.0);
    for (int i = 0; i < 4; i++) {
        vec4 value = vec4(0.0), slope = vec4(0.0), curvature = vec4(0.0);
        for (int j = 0; j < 4; j++) {
            vec4 features = cell_features(ivec2(base) + ivec2(i, j) - 1, row);
            value += weights_x[j] * features;
            slope += slopes_x[j] * features;
            curvature += curvatures_x[j] * features;
        }
        streams[0] += weights_y[i] * value;
        streams[1] += slopes_y[i] * value;
        streams[2] += weights_y[i] * slope;
        streams[3] += curvatures_y[i] * value + weights_y[i] * curvature;
    }
    return streams;
}
