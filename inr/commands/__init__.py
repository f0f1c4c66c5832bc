"""The commands of the console and of the examples.

Contract: a command takes plain values and file names, shows progress, and prints a
short report. It writes its files where `output` says, and returns their paths. Without
an input file it uses a photograph from scikit-image, or a synthetic sound, clip,
surface or medium. `add_*` adds the options of a command to a parser, and `run_command`
parses them and calls the command.

`_outputs` holds names and formats of files, `_batches` inputs, `_options` shared
options, and `_console` what the command line adds: errors, `--quiet`, Ctrl-C.
"""

from inr.commands._console import Parser as Parser, run_command as run_command
from inr.commands._outputs import Outputs as Outputs
from inr.commands.cloning import (
    add_seamless_clone as add_seamless_clone,
    seamless_clone as seamless_clone,
)
from inr.commands.colorizing import add_colorize as add_colorize, colorize as colorize
from inr.commands.comparing import (
    add_compare_restorers as add_compare_restorers,
    compare_restorers as compare_restorers,
)
from inr.commands.compressing import (
    add_compress as add_compress,
    add_decompress as add_decompress,
    compress as compress,
    decompress as decompress,
)
from inr.commands.equations import (
    add_helmholtz as add_helmholtz,
    add_wave as add_wave,
    helmholtz as helmholtz,
    wave as wave,
)
from inr.commands.exporting import add_export as add_export, export as export
from inr.commands.fields import (
    add_fit as add_fit,
    add_render as add_render,
    fit as fit,
    render as render,
)
from inr.commands.inpainting import add_inpaint as add_inpaint, inpaint as inpaint
from inr.commands.media import (
    add_audio as add_audio,
    add_video as add_video,
    audio as audio,
    video as video,
)
from inr.commands.merging import add_merge as add_merge, merge as merge
from inr.commands.models import add_models as add_models, models as models
from inr.commands.referencing import (
    add_upscale_by_reference as add_upscale_by_reference,
    upscale_by_reference as upscale_by_reference,
)
from inr.commands.shapes import add_shape as add_shape, shape as shape
from inr.commands.upscaling import add_upscale as add_upscale, upscale as upscale
from inr.commands.viewing import add_view as add_view, view as view
