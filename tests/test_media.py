"""Sound and video in files: what is read is what was written, or an error says why."""

import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from support import refuses

import inr

RNG = np.random.default_rng(0)


@pytest.fixture
def soundfile():
    return pytest.importorskip("soundfile", reason="needs the extra `media`")


@pytest.fixture
def av():
    return pytest.importorskip("av", reason="needs the extra `media`")


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("extension", [".wav", ".flac"])
@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 11025), (6, 12345)])
def test_sound_is_exact_to_the_last_bit(
    soundfile, tmp_path, bits, extension, channels, rate
):
    top = 2 ** (bits - 1)
    levels = RNG.integers(-top, top, (500, channels))
    levels[:2] = [[-top], [top - 1]]
    path = tmp_path / f"sound{extension}"
    inr.write_audio(path, levels / top, rate, bits=bits)
    samples, found = inr.read_audio(path)
    assert (found, samples.dtype, samples.shape) == (rate, np.float32, levels.shape)
    np.testing.assert_array_equal(samples * float(top), levels)
    stored, _ = soundfile.read(path, dtype="int32", always_2d=True)
    np.testing.assert_array_equal(stored >> (32 - bits), levels)
    inr.write_audio(path, samples, rate, bits=bits)
    np.testing.assert_array_equal(inr.read_audio(path)[0], samples)


@pytest.mark.usefixtures("soundfile")
def test_sound_is_clipped_and_rounded_to_the_nearest_level(tmp_path):
    path = tmp_path / "sound.wav"
    values = np.array([-2.0, 2.0, 0.4 / 32768, 0.6 / 32768, -0.6 / 32768], np.float32)
    inr.write_audio(path, values, 8000)
    samples, _ = inr.read_audio(path)
    expected = np.array([-32768, 32767, 0, 1, -1])[:, None]
    np.testing.assert_array_equal(samples * 32768, expected)


def test_floats_beyond_full_scale_are_read_as_they_are(soundfile, tmp_path):
    path = tmp_path / "sound.wav"
    values = np.array([[3.5], [-0.1], [1e-7]], np.float32)
    soundfile.write(path, values, 8000, "FLOAT")
    np.testing.assert_array_equal(inr.read_audio(path)[0], values)


@pytest.mark.usefixtures("soundfile")
def test_files_that_are_no_sound_are_refused(tmp_path):
    with refuses("none.wav", FileNotFoundError):
        inr.read_audio(tmp_path / "none.wav")
    with refuses("the folder"):
        inr.read_audio(tmp_path)
    inr.write_image(tmp_path / "photo.png", np.zeros((4, 4, 3), np.float32))
    for content in (b"", b"RIFF", bytes(100), (tmp_path / "photo.png").read_bytes()):
        (tmp_path / "sound.wav").write_bytes(content)
        with refuses("sound file, got .*sound.wav"):
            inr.read_audio(tmp_path / "sound.wav")


def test_a_sound_file_without_samples_or_with_nan_is_refused(soundfile, tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.zeros((0, 1)), 8000)
    with refuses("file with samples"):
        inr.read_audio(path)
    soundfile.write(path, np.array([0.0, np.nan]), 8000, "FLOAT")
    with refuses("finite"):
        inr.read_audio(path)


SILENCE = np.zeros((8, 1), np.float32)


@pytest.mark.usefixtures("soundfile")
@pytest.mark.parametrize(
    ("samples", "rate", "options", "message"),
    [
        (SILENCE.astype(np.int16), 8000, {}, "Divide by 32768"),
        (SILENCE[:0], 8000, {}, "non-empty"),
        (SILENCE + np.nan, 8000, {}, "finite"),
        (SILENCE[None], 8000, {}, r"\[n, channels\]"),
        (SILENCE, 0, {}, "`rate`"),
        (SILENCE, 44.1, {}, "`rate`"),
        (SILENCE, 8000, {"bits": 8}, "`bits`"),
        (np.zeros((8, 9), np.float32), 8000, {"name": "a.flac"}, "that FLAC has"),
        (SILENCE, 8000, {"name": "a.mp3"}, "one of .wav, .flac"),
    ],
)
def test_bad_sound_is_not_written(tmp_path, samples, rate, options, message):
    path = tmp_path / options.pop("name", "a.wav")
    path.write_bytes(b"before")
    with refuses(message):
        inr.write_audio(path, samples, rate, **options)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def clip(t=12, h=32, w=48):
    """Smooth colors that move."""
    z, y, x = np.meshgrid(*[np.arange(n) / 32 for n in (t, h, w)], indexing="ij")
    shades = [np.sin(3 * x + 2 * z), np.cos(2 * y - z), np.sin(x + y + 3 * z)]
    return (0.5 + 0.4 * np.stack(shades, -1)).astype(np.float32)


@pytest.mark.usefixtures("av")
@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("fps", [24, 30000 / 1001, 7.5])
def test_a_video_comes_back_nearly_as_it_was(tmp_path, extension, fps):
    path, frames = tmp_path / f"clip{extension}", clip()
    inr.write_video(path, frames, fps)
    read, rate = inr.read_video(path)
    assert (read.shape, read.dtype) == (frames.shape, np.float32)
    np.testing.assert_allclose(rate, fps, rtol=1e-6)
    difference = 255 * (read - frames)
    assert np.abs(difference).max() < 20  # color is at half the resolution
    assert np.sqrt(np.mean(difference**2)) < 3
    # Rounding that is not exact, or another matrix of colors, would shift the mean.
    assert np.abs(difference.mean((0, 1, 2))).max() < 1


@pytest.mark.usefixtures("av")
def test_bytes_generators_and_gray_are_written_alike(tmp_path):
    levels = np.rint(255 * clip()).astype(np.uint8)
    path = tmp_path / "clip.mp4"
    found = []
    for frames in (levels, levels.astype(np.float32) / 255, (x for x in levels)):
        inr.write_video(path, frames, 25)
        found.append(inr.read_video(path, dtype=np.uint8)[0])
    assert found[0].dtype == np.uint8
    for other in found[1:]:  # the encoder's choices depend on where memory lies
        assert np.abs(found[0] - other.astype(float)).mean() < 2
    np.testing.assert_array_equal(found[2], np.rint(255 * inr.read_video(path)[0]))
    inr.write_video(path, levels[..., :1], 25)
    gray = inr.read_video(path, dtype=np.uint8)[0].astype(int)
    assert np.ptp(gray, axis=-1).max() <= 3


@pytest.mark.usefixtures("av")
def test_a_part_of_a_video_is_read_smaller(tmp_path):
    path, frames = tmp_path / "clip.mp4", clip()
    inr.write_video(path, frames, 25)
    few, _ = inr.read_video(path, num_frames=5)
    np.testing.assert_array_equal(few, inr.read_video(path)[0][:5])
    small, _ = inr.read_video(path, size=(16, 24))
    means = frames.reshape(12, 16, 2, 24, 2, 3).mean((2, 4))
    assert np.sqrt(np.mean((small - means) ** 2)) < 5 / 255
    assert len(inr.read_video(path, num_frames=13)[0]) == 12
    with refuses("`max_bytes`, 10000"):
        inr.read_video(path, max_bytes=10_000)
    with refuses("`size`"):
        inr.read_video(path, size=(16,))
    with refuses("`dtype`"):
        inr.read_video(path, dtype=np.float64)


@pytest.mark.usefixtures("av")
def test_a_video_taken_with_the_camera_turned_is_upright(tmp_path):
    path, frames = tmp_path / "clip.mp4", clip()
    inr.write_video(path, frames, 25)
    plain, _ = inr.read_video(path)
    content = path.read_bytes()
    one = 1 << 16

    def matrix(a, b, c, d):
        return struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)

    # (x, y) goes to (a x + c y, b x + d y): here right to down, and down to left.
    start = content.index(b"tkhd")
    at = content.index(matrix(one, 0, 0, one), start)
    turned = content[:at] + matrix(0, one, -one, 0) + content[at + 36 :]
    path.write_bytes(turned)
    upright, _ = inr.read_video(path)
    np.testing.assert_array_equal(upright, np.rot90(plain, -1, axes=(1, 2)))
    assert inr.read_video(path, size=(24, 16))[0].shape == (12, 24, 16, 3)


def write_at(av, path, times):
    """Frames shown at the given times, in hundredths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 100)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        for time, picture in zip(times, clip(len(times)), strict=True):
            levels = np.rint(255 * picture).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    "times",
    [
        [0, 4, 8, 12, 20, 24, 28, 32],  # a dropped frame
        [0, 4, 8, 12, 16, 20, 23, 26, 29, 32, 35, 38],  # 25, then 33 a second
    ],
)
def test_a_variable_frame_rate_is_refused(av, tmp_path, times):
    write_at(av, tmp_path / "clip.mkv", times)
    with refuses("constant frame rate"):
        inr.read_video(tmp_path / "clip.mkv")


def test_times_rounded_to_the_clock_are_a_constant_rate(av, tmp_path):
    write_at(av, tmp_path / "clip.mkv", [0, 3, 7, 10, 13, 17, 20, 23, 27, 30])
    frames, fps = inr.read_video(tmp_path / "clip.mkv")
    assert len(frames) == 10
    np.testing.assert_allclose(fps, 30, rtol=0.04)


@pytest.mark.usefixtures("av")
def test_files_that_are_no_video_are_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    with refuses("clip.mp4", FileNotFoundError):
        inr.read_video(path)
    inr.write_video(path, clip(), 25)
    content = path.read_bytes()
    start = content.index(b"mdat") + 800
    noise = RNG.bytes(1000)
    damaged = content[:start] + noise + content[start + len(noise) :]
    for broken in (b"", RNG.bytes(3000), content[: len(content) // 2], damaged):
        path.write_bytes(broken)
        with refuses("intact video file"):
            inr.read_video(path)


@pytest.mark.usefixtures("av", "soundfile")
def test_a_file_with_sound_only_has_no_pictures(tmp_path):
    inr.write_audio(tmp_path / "sound.wav", np.zeros(800, np.float32), 8000)
    with refuses("with pictures"):
        inr.read_video(tmp_path / "sound.wav")


@pytest.mark.usefixtures("av")
@pytest.mark.parametrize(
    ("frames", "fps", "name", "message"),
    [
        (clip(2, 31, 48), 25, "a.mp4", "even height and width"),
        (clip()[..., :2], 25, "a.mp4", "c = 1 or 3"),
        (clip() * np.nan, 25, "a.mp4", "finite"),
        (clip().astype(np.int32), 25, "a.mp4", "integer|floating"),
        (clip()[:0], 25, "a.mp4", "at least one"),
        (clip(), 0, "a.mp4", "`fps`"),
        (clip(), 25, "a.gif", "one of .mp4"),
        ([*clip(1), *clip(1, 16, 16)], 25, "a.mp4", "as large as the first"),
    ],
)
def test_bad_frames_are_not_written(tmp_path, frames, fps, name, message):
    path = tmp_path / name
    path.write_bytes(b"before")
    with refuses(message):
        inr.write_video(path, frames, fps)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with refuses("mkdir", FileNotFoundError):
        inr.write_audio(tmp_path / "none" / "a.wav", SILENCE, 8000)
    with refuses("mkdir", FileNotFoundError):
        inr.write_video(tmp_path / "none" / "a.mp4", clip(), 25)


@pytest.mark.parametrize("name", ["soundfile", "av"])
def test_without_the_package_the_error_says_what_to_install(tmp_path, name):
    (tmp_path / "file").write_bytes(b"x")
    verb = {"soundfile": "read_audio", "av": "read_video"}[name]
    code = (
        f"import sys, inr; sys.modules[{name!r}] = None\n"
        f"try: inr.{verb}({str(tmp_path / 'file')!r})\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert 'pip install "inr[media]"' in out.stdout
