// Writes the features of a tile, or their derivatives, to the picture.
uniform ivec2 corner;   // (x, y) of the tile's first pixel
uniform int block;      // pixels along each side of a sample
uniform int columns;    // samples in a row of the tile
uniform int features;

out vec4 result;

void main() {
    ivec2 position = (ivec2(gl_FragCoord.xy) - corner) / block;
    int index = position.y * columns + position.x;
#ifdef STREAMS
    // Features beyond the field's own are zero.
    vec4 dy = lane(index, 0, 1), dx = lane(index, 0, 2), laplacian = lane(index, 0, 3);
    float magnitude = sqrt(dot(dy, dy) + dot(dx, dx));
    result = vec4(magnitude, dot(laplacian, vec4(1.0)) / float(features), 0.0, 1.0);
#else
    vec3 value = lane(index >> 2, 0, index & 3).rgb;
    result = vec4(features == 1 ? value.rrr : value, 1.0);
#endif
}
