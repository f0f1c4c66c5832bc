// Keys' kernel with a = -1/2, at distances 1 + t, t, 1 - t and 2 - t.
vec4 cubic_weights(float t) {
    return vec4(
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t);
}
