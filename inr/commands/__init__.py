"""What the console command and the examples do.

Contract: a command takes plain values, shows progress, prints a short report and writes
its files into a folder, whose paths it returns. Without an image it takes a photograph
that comes with scikit-image, without a mesh a knot, without a sound, a clip or a medium
one that it makes.
"""

from inr.commands.colorizing import colorize as colorize
from inr.commands.comparing import compare_restorers as compare_restorers
from inr.commands.equations import helmholtz as helmholtz, wave as wave
from inr.commands.exporting import export as export
from inr.commands.fields import fit as fit
from inr.commands.inpainting import inpaint as inpaint
from inr.commands.media import audio as audio, video as video
from inr.commands.merging import merge as merge
from inr.commands.referencing import reference_upscale as reference_upscale
from inr.commands.shapes import shape as shape
from inr.commands.upscaling import upscale as upscale
