"""A field at any size, region and scale, in tiles under a memory budget.

All tiles have the same number of points and only their first index as an argument, so
one compiled program serves images of any size. The result equals an untiled evaluation
to float tolerance.
"""

from inr.rendering.budget import least_bytes as least_bytes
from inr.rendering.preview import preview as preview, preview_size as preview_size
from inr.rendering.verb import render as render
