"""Fit, upscale, colorize and merge images, and fit sound, video and surfaces."""

import sys
from collections.abc import Sequence

import jax

import inr
from inr import commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
      arguments: command-line arguments without the program's name; None for those of
        this process.

    Returns:
      The exit status: 0; 1 if some inputs of a batch failed; 2 after an error; 130
      after Ctrl-C.
    """
    parser = commands.Parser("inr", description=__doc__)
    version = f"inr {inr.__version__}, JAX {jax.__version__}"
    parser.add_argument("--version", action="version", version=version)
    subparsers = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for name, (add_options, summary) in COMMANDS.items():
        description = summary[0].upper() + summary[1:] + "."
        add_options(subparsers.add_parser(name, help=summary, description=description))
    return commands.run_command(parser, arguments)


COMMANDS = {
    "fit": (commands.add_fit, "fit a field to images, and save and render it"),
    "render": (commands.add_render, "render fields from files, at any size"),
    "view": (commands.add_view, "write fields as web pages that zoom into them"),
    "upscale": (commands.add_upscale, "enlarge images by any factor"),
    "upscale-by-reference": (
        commands.add_upscale_by_reference,
        "enlarge images with textures from other photographs",
    ),
    "colorize": (commands.add_colorize, "colorize gray images"),
    "inpaint": (commands.add_inpaint, "fill in missing pixels of images"),
    "seamless-clone": (
        commands.add_seamless_clone,
        "paste a part of an image into another without a seam",
    ),
    "merge": (commands.add_merge, "merge images of one view by their gradients"),
    "compress": (commands.add_compress, "compress images to small fields"),
    "decompress": (commands.add_decompress, "read compressed images, at any size"),
    "shape": (
        commands.add_shape,
        "fit a signed distance to surfaces, and extract meshes",
    ),
    "audio": (commands.add_audio, "fit a field to sounds"),
    "video": (commands.add_video, "fit a field to videos"),
    "helmholtz": (commands.add_helmholtz, "solve the Helmholtz equation"),
    "wave": (commands.add_wave, "solve the wave equation"),
    "export": (commands.add_export, "export images as shaders and programs"),
    "compare-restorers": (
        commands.add_compare_restorers,
        "compare models that colorize and restore images",
    ),
    "models": (commands.add_models, "list the pretrained models, or show a card"),
}


if __name__ == "__main__":
    sys.exit(main())
