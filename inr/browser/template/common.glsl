// A network is evaluated layer by layer. The texture `lanes` holds the input of a layer:
// column i, row j and layer l are features 4 j to 4 j + 3 of lane l of group i. With
// STREAMS, a group is one point and its lanes are the value, d/dy, d/dx and the
// Laplacian. Otherwise the lanes are the values at four neighboring points. Either way a
// block of weights is read once for four products.
uniform sampler2D weights;
uniform sampler2DArray lanes;

vec4 weight(int i) {
    return texelFetch(weights, ivec2(i & 2047, i >> 11), 0);
}

vec4 lane(int group, int row, int l) {
    return texelFetch(lanes, ivec3(group, row, l), 0);
}
