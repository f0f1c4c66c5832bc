"""Images in files.

Contract: an image in memory is a floating NumPy array `[h, w, c]`, sRGB-encoded, in
[0, 1]; c is 1 for gray, 2 for gray with opacity, 3 for RGB, 4 for RGBA, and opacity is
not multiplied into the colours. Files stay on the host: nothing here touches a device
but the check of what is written.
"""

from inr.io.reading import list_images as list_images, read_image as read_image
from inr.io.writing import write_image as write_image
