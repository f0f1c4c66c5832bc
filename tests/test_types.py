"""Types that a type checker infers for the results of the public functions."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

PROGRAM = """
import jax
import inr

key = jax.random.key(0)
image = inr.read_image("a.png")
mask = image[..., 0] > 0.5
result = inr.fit_image(key, image)
field = result.field
file = inr.load_field("a.safetensors")
coords = inr.coords.grid((4, 4))
schedule = inr.diffusion.cosine_schedule(10)
sampler = inr.diffusion.dpmpp(num_steps=4)
many = inr.fit_many(key, inr.Siren(3), (coords, image[None]))
loaded = inr.models.load_model("photos")
mesh = inr.extract_mesh(field)
solution = inr.poisson.solve_masked(image, mask, image)
reveal_type(image)
reveal_type(result)
reveal_type(result.history)
reveal_type(result.params)
reveal_type(result.status)
reveal_type(field)
reveal_type(field(coords))
reveal_type(file.field)
reveal_type(file.size)
reveal_type(coords)
reveal_type(inr.render(field, (4, 4)))
reveal_type(inr.gradient(field, coords))
reveal_type(inr.jacobian(field, coords))
reveal_type(inr.laplacian(field, coords))
reveal_type(inr.value_gradient_laplacian(field, coords))
reveal_type(inr.upscale(image, 2))
reveal_type(inr.colorize(image))
reveal_type(inr.colorize_samples(key, image))
reveal_type(inr.inpaint(image, mask))
reveal_type(inr.upscale_by_reference(image, [image]))
reveal_type(inr.merge([image, image]))
reveal_type(inr.seamless_clone(image, image, mask))
reveal_type(solution.value)
reveal_type(sampler)
reveal_type(
    inr.diffusion.sample(
        key, lambda x, t: x, coords, schedule=schedule, predicts="v", sampler=sampler
    )
)
reveal_type(inr.psnr(image, image))
reveal_type(many.fields)
reveal_type(loaded.model)
reveal_type(mesh.vertices)
reveal_type(inr.read_audio("a.wav"))
reveal_type(inr.read_video("a.mp4"))
reveal_type(inr.io.read_image_metadata("a.png"))
reveal_type(inr.color.rgb_to_luma(image))
reveal_type(inr.pretrained.names())
reveal_type(inr.bind(inr.Siren(3), result.params))
"""
# NumPy's own types of an array of any shape, and parameters, a tree of arrays.
OPEN = ("ndarray[tuple[Any, ...], dtype[Any]]", "Mapping[str, Any]")


@pytest.mark.long
@pytest.mark.slow
def test_results_have_types(tmp_path):
    pytest.importorskip("pyright", reason="a type checker")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    root = pathlib.Path(__file__).parents[1]
    settings = {"extraPaths": [str(root)], "typeCheckingMode": "basic"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath"]
    output = subprocess.run(
        [*command, sys.executable, program.name],
        cwd=tmp_path, capture_output=True, text=True,
    ).stdout  # fmt: skip
    messages = json.loads(output)["generalDiagnostics"]
    errors = [m["message"] for m in messages if m["severity"] == "error"]
    assert not errors, errors
    revealed = [m["message"] for m in messages if m["severity"] == "information"]
    assert len(revealed) == PROGRAM.count("reveal_type(")
    for message in revealed:
        text = message
        for known in OPEN:
            text = text.replace(known, "")
        assert not re.search(r"\b(Any|Unknown)\b", text), message
