"""Value, gradient and Laplacian: operations and time of different methods.

    python benchmarks/derivatives.py [flops] [time]

The fields have width 256 and four hidden layers; the points are 4,096. Operations are
those that XLA counts in the compiled program, relative to an evaluation of the value.
`time` compares a SIREN with the Hessian in JAX, with double backward in PyTorch, which
`torch.compile` does not support, and with `torch.func`, compiled.
"""

import sys

import _common
import jax
import jax.numpy as jnp

import inr

FAMILIES = {
    "siren": inr.Siren(width=256, depth=4),
    "fourier_net": inr.FourierNet(width=256, depth=4),
    "gauss": inr.Gauss(width=256, depth=4),
}


def bind(model) -> inr.BoundField:
    return inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2))))


def points() -> jax.Array:
    return inr.coords.random_points(jax.random.key(1), 4096)


def by_hessian(field, coords):
    """Value, Jacobian and the trace of the Hessian, point by point."""

    def at_point(p):
        hessian = jax.hessian(field)(p)
        return field(p), jax.jacobian(field)(p), jnp.trace(hessian, axis1=-2, axis2=-1)

    return jax.vmap(at_point)(coords)


def by_reverse(field, coords):
    """Laplacian by forward over reverse differentiation, one feature after another."""

    def at_point(p):
        def diagonal(k):
            slope = jax.grad(lambda p: field(p)[k])
            axes = jnp.eye(p.shape[0])
            return sum(jax.jvp(slope, (p,), (e,))[1][i] for i, e in enumerate(axes))

        return jnp.stack([diagonal(k) for k in range(field.model.features)])

    return jax.vmap(at_point)(coords)


def loss_gradient(laplacian):
    """Gradient of the mean squared Laplacian with respect to the parameters."""
    return jax.grad(lambda field, coords: jnp.mean(laplacian(field, coords) ** 2))


def count_flops(function, *arguments) -> float:
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


def flops() -> dict:
    """Operations relative to an evaluation of the value."""
    # XLA counts the body of a loop once, so there must be a single block of points.
    row, coords = {}, points()[:2048]
    for name, family in FAMILIES.items():
        for features in (1, 3):
            field = bind(family.clone(features=features))
            value = count_flops(lambda f, c: f(c), field, coords)
            methods = {
                "all": inr.value_gradient_laplacian,
                "all_by_hessian": by_hessian,
                "loss": loss_gradient(inr.laplacian),
                "loss_by_reverse": loss_gradient(by_reverse),
            }
            for method, function in methods.items():
                ratio = count_flops(function, field, coords) / value
                row[f"{name}_{features}_{method}"] = ratio
    return row


def time() -> dict:
    """Milliseconds of all three derivatives of a SIREN, and ratios to other methods."""
    import _torch_siren as peer
    import torch

    row, coords = {}, points()
    for features in (1, 3):
        field = bind(FAMILIES["siren"].clone(features=features))
        net = peer.Siren(features=features, width=256, depth=4)
        start = torch.tensor(jax.device_get(coords))

        def double_backward(net=net, start=start, features=features):
            x = start.clone().requires_grad_()
            y = net(x)
            for k in range(features):
                (g,) = torch.autograd.grad(y[:, k].sum(), x, create_graph=True)
                for i in range(2):
                    torch.autograd.grad(g[:, i].sum(), x, retain_graph=True)

        @torch.compile
        def torch_hessian(x, net=net):
            def at_point(p):
                return net(p[None])[0]

            def derivatives(p):
                hessian = torch.func.jacrev(torch.func.jacrev(at_point))(p)
                laplacian = hessian.diagonal(dim1=-2, dim2=-1).sum(-1)
                return at_point(p), torch.func.jacrev(at_point)(p), laplacian

            return torch.func.vmap(derivatives)(x)

        def compiled(call=torch_hessian, start=start):
            with torch.no_grad():
                return call(start)

        streams = jax.jit(inr.value_gradient_laplacian)
        hessian = jax.jit(by_hessian)
        functions = {
            "inr": lambda f=field, g=streams: jax.block_until_ready(g(f, coords)),
            "hessian": lambda f=field, g=hessian: jax.block_until_ready(g(f, coords)),
            "torch_eager": double_backward,
            "torch_compiled": compiled,
        }
        seconds = _common.paired(functions, repeats=9)
        row[f"inr_{features}_ms"] = 1e3 * seconds["inr"]
        for name in ("hessian", "torch_eager", "torch_compiled"):
            row[f"{name}_{features}_over_inr"] = seconds[name] / seconds["inr"]
    return row


PARTS = {"flops": flops, "time": time}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("derivatives", {part: PARTS[part]()})
