"""Files and reports of the examples of sound and video."""

import numpy as np
import pytest

import inr
from inr import commands
from inr.commands import _samples


@pytest.mark.long
@pytest.mark.slow
def test_a_field_reproduces_the_notes(tmp_path, capsys):
    pytest.importorskip("soundfile", reason="needs the extra `media`")
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    options = {"seconds": 0.1, "num_steps": 500, "width": 32}
    files = commands.audio(output=tmp_path, **options)
    result, rate = inr.read_audio(files[0])
    notes, expected_rate = _samples.plucked_notes()
    assert rate == expected_rate
    notes = notes[: len(result)]
    assert len(result) == round(0.1 * rate)
    assert np.mean((result - notes) ** 2) < 0.1 * notes.var()
    assert inr.read_image(files[1]).std() > 0.05
    assert "signal-to-noise ratio" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_a_stereo_file_keeps_its_rate(tmp_path):
    pytest.importorskip("soundfile", reason="needs the extra `media`")
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    t = np.arange(300) / 300
    stereo = np.stack([np.sin(40 * t), np.cos(30 * t)], -1).astype(np.float32)
    inr.write_audio(tmp_path / "tone.wav", stereo, 12345)
    options = {"num_steps": 2, "width": 8, "output": tmp_path / "out"}
    files = commands.audio(tmp_path / "tone.wav", **options)
    result, rate = inr.read_audio(files[0])
    assert (result.shape, rate) == ((300, 2), 12345)


@pytest.mark.long
@pytest.mark.slow
def test_a_clip_is_reduced_and_fitted(tmp_path, capsys):
    pytest.importorskip("av", reason="needs the extra `media`")
    pytest.importorskip("skimage", reason="needs the extra `examples`")
    frames, frame_rate = _samples.panning_clip(9, 48)
    assert frames.shape == (9, 36, 48, 3)
    inr.write_video(tmp_path / "clip.mp4", frames, frame_rate)
    options = {"num_frames": 6, "num_steps": 100, "max_side": 40, "output": tmp_path}
    files = commands.video(tmp_path / "clip.mp4", **options)
    result, result_rate = inr.read_video(files[0])
    assert (result.shape, result_rate) == ((6, 30, 40, 3), frame_rate)
    target, _ = inr.read_video(tmp_path / "clip.mp4", num_frames=6, size=(30, 40))
    assert np.mean((result - target) ** 2) < 0.2 * target.var()
    assert inr.read_image(files[1]).shape[-1] == 3
    assert "PSNR" in capsys.readouterr().out


@pytest.mark.slow
def test_the_first_frame_is_the_crop_at_the_start():
    pytest.importorskip("skimage", reason="needs the extra `examples`")
    from skimage import data

    frames, _ = _samples.panning_clip(1, 304)
    photograph = data.astronaut() / 255

    def error(shift):
        y = 0.055 * 512 + (np.arange(228) + 0.5) / 228 * 0.45 * 512 - 0.5 + shift
        x = 0.04 * 512 + (np.arange(304) + 0.5) / 304 * 0.6 * 512 - 0.5
        nearest = photograph[np.rint(y).astype(int)[:, None], np.rint(x).astype(int)]
        return np.abs(frames[0] / 255 - nearest).mean()

    assert error(0) < 0.5 * min(error(-2), error(2))
