"""The exact solutions, against quadrature and finite differences."""

import numpy as np
import pytest
from scipy import integrate, special

from inr.commands import _solutions


def test_a_pulse_spreads_as_in_open_space_until_it_meets_the_edge():
    """Against the Hankel transform of a Gaussian, by quadrature."""
    points = _solutions.inner_points(63)
    width, time = 0.12, 0.35
    distance = np.linalg.norm(points, axis=-1)
    initial = np.exp(-((distance / width) ** 2) / 2)
    solution = _solutions.standing_waves(initial, time)
    for i, j in ((31, 31), (20, 35), (31, 44)):

        def integrand(k, r=distance[i, j]):
            gaussian = width**2 * np.exp(-((k * width) ** 2) / 2)
            return gaussian * np.cos(k * time) * special.j0(k * r) * k

        exact, _ = integrate.quad(integrand, 0, 12 / width, limit=200)
        assert solution[i, j] == pytest.approx(exact, abs=2e-5)


def test_the_field_of_a_source_satisfies_the_helmholtz_equation():
    """By finite differences, away from the source."""
    k, n = 6.0, 200
    u, is_exact = _solutions.point_source(k, (0.2, -0.3), (n, n))
    neighbors = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
    laplacian = (neighbors - 4 * u[1:-1, 1:-1]) * (n / 2) ** 2
    residual = (laplacian + k**2 * u[1:-1, 1:-1])[is_exact[1:-1, 1:-1]]
    assert np.abs(residual).max() < 1e-3 * k**2 * np.abs(u[is_exact]).max()
    assert is_exact.mean() > 0.5
