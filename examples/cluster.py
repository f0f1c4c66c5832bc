"""Upscale, colorize or compress all images of a folder on a cluster, by Ray Data.

    python examples/cluster.py upscale photos out --workers 8 --address auto
    python examples/cluster.py compress s3://bucket/photos s3://bucket/fields

Each worker loads its model once. Files whose result exists are skipped, so that the
same command continues a run that was stopped; Ray starts workers again that were
killed. Images that cannot be read are listed in `failed.txt` beside the results.
Without --address, Ray starts a cluster on this machine; `--workers 0` needs no Ray.
"""

import argparse
import contextlib
import functools
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

import inr
from inr import color

Task = Callable[[np.ndarray, pathlib.Path], None]
"""Computes a result from an image, and writes it to a local file."""


def upscale(image: np.ndarray, path: pathlib.Path, *, scale: float) -> None:
    inr.write_image(path, inr.upscale(image, scale, progress=False))


def colorize(image: np.ndarray, path: pathlib.Path) -> None:
    gray = image if image.shape[-1] == 1 else color.rgb_to_luma(image[..., :3])
    inr.write_image(path, inr.colorize(gray, progress=False))


def compress(image: np.ndarray, path: pathlib.Path, *, num_steps: int) -> None:
    key = jax.random.key(0)
    fit = inr.fit_image(key, image, num_steps=num_steps, progress=False)
    inr.save_field(path, fit.field)


class Worker:
    """Applies a task to files, and returns the reason for each that failed."""

    def __init__(self, task: Task, source: str, out: str, extension: str):
        self.task, self.extension = task, extension
        self.source, self.out = Storage(source), Storage(out)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        errors = [self.apply(str(name)) for name in batch["name"]]
        return {"name": batch["name"], "error": np.asarray(errors, object)}

    def apply(self, name: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            local = pathlib.Path(folder, pathlib.PurePath(name).name)
            result = local.with_name("result" + self.extension)
            try:
                local.write_bytes(self.source.read(name))
                self.task(np.asarray(inr.read_image(local)), result)
                self.out.write(name + self.extension, result.read_bytes())
            except (ValueError, TypeError, OSError, ArithmeticError) as error:
                return str(error) or repr(error)
        return ""


class Storage:
    """A folder of this machine or of a bucket, such as `s3://bucket/photos`."""

    def __init__(self, path: str):
        self.path, self.is_local = path, "://" not in path

    def files(self) -> list[str]:
        """Names of the files in the folder."""
        if self.is_local:
            folder = pathlib.Path(self.path)
            return sorted(x.name for x in folder.iterdir() if x.is_file())
        from pyarrow import fs

        system, root = self._system()
        infos = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        return sorted(x.base_name for x in infos if x.type == fs.FileType.File)

    def read(self, name: str) -> bytes:
        if self.is_local:
            return pathlib.Path(self.path, name).read_bytes()
        system, root = self._system()
        with system.open_input_file(f"{root}/{name}") as file:
            return file.read()

    def write(self, name: str, content: bytes) -> None:
        """Write a file that appears only when it is complete."""
        if self.is_local:
            folder = pathlib.Path(self.path)
            with tempfile.NamedTemporaryFile(
                dir=folder, prefix=".", delete=False
            ) as file:
                file.write(content)
            pathlib.Path(file.name).replace(folder / name)
            return
        system, root = self._system()
        with system.open_output_stream(f"{root}/{name}") as file:
            file.write(content)

    def _system(self) -> tuple[Any, str]:
        from pyarrow import fs

        return fs.FileSystem.from_uri(self.path)


def run(
    task: Task,
    source: str,
    out: str,
    *,
    extension: str,
    workers: int,
    address: str | None = None,
    gpus: float = 0.0,
) -> dict[str, str]:
    """Apply a task to all files that have no result; return the reasons of failures."""
    if "://" not in out:
        out = str(pathlib.Path(out).resolve())
        pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    if "://" not in source:
        source = str(pathlib.Path(source).resolve())
    done = {*Storage(out).files()}
    names = [x for x in Storage(source).files() if not x.startswith(".")]
    missing = [name for name in names if name + extension not in done]
    print(f"{len(names)} files, of which {len(names) - len(missing)} have a result")
    options = (task, source, out, extension)
    rows = _rows(missing, options, workers, address, gpus) if missing else iter(())
    failures = {}
    for i, row in enumerate(rows, 1):
        if row["error"]:
            failures[row["name"]] = row["error"]
        print(f"{i} of {len(missing)}: {row['name']} {row['error']}".rstrip())
    if failures:
        lines = "".join(f"{name}: {error}\n" for name, error in failures.items())
        Storage(out).write("failed.txt", lines.encode())
    return failures


def _rows(
    names: list[str],
    options: tuple,
    workers: int,
    address: str | None,
    gpus: float,
) -> Iterator[dict[str, str]]:
    if workers == 0:
        worker = Worker(*options)
        yield from ({"name": name, "error": worker.apply(name)} for name in names)
        return
    import ray

    # A cluster that Ray starts here needs a processor beside those of the workers.
    processors = None if address else workers + 1
    ray.init(address=address, num_cpus=processors, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    with contextlib.ExitStack() as stack:
        stack.callback(ray.shutdown)
        items = [{"name": name} for name in names]
        blocks = min(len(names), 8 * workers)
        dataset = ray.data.from_items(items, override_num_blocks=blocks)
        results = dataset.map_batches(
            Worker,
            fn_constructor_args=options,
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(names))),
            batch_size=1,
            num_gpus=gpus,
        )
        yield from results.iter_rows()


def main() -> None:
    args = parse()
    tasks: dict[str, Task] = {
        "upscale": functools.partial(upscale, scale=args.scale),
        "colorize": colorize,
        "compress": functools.partial(compress, num_steps=args.steps),
    }
    failures = run(
        tasks[args.task],
        args.source,
        args.out,
        extension=".safetensors" if args.task == "compress" else ".png",
        workers=args.workers,
        address=args.address,
        gpus=args.gpus,
    )
    if failures:
        sys.exit(f"{len(failures)} files failed, see failed.txt in {args.out}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    tasks = ("upscale", "colorize", "compress")
    parser.add_argument("task", nargs="?", choices=tasks, default="upscale")
    parser.add_argument("source", nargs="?", help="folder, or URI of a bucket")
    parser.add_argument("out", nargs="?", default="out/cluster", help="likewise")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpus", type=float, default=0.0, help="of each worker")
    parser.add_argument("--address", help="of a cluster, auto for the one of this node")
    parser.add_argument("--scale", type=float, default=2.0, help="of upscale")
    parser.add_argument("--steps", type=int, default=2000, help="of compress")
    parser.add_argument("--quick", action="store_true", help="one small image, no Ray")
    args = parser.parse_args()
    if args.quick:
        from skimage import data

        args.source, args.workers = "out/cluster_source", 0
        pathlib.Path(args.source).mkdir(parents=True, exist_ok=True)
        photo = data.astronaut()[:64, 160:224]
        inr.write_image(pathlib.Path(args.source, "photo.png"), photo)
    if args.source is None:
        parser.error("a folder of images is needed")
    return args


if __name__ == "__main__":
    main()
