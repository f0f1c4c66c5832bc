"""Fits of a video by a hash grid with a twelfth as many parameters, by duration.

    python benchmarks/video.py [seconds ...], default 60 300 900

The video is carphone, 176x144, 120 frames: 9.1 million values. The score is the PSNR
over all of them. Each row is a separate fit, whose learning rate decays over its
duration. The shape of the grid, the learning rate and the batch size were chosen on
other clips.
"""

import math
import sys

import _common
import jax
import numpy as np
from _media import fit_for

import inr

# From 8 cells to about one for each pixel of a row.
MODEL = inr.HashGrid(
    features=3, levels=10, base_resolution=8, growth=1.42, log2_table_size=16
)


def main() -> None:
    path = _common.DATA / "bench" / "video" / "carphone_pristine.mp4"
    frames, _ = inr.read_video(path, dtype=np.uint8)
    key = jax.random.key(0)
    values = frames.astype(np.float32) / 255
    for seconds in map(float, sys.argv[1:] or (60, 300, 900)):
        result, actual_seconds = fit_for(
            seconds,
            lambda num_steps: inr.fit_video(
                key, frames, model=MODEL, num_steps=num_steps, progress=False
            ),
        )
        prediction = inr.render(result.field, frames.shape[:3])
        parameters = sum(x.size for x in jax.tree.leaves(result.params["params"]))
        row = {
            "psnr": _common.psnr(prediction, values),
            "parameters": parameters,
            "values": math.prod(frames.shape),
            "values_over_parameters": frames.size / parameters,
            "steps": result.num_steps,
            "seconds": actual_seconds,
        }
        _common.save("video", {f"carphone_{seconds:.0f}s": row})


if __name__ == "__main__":
    main()
