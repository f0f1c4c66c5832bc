// Colors of the canvas: the field's picture, and left of `split` the samples.
uniform sampler2D picture;
uniform sampler2D samples;
uniform int mode;             // 0 value, 1 gradient magnitude, 2 Laplacian
uniform float peak;           // derivative that is displayed as white
uniform int canvas_height;
uniform float split;          // pixels from the left that show the samples
uniform bool bicubic;         // interpolate the samples
uniform ivec2 sample_size;    // (w, h)
uniform vec2 sample_start;    // (x, y), in samples, of the canvas's corner
uniform vec2 sample_pitch;    // samples per pixel

out vec4 color;

vec3 sample_at(ivec2 i) {
    return texelFetch(samples, clamp(i, ivec2(0), sample_size - 1), 0).rgb;
}

vec3 interpolated(vec2 position) {
    vec2 base = floor(position - 0.5), t = position - 0.5 - base;
    vec4 weights_x = cubic_weights(t.x), weights_y = cubic_weights(t.y);
    vec3 sum = vec3(0.0);
    for (int y = 0; y < 4; y++) {
        vec3 row = vec3(0.0);
        for (int x = 0; x < 4; x++) {
            row += weights_x[x] * sample_at(ivec2(base) + ivec2(x, y) - 1);
        }
        sum += weights_y[y] * row;
    }
    return sum;
}

void main() {
    // Rows are counted from the top.
    ivec2 p = ivec2(int(gl_FragCoord.x), canvas_height - 1 - int(gl_FragCoord.y));
    vec3 rgb;
    if (gl_FragCoord.x < split) {
        vec2 position = sample_start + (vec2(p) + 0.5) * sample_pitch;
        rgb = bicubic ? interpolated(position) : sample_at(ivec2(floor(position)));
    } else {
        rgb = texelFetch(picture, p, 0).rgb;
        if (mode == 1) rgb = vec3(rgb.r / peak);
        if (mode == 2) rgb = vec3(0.5 + 0.5 * rgb.g / peak);
    }
    color = vec4(clamp(rgb, 0.0, 1.0), 1.0);
}
