"""A field of an image as one HTML file, which a browser evaluates with WebGL 2.

The page holds the network's parameters and evaluates it with them at every pixel of its
canvas, layer by layer. `template/` has the page, its script and its shaders.
"""

from inr.browser.page import to_html as to_html
