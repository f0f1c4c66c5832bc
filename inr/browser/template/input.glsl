// The input of the first layer at the points of a tile.
uniform vec2 center;   // (y, x), normalized coords at the center of the picture
uniform vec2 pitch;    // normalized coords per pixel
uniform vec2 origin;   // first pixel of the tile, relative to the center
uniform float block;   // pixels along each side of a sample
uniform int columns;   // samples in a row of the tile

layout(location = 0) out vec4 outputs[4];

vec2 coords_of(int index) {
    vec2 position = vec2(index / columns, index % columns) + 0.5;
    return center + (origin + position * block) * pitch;
}

void main() {
    int group = int(gl_FragCoord.x), row = int(gl_FragCoord.y);
#ifdef STREAMS
    mat4 streams = input_streams(coords_of(group), row);
    outputs[0] = streams[0];
    outputs[1] = streams[1];
    outputs[2] = streams[2];
    outputs[3] = streams[3];
#else
    outputs[0] = input_streams(coords_of(4 * group), row)[0];
    outputs[1] = input_streams(coords_of(4 * group + 1), row)[0];
    outputs[2] = input_streams(coords_of(4 * group + 2), row)[0];
    outputs[3] = input_streams(coords_of(4 * group + 3), row)[0];
#endif
}
