"""The commands of the console and of the examples.

Contract: a command takes plain values and file names, shows progress, and prints a
short report. It writes its files into a folder, and returns their paths. Without an
input file it uses a photograph from scikit-image, or a synthetic sound, clip, surface
or medium.

`add_*` and `run_command` are the command line of the console and of the examples.
"""

from inr.commands._options import (
    add_max_side as add_max_side,
    add_output as add_output,
    add_region as add_region,
    add_size as add_size,
    add_training as add_training,
    run_command as run_command,
)
from inr.commands.colorizing import colorize as colorize
from inr.commands.comparing import compare_restorers as compare_restorers
from inr.commands.equations import helmholtz as helmholtz, wave as wave
from inr.commands.exporting import export as export
from inr.commands.fields import (
    FAMILIES as FAMILIES,
    fit as fit,
    render as render,
)
from inr.commands.inpainting import inpaint as inpaint
from inr.commands.media import audio as audio, video as video
from inr.commands.merging import (
    CLONE_MODES as CLONE_MODES,
    MERGE_MODES as MERGE_MODES,
    merge as merge,
)
from inr.commands.referencing import reference_upscale as reference_upscale
from inr.commands.shapes import shape as shape
from inr.commands.upscaling import (
    UPSCALE_METHODS as UPSCALE_METHODS,
    upscale as upscale,
)
from inr.commands.viewing import view as view
