// One layer, psi(h W + b), or h W + b for the last. Block o of the output reads its bias
// and 4 x 4 blocks of W, which lie one after another.
uniform int first;    // first texel of the layer
uniform int inputs;   // blocks of h

layout(location = 0) out vec4 outputs[4];

void main() {
    int group = int(gl_FragCoord.x);
    int i = first + int(gl_FragCoord.y) * (4 * inputs + 1);
    vec4 a = weight(i++);
#ifdef STREAMS
    vec4 b = vec4(0.0), c = vec4(0.0), d = vec4(0.0);
#else
    vec4 b = a, c = a, d = a;
#endif
    for (int j = 0; j < inputs; j++, i += 4) {
        mat4 w = mat4(weight(i), weight(i + 1), weight(i + 2), weight(i + 3));
        a += w * lane(group, j, 0);
        b += w * lane(group, j, 1);
        c += w * lane(group, j, 2);
        d += w * lane(group, j, 3);
    }
#if defined(LAST)
    outputs[0] = a;
    outputs[1] = b;
    outputs[2] = c;
    outputs[3] = d;
#elif defined(STREAMS)
    vec4 slope = psi_slope(a);
    outputs[0] = psi(a);
    outputs[1] = slope * b;
    outputs[2] = slope * c;
    outputs[3] = slope * d + psi_curvature(a) * (b * b + c * c);
#else
    outputs[0] = psi(a);
    outputs[1] = psi(b);
    outputs[2] = psi(c);
    outputs[3] = psi(d);
#endif
}
