"""How well a hash grid with a tenth of a video's numbers holds it, over time.

    python benchmarks/video.py [seconds ...], by default 60 300 900

carphone, 176x144, 120 frames: 9.1 million values. PSNR over all of them, each row a fit
of its own whose rate decays over its time. The grid's shape, rate and batch size were
chosen on other clips.
"""

import math
import sys

import _common
import jax
import numpy as np
from _media import fitted_in

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
        result, took = fitted_in(
            seconds,
            lambda steps: inr.fit_video(
                key, frames, model=MODEL, num_steps=steps, progress=False
            ),
        )
        shown = inr.render(result.field, frames.shape[:3])
        parameters = sum(x.size for x in jax.tree.leaves(result.params["params"]))
        row = {
            "psnr": _common.psnr(shown, values),
            "parameters": parameters,
            "values": math.prod(frames.shape),
            "values_over_parameters": frames.size / parameters,
            "steps": result.num_steps,
            "seconds": took,
        }
        _common.save("video", {f"carphone_{seconds:.0f}s": row})


if __name__ == "__main__":
    main()
