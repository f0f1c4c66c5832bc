"""Images, sound and video in files.

Contract: an image in memory is a floating NumPy array `[h, w, c]`, sRGB-encoded, in
[0, 1]; c is 1 for gray, 2 for gray with opacity, 3 for RGB, 4 for RGBA, and opacity is
not multiplied into the colors. Sound is `[n, channels]` in [-1, 1], a video a stack of
images, `[t, h, w, c]`. Files stay on the host: nothing here touches a device
but the check of what is written.
"""

from inr.io.audio import read_audio as read_audio, write_audio as write_audio
from inr.io.reading import list_images as list_images, read_image as read_image
from inr.io.video import read_video as read_video, write_video as write_video
from inr.io.writing import write_image as write_image
