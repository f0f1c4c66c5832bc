"""Where commands write: names, collisions, formats and metadata of their files."""

import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from inr import _checks
from inr._files import replacing
from inr._typing import Array, ArrayLike, Region
from inr.commands._sheet import write_sheet
from inr.io import ImageMetadata, write_image

Path: TypeAlias = str | os.PathLike
PictureFormat = Literal["png", "jpg", "webp", "tif"]
FORMATS: tuple[PictureFormat, ...] = ("png", "jpg", "webp", "tif")

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_WITHOUT_ALPHA = (".jpg", ".jpeg")
_DEEP = (".png", ".tif", ".tiff")
_MAX_MEGAPIXELS = 100


@dataclass
class Outputs:
    """Where and how a command writes its results.

    Attributes:
      path: a folder for all files of all results; a file name, for the main file of a
        single result; or "-", which writes that file to `stream`. A name with an
        extension is a file name, unless a folder of that name exists or the name ends
        in a slash.
      overwrite: replace existing files; without it they are an error.
      format: format of pictures; None for the extension of `path`, or PNG.
      bits: bits per value of pictures; None for those of the input, if the format can
        hold them.
      large: allow pictures of more than 100 megapixels.
      stream: where "-" writes; None for `sys.stdout`.
    """

    path: Path = "out"
    overwrite: bool = False
    format: PictureFormat | None = None
    bits: Literal[8, 16] | None = None
    large: bool = False
    stream: Any = None  # run-time checks do not know `BinaryIO`
    _claims: set[str] = field(default_factory=set, repr=False)

    @property
    def is_single(self) -> bool:
        """Whether `path` is a file name or "-", and holds one result only."""
        if self.is_stdout:
            return True
        path = pathlib.Path(self.path)
        is_folder = path.is_dir() or str(self.path).endswith(("/", os.sep))
        return path.suffix != "" and not is_folder

    @property
    def is_stdout(self) -> bool:
        return str(self.path) == "-"

    def claim(self, name: str, *endings: str) -> "Files":
        """Reserve the files of one result, before it is computed.

        Args:
          name: the start of their names, which differs for each input and each option
            that selects another result.
          endings: the ends of their names, the main file first. An ending without an
            extension is that of a picture.

        Returns:
          The files, to write one by one.

        Raises:
          FileExistsError: if a file exists and `overwrite` is not set.
          ValueError: if another result of this call has the same files, or the
            extension of `path` fits none of the endings.
        """
        if self.is_single:
            paths = {self._main_ending(endings): pathlib.Path(self.path)}
        else:
            folder = pathlib.Path(self.path)
            paths = {end: folder / f"{name}{self.with_extension(end)}"
                     for end in endings}  # fmt: skip
        for path in () if self.is_stdout else paths.values():
            self._check_new(path)
        return Files(self, paths)

    def check_size(self, size: Sequence[int]) -> None:
        """Refuse a picture of more than 100 megapixels unless `large` is set.

        Raises:
          ValueError: names the options that help.
        """
        megapixels = size[0] * size[1] / 1e6
        if megapixels > _MAX_MEGAPIXELS and not self.large:
            got = f"{size[0]}x{size[1]}, {megapixels:.0f} megapixels"
            fix = "Add --yes to write all of it, or --region for a part."
            raise _checks.fail(
                "size", f"at most {_MAX_MEGAPIXELS} megapixels", got, fix
            )

    def with_extension(self, ending: str) -> str:
        """The ending with the extension of its file."""
        return ending if _extension(ending) else f"{ending}.{self.format or 'png'}"

    def _main_ending(self, endings: Sequence[str]) -> str:
        """The first ending that the extension of `path` fits."""
        if self.is_stdout:
            return endings[0]
        extension = pathlib.Path(self.path).suffix.lower()
        of_name = {".jpeg": ".jpg", ".tiff": ".tif"}.get(extension, extension)
        allowed = _PICTURES if self.format is None else (f".{self.format}",)
        extensions: list[str] = []
        for ending in endings:
            own = _extension(ending)
            fits = (own,) if own else allowed
            if (extension if own else of_name) in fits:
                return ending
            extensions += fits
        names = ", ".join(dict.fromkeys(extensions))
        expected = f"a folder, or a name ending in {names}"
        raise _checks.fail("output", expected, repr(str(self.path)))

    def _check_new(self, path: pathlib.Path) -> None:
        # Names that differ in case alone are one file on macOS and Windows.
        key = str(path.absolute()).casefold()
        if key in self._claims:
            fix = "Rename the input, or write to another folder."
            raise _checks.fail("output", "another file for each result", path, fix)
        self._claims.add(key)
        if path.exists() and not self.overwrite:
            raise FileExistsError(
                f"`output` must be a new file, got {str(path)!r}, which exists. Add "
                "--overwrite, or choose another name or folder by --output."
            )


class Files:
    """The files of one result: `write*` writes those that the user asked for.

    Attributes:
      paths: the files written.
    """

    def __init__(self, outputs: Outputs, targets: Mapping[str, pathlib.Path]) -> None:
        self.paths: list[pathlib.Path] = []
        self._outputs, self._targets = outputs, targets

    def write(self, ending: str, writer: Callable[[pathlib.Path], object]) -> None:
        """Write the file of an ending by `writer`, a function of its path."""
        if ending not in self._targets:
            return
        path = self._targets[ending]
        if self._outputs.is_stdout:
            self._write_to_stream(ending, writer)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path)
        self.paths.append(path)

    def write_image(
        self, ending: str, image: ArrayLike, metadata: ImageMetadata | None = None
    ) -> None:
        """Write a picture, clipped to [0, 1], with the metadata of its input."""

        def write(path: pathlib.Path) -> None:
            extension = path.suffix.lower()
            bits = self._outputs.bits or (metadata.bits if metadata else 8)
            if self._outputs.bits is None and extension not in _DEEP:
                bits = 8
            pixels = _supported(np.asarray(image), extension, bits)
            write_image(path, pixels, bits=bits, metadata=metadata)

        self.write(ending, write)

    def write_sheet(
        self, ending: str, panels: Mapping[str, Array | np.ndarray], **options: Any
    ) -> None:
        """Write a contact sheet of images by label; their alpha is left out."""
        opaque = {label: _without_alpha(np.asarray(x)) for label, x in panels.items()}
        self.write(ending, lambda path: write_sheet(path, opaque, **options))

    def write_text(self, ending: str, text: str) -> None:
        """Write a text file."""
        self.write_bytes(ending, text.encode())

    def write_bytes(self, ending: str, data: bytes) -> None:
        """Write a binary file."""

        def write(path: pathlib.Path) -> None:
            with replacing(path) as temporary:
                temporary.write_bytes(data)

        self.write(ending, write)

    def _write_to_stream(
        self, ending: str, writer: Callable[[pathlib.Path], object]
    ) -> None:
        stream = self._outputs.stream or sys.stdout.buffer
        extension = _extension(self._outputs.with_extension(ending))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"result{extension}"
            writer(path)
            stream.write(path.read_bytes())
        stream.flush()


def as_outputs(output: Outputs | Path) -> Outputs:
    """Return `Outputs` for the `output` argument of a command."""
    return output if isinstance(output, Outputs) else Outputs(output)


def region_suffix(region: Region | None) -> str:
    """Part of a file name that distinguishes results of different regions."""
    if region is None:
        return ""
    corners = np.asarray(_checks.as_region("region", region, 2)).ravel()
    return "_" + "-".join(f"{x:g}" for x in corners)


def _extension(ending: str) -> str:
    """The extension of an ending, which may have numbers with points; or nothing."""
    match = re.search(r"\.[a-z]\w*$", ending)
    return match[0] if match else ""


def _without_alpha(image: np.ndarray) -> np.ndarray:
    return image[..., :-1] if image.shape[-1] in (2, 4) else image


def _supported(image: np.ndarray, extension: str, bits: int) -> np.ndarray:
    """The image with channels that the format can hold."""
    image = np.clip(image, 0, 1)
    if extension in _WITHOUT_ALPHA and image.shape[-1] in (2, 4):
        print(f"{extension} holds no opacity: it is left out")
        return _without_alpha(image)
    is_gray_alpha = image.shape[-1] == 2
    if is_gray_alpha and (extension == ".webp" or (bits == 16 and extension != ".png")):
        return image[..., (0, 0, 0, 1)]
    return image
