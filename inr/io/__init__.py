"""Image, sound and video files.

Contract: an image is a floating NumPy array `[h, w, c]`, sRGB-encoded, in [0, 1]; c is
1 for gray, 2 for gray with opacity, 3 for RGB, 4 for RGBA, and colors are not
multiplied by opacity. Sound is `[n, channels]` in [-1, 1], video `[t, h, w, c]`. Data
stay on the host. Readers limit the memory that a file can claim, and writers replace a
file only when the new one is complete.

Files are read and written by imageio, with Pillow, tifffile and PyAV behind it, and
sound by soundfile. Private modules hold what these lack, each with its reason.
"""

from inr.io.audio import read_audio as read_audio, write_audio as write_audio
from inr.io.metadata import (
    ImageMetadata as ImageMetadata,
    read_image_metadata as read_image_metadata,
)
from inr.io.reading import list_images as list_images, read_image as read_image
from inr.io.video import read_video as read_video, write_video as write_video
from inr.io.writing import write_image as write_image
