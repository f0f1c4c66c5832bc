// sin(x) and cos(x) as in `inr.fields.sine`, within 1e-7 for |x| up to 8192. The
// precision of a GPU's own functions is not specified: some have 11 bits. If a compiler
// joins the three subtractions, whose products are exact, the error is 4e-8 |x|.
void sine_and_cosine(vec4 x, out vec4 s, out vec4 c) {
    vec4 n = floor(x * 0.636619772 + 0.5);
    vec4 r = x - n * 1.5703125 - n * 4.8375129699707031e-4 - n * 7.5497899548918815e-8;
    r = clamp(r, -0.8, 0.8);
    vec4 u = r * r;
    vec4 p = -0.1666665065711947 + u * (0.00833197797686278 - u * 0.00019495548932654873);
    vec4 q = 0.041666646851361754
        + u * (-0.0013887366744260359 + u * 2.443835974980551e-05);
    vec4 sin_r = r + r * (u * p), cos_r = 1.0 + u * (u * q - 0.5);
    vec4 quadrant = n - 4.0 * floor(n / 4.0);
    bvec4 odd = equal(quadrant - 2.0 * floor(quadrant / 2.0), vec4(1.0));
    vec4 sign_s = 1.0 - 2.0 * step(2.0, quadrant);
    vec4 sign_c = 1.0 - 2.0 * step(1.0, quadrant) * step(quadrant, vec4(2.0));
    s = sign_s * mix(sin_r, cos_r, odd);
    c = sign_c * mix(cos_r, sin_r, odd);
}

vec4 sine(vec4 x) {
    vec4 s, c;
    sine_and_cosine(x, s, c);
    return s;
}

vec4 cosine(vec4 x) {
    vec4 s, c;
    sine_and_cosine(x, s, c);
    return c;
}

// For the expressions of activations.
#define sin sine
#define cos cosine
