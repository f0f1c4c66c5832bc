import numpy as np

from inr import poisson


def test_the_repr_has_shapes_instead_of_pixels():
    residual, num_steps = np.array([1e-7, 0.5]), np.array([4, 9])
    solution = poisson.Solution(np.zeros((400, 500, 2)), residual, num_steps)
    expected = "value=[400, 500, 2], residual=[1.e-07 5.e-01], num_steps=[4 9]"
    assert repr(solution) == f"Solution({expected})"
