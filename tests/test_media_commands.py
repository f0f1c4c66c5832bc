"""The examples of sound and video, on files of the user's and without one."""

import jax
import numpy as np
import pytest

import inr
from inr import commands
from inr.commands import media


@pytest.mark.slow
def test_notes_are_played_back(tmp_path, capsys):
    pytest.importorskip("soundfile", reason="needs the extra `media`")
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    options = {"seconds": 0.1, "num_steps": 500, "width": 32}
    files = commands.audio(out=tmp_path, **options)
    played, rate = inr.read_audio(files[0])
    notes, expected = media.plucked_notes()
    assert rate == expected
    notes = notes[: len(played)]
    assert len(played) == round(0.1 * rate)
    assert np.mean((played - notes) ** 2) < 0.1 * notes.var()
    assert inr.read_image(files[1]).std() > 0.05
    assert "signal to noise" in capsys.readouterr().out


@pytest.mark.slow
def test_a_stereo_file_is_played_back_at_its_rate(tmp_path):
    pytest.importorskip("soundfile", reason="needs the extra `media`")
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    t = np.arange(300) / 300
    both = np.stack([np.sin(40 * t), np.cos(30 * t)], -1).astype(np.float32)
    inr.write_audio(tmp_path / "tone.wav", both, 12345)
    options = {"num_steps": 2, "width": 8, "out": tmp_path / "out"}
    files = commands.audio(tmp_path / "tone.wav", **options)
    played, rate = inr.read_audio(files[0])
    assert (played.shape, rate) == ((300, 2), 12345)


@pytest.mark.slow
def test_a_clip_is_reduced_held_and_played(tmp_path, capsys):
    pytest.importorskip("av", reason="needs the extra `media`")
    pytest.importorskip("skimage", reason="needs the extra `examples`")
    frames, fps = media.panned(9, 48)
    assert frames.shape == (9, 36, 48, 3)
    inr.write_video(tmp_path / "clip.mp4", frames, fps)
    options = {"num_frames": 6, "num_steps": 100, "max_side": 40, "out": tmp_path}
    files = commands.video(tmp_path / "clip.mp4", **options)
    shown, rate = inr.read_video(files[0])
    assert (shown.shape, rate) == ((6, 30, 40, 3), fps)
    original, _ = inr.read_video(tmp_path / "clip.mp4", num_frames=6, size=(30, 40))
    assert np.mean((shown - original) ** 2) < 0.2 * original.var()
    assert inr.read_image(files[1]).shape[-1] == 3
    assert "PSNR" in capsys.readouterr().out


@pytest.mark.slow
def test_the_pan_begins_where_it_says():
    pytest.importorskip("skimage", reason="needs the extra `examples`")
    from skimage import data

    frames, _ = media.panned(1, 304)
    photograph = data.astronaut() / 255

    def error(shift):
        y = 0.055 * 512 + (np.arange(228) + 0.5) / 228 * 0.45 * 512 - 0.5 + shift
        x = 0.04 * 512 + (np.arange(304) + 0.5) / 304 * 0.6 * 512 - 0.5
        nearest = photograph[np.rint(y).astype(int)[:, None], np.rint(x).astype(int)]
        return np.abs(frames[0] / 255 - nearest).mean()

    assert error(0) < 0.5 * min(error(-2), error(2))


@pytest.mark.parametrize("most", [4000, 30_000, 912_384])
def test_the_grid_uses_its_budget_and_no_more(most):
    model = media.compact_grid((120, 144, 176), most)
    points = np.zeros((1, 3), np.float32)
    params = jax.eval_shape(model.init, jax.random.key(0), points)["params"]
    count = sum(x.size for x in jax.tree.leaves(params))
    assert count == media.num_parameters(model)
    assert 0.6 * most < count <= most
