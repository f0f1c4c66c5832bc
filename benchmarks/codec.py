"""Rate and distortion of the codec on Kodak's 24 pictures, beside peers.

    python benchmarks/codec.py files [--steps 75] [--pictures 1 2] [--qualities 35 55]
    python benchmarks/codec.py field [--steps 75] [--pictures 1 2]
    python benchmarks/codec.py large
    python benchmarks/codec.py summary

`files`: each picture is encoded at each quality, to a real file, and decoded. Peers
are encoded by Pillow at their best settings: JPEG optimized with chroma at half
resolution, JPEG 2000 with its irreversible wavelet and color transform, WebP with
method 6, and AVIF with speed 4. PSNR is of RGB in 8 bits, and rates count all bytes of
a file. Pictures that are done are skipped, so the script can be stopped and started
again.
`field`: pictures reduced by two are encoded, rendered at twice their size, and compared
with the originals, beside cubic interpolation of the decoded pixels. `large`: time and
memory of decoding 50 megapixels, whose tiles are copies of one.
`summary` computes means of the BD-rates of the pictures (Bjontegaard 2001, by the
package `bjontegaard`), negative where ours is smaller, over the PSNR that a peer has
from 0.15 to 1.2 bits a pixel.
"""

import argparse
import io
import json
import pathlib
import tempfile
import time

import _common
import _process
import numpy as np
from PIL import Image

import inr
from inr.codec import container

KODAK = _common.DATA / "bench" / "kodak24"
_JPEG = {"optimize": True, "subsampling": "4:2:0"}
_JPEG_2000 = {"irreversible": True, "mct": 1, "quality_mode": "rates"}
_AVIF = {"speed": 4, "subsampling": "4:4:4"}
PEERS = {  # A format of Pillow, and its options for each file.
    "JPEG": ("JPEG", [_JPEG | {"quality": q} for q in range(10, 96, 5)]),
    "JPEG2000": (
        "JPEG2000",
        [_JPEG_2000 | {"quality_layers": [24 / x]} for x in np.geomspace(0.12, 3, 16)],
    ),
    "WebP": ("WEBP", [{"method": 6, "quality": q} for q in range(5, 100, 5)]),
    "AVIF": ("AVIF", [_AVIF | {"quality": q} for q in range(15, 90, 5)]),
}
RATES = (0.15, 1.2)  # bits a pixel
SIDE = 1024  # of the largest tile


def ours(picture: int, quality: float, steps: int) -> dict:
    """One file of ours: its rate, error and times."""
    image = read(picture)
    start = time.perf_counter()
    data = inr.codec.encode(image, quality=quality, num_steps=steps, progress=False)
    encoded = time.perf_counter()
    decoded = inr.codec.decode(data).block_until_ready()
    first = time.perf_counter()
    inr.codec.decode(data).block_until_ready()
    warm = time.perf_counter()
    return {
        "bpp": 8 * len(data) / (image.shape[0] * image.shape[1]),
        "psnr": _common.psnr(decoded, image / np.float32(255)),
        "encode_s": encoded - start,
        "decode_s": warm - first,
    }


def peer(picture: int, name: str) -> list[dict]:
    """Files of a peer at all of its qualities."""
    image = read(picture)
    form, settings = PEERS[name]
    rows = []
    for options in settings:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, form, **options)
        size = 8 * buffer.tell() / (image.shape[0] * image.shape[1])
        decoded = np.asarray(Image.open(buffer).convert("RGB"), np.float32) / 255
        error = _common.psnr(decoded, image / np.float32(255))
        rows.append({"bpp": size, "psnr": error})
    return rows


def read(picture: int) -> np.ndarray:
    return np.asarray(Image.open(KODAK / f"kodim{picture:02d}.png").convert("RGB"))


def files(pictures: list[int], qualities: list[float], steps: int) -> None:
    """Fill in the rows that the JSON file does not have."""
    for picture in pictures:
        stored = rows()
        for name in PEERS:
            if f"{picture:02d} {name}" not in stored:
                _common.save(
                    "codec", {f"{picture:02d} {name}": {"points": peer(picture, name)}}
                )
        for quality in qualities:
            key = f"{picture:02d} inr {steps} {quality:g}"
            if key not in stored:
                _common.save("codec", {key: ours(picture, quality, steps)})


def field(pictures: list[int], steps: int) -> None:
    """Twice the size of a halved picture, against the original, in dB."""
    rendered, cubic = [], []
    for picture in pictures:
        truth = read(picture) / np.float32(255)
        h, w = truth.shape[:2]
        half = inr.training.reduce_images(truth, (h // 2, w // 2))
        data = inr.codec.encode(half, quality=60, num_steps=steps, progress=False)
        points = inr.coords.grid((h, w))
        large = inr.render(inr.codec.decode_field(data), (h, w))
        rendered.append(_common.psnr(np.clip(large, 0, 1), truth))
        large = inr.coords.sample_grid(
            inr.codec.decode(data), points, interpolation="cubic"
        )
        cubic.append(_common.psnr(np.clip(large, 0, 1), truth))
    gains = np.subtract(rendered, cubic)
    row = {
        "pictures": len(pictures),
        "rendered": float(np.mean(rendered)),
        "cubic": float(np.mean(cubic)),
        "least_gain": float(gains.min()),
    }
    _common.save("codec", {f"field {steps}": row})


def large() -> None:
    """Decode 50 megapixels, and one tile of them."""
    tile = np.tile(read(5), (2, 2, 1))[:SIDE, :SIDE]
    data = inr.codec.encode(tile, num_steps=40, progress=False)
    header, (stream,) = container.unpack(data)
    size = (6 * SIDE, 8 * SIDE)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "large.inr"
        path.write_bytes(container.pack(header._replace(size=size), [stream] * 48))
        for name, region in (("all", None), ("tile", ((0.0, 0.0), (1 / 6, 1 / 8)))):
            call = f"codec.report({str(path)!r}, {region})"
            row = {"megapixels": SIDE**2 * 48 / 1e6, **_process.measure(call)}
            _common.save("codec", {f"decode {name}": row})


def report(path: str, region: tuple | None) -> None:
    data = pathlib.Path(path).read_bytes()
    _process.report(lambda: inr.codec.decode(data, region=region))


def rows() -> dict:
    path = _common.HERE / "codec.json"
    return json.loads(path.read_text()) if path.exists() else {}


def summary() -> None:
    """Mean BD-rate against each peer, for each number of steps."""
    import bjontegaard

    stored = rows()
    keys = [key.split() for key in stored if " inr " in key]
    for steps in sorted({key[2] for key in keys}):
        mine = {}
        for key, row in stored.items():
            picture, name, *rest = key.split()
            if name == "inr" and rest[0] == steps:
                mine.setdefault(picture, []).append(row)
        mine = {picture: points for picture, points in mine.items() if len(points) > 2}
        rows_of_all = [row for points in mine.values() for row in points]
        result = {
            "pictures": len(mine),
            "encode_s": float(np.median([row["encode_s"] for row in rows_of_all])),
            "decode_s": float(np.median([row["decode_s"] for row in rows_of_all])),
        }
        for name in PEERS:
            rates = [
                bjontegaard.bd_rate(
                    *curve(stored[f"{picture} {name}"]["points"], RATES),
                    *curve(points),
                    method="pchip",
                    require_matching_points=False,
                    min_overlap=0,
                )
                for picture, points in mine.items()
            ]
            result[name] = float(np.mean(rates))
            result[f"{name} least"], result[f"{name} most"] = min(rates), max(rates)
        _common.save("codec", {f"summary {steps}": result})


def curve(
    points: list[dict], within: tuple[float, float] = (0, float("inf"))
) -> tuple[list[float], list[float]]:
    """Rates within a range and their PSNR, both increasing."""
    result: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda p: p["bpp"]):
        inside = within[0] <= point["bpp"] <= within[1]
        if inside and (not result or point["psnr"] > result[-1][1]):
            result.append((point["bpp"], point["psnr"]))
    return [r for r, _ in result], [p for _, p in result]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("part", choices=["files", "field", "large", "summary"])
    parser.add_argument("--steps", type=int, default=75)
    parser.add_argument("--pictures", type=int, nargs="+", default=range(1, 25))
    parser.add_argument("--qualities", type=float, nargs="+", default=[15, 35, 55, 75])
    args = parser.parse_args()
    match args.part:
        case "files":
            files(list(args.pictures), args.qualities, args.steps)
            summary()
        case "field":
            field(list(args.pictures), args.steps)
        case "large":
            large()
        case "summary":
            summary()


if __name__ == "__main__":
    main()
