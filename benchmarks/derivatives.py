"""Value, gradient and Laplacian: operations and time beside other routes.

    python benchmarks/derivatives.py [flops] [time]

4096 points, width 256, four hidden layers. Operations are what XLA counts in the
compiled program, relative to one value pass of the same field.
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


def bound(model) -> inr.BoundField:
    return inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2))))


def points() -> jax.Array:
    return inr.coords.random_points(jax.random.key(1), 4096)


def by_hessian(field, coords):
    """Value, Jacobian and the trace of the Hessian, point by point."""

    def one(p):
        hessian = jax.hessian(field)(p)
        return field(p), jax.jacobian(field)(p), jnp.trace(hessian, axis1=-2, axis2=-1)

    return jax.vmap(one)(coords)


def by_reverse(field, coords):
    """Laplacian by forward over reverse, a feature at a time."""

    def one(p):
        def diagonal(k):
            slope = jax.grad(lambda p: field(p)[k])
            axes = jnp.eye(p.shape[0])
            return sum(jax.jvp(slope, (p,), (e,))[1][i] for i, e in enumerate(axes))

        return jnp.stack([diagonal(k) for k in range(field.model.features)])

    return jax.vmap(one)(coords)


def squared(laplacian):
    """Gradient in the parameters of the mean square of a Laplacian."""
    return jax.grad(lambda field, coords: jnp.mean(laplacian(field, coords) ** 2))


def counted(function, *arguments) -> float:
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


def flops() -> dict:
    """Relative to a value pass."""
    # XLA counts a loop's body once: no more points than are taken at a time.
    row, coords = {}, points()[:2048]
    for name, family in FAMILIES.items():
        for features in (1, 3):
            field = bound(family.clone(features=features))
            value = counted(lambda f, c: f(c), field, coords)
            routes = {
                "all": inr.value_gradient_laplacian,
                "all_by_hessian": by_hessian,
                "loss": squared(inr.laplacian),
                "loss_by_reverse": squared(by_reverse),
            }
            for route, function in routes.items():
                ratio = counted(function, field, coords) / value
                row[f"{name}_{features}_{route}"] = ratio
    return row


def time() -> dict:
    """Milliseconds of all three for a SIREN, beside the Hessian and PyTorch."""
    import _torch_siren as peer
    import torch

    row, coords = {}, points()
    for features in (1, 3):
        field = bound(FAMILIES["siren"].clone(features=features))
        net = peer.Siren(features=features, width=256, depth=4)
        start = torch.tensor(jax.device_get(coords))

        def double_backward(net=net, start=start, features=features):
            x = start.clone().requires_grad_()
            y = net(x)
            for k in range(features):
                (g,) = torch.autograd.grad(y[:, k].sum(), x, create_graph=True)
                for i in range(2):
                    torch.autograd.grad(g[:, i].sum(), x, retain_graph=True)

        ours = jax.jit(inr.value_gradient_laplacian)
        hessian = jax.jit(by_hessian)
        functions = {
            "inr": lambda f=field, g=ours: jax.block_until_ready(g(f, coords)),
            "hessian": lambda f=field, g=hessian: jax.block_until_ready(g(f, coords)),
            "torch": double_backward,
        }
        seconds = _common.paired(functions, repeats=9)
        row[f"inr_{features}_ms"] = 1e3 * seconds["inr"]
        for name in ("hessian", "torch"):
            row[f"{name}_{features}_over_inr"] = seconds[name] / seconds["inr"]
    return row


PARTS = {"flops": flops, "time": time}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("derivatives", {part: PARTS[part]()})
